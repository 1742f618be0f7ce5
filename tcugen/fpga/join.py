"""The machine's netlist put into that of its wrapper: what is placed is what was counted."""

from collections.abc import Callable
from typing import Any

Bit = int | str
Module = dict[str, Any]
"""A module of Yosys' JSON: ports, cells, netnames; a net is a number, a constant a string."""


def put_into(wrapper: Module, machine: Module, instance: str) -> Module:
    """The wrapper with its cell `instance` replaced by the cells of `machine`, named `instance.NAME`.

    Done here as JSON, as on the way through Yosys cells would lose their directions and parameters.
    """
    cell = wrapper["cells"][instance]
    first = 1 + max(bit for net in wrapper["netnames"].values() for bit in net["bits"] if isinstance(bit, int))
    inside: dict[Bit, Bit] = {}
    outside: dict[Bit, Bit] = {}
    for name, port in machine["ports"].items():
        if port["direction"] == "input":
            inside |= dict(zip(port["bits"], cell["connections"][name], strict=True))

    def moved(bit: Bit) -> Bit:
        return inside.get(bit, first + bit) if isinstance(bit, int) else bit

    def kept(bit: Bit) -> Bit:
        return outside.get(bit, bit)

    for name, port in machine["ports"].items():
        if port["direction"] == "output":
            outside |= dict(zip(cell["connections"][name], map(moved, port["bits"]), strict=True))
    cells = {name: _renamed(other, kept) for name, other in wrapper["cells"].items() if name != instance}
    cells |= {f"{instance}.{name}": _renamed(other, moved) for name, other in machine["cells"].items()}
    nets = {name: net | {"bits": list(map(kept, net["bits"]))} for name, net in wrapper["netnames"].items()}
    nets |= {
        f"{instance}.{name}": net | {"bits": list(map(moved, net["bits"]))} for name, net in machine["netnames"].items()
    }
    ports = {name: port | {"bits": list(map(kept, port["bits"]))} for name, port in wrapper["ports"].items()}
    return wrapper | {"ports": ports, "cells": cells, "netnames": nets}


def _renamed(cell: Module, new: Callable[[Bit], Bit]) -> Module:
    return cell | {"connections": {port: list(map(new, bits)) for port, bits in cell["connections"].items()}}
