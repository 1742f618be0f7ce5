"""Area, flip-flops and bits of memory of each module of a netlist."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tcugen.cells.cell_library import Cells

Modules = Mapping[str, Any]
"""Modules of Yosys' JSON by name."""

MEMORIES = ("tcu_sram_1r1w", "tcu_words")
"""Black boxes whose bits are counted, width times depth."""


@dataclass(frozen=True)
class ModuleArea:
    """All instances of a module, without the modules inside.

    Attributes:
        module: Its name in the Verilog.
        instances: How many there are.
        area_um2: Square micrometres of cells.
        flip_flops, memory_bits: How many.
    """

    module: str
    instances: int
    area_um2: float
    flip_flops: int
    memory_bits: int


def instances_of(modules: Modules, top: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path of instances and module of `top` and of all modules inside, parents first."""
    waiting: list[tuple[tuple[str, ...], str]] = [((), top)]
    while waiting:
        path, module = waiting.pop()
        yield path, module
        waiting += [
            ((*path, name), cell["type"])
            for name, cell in modules[module]["cells"].items()
            if is_module(modules, cell["type"])
        ]


def is_module(modules: Modules, kind: str) -> bool:
    """Whether cells of that type have cells inside."""
    return kind in modules and kind not in MEMORIES and bool(modules[kind]["cells"] or not _is_box(modules[kind]))


def _is_box(module: Mapping[str, Any]) -> bool:
    return any(name in module.get("attributes", {}) for name in ("blackbox", "whitebox"))


def area_by_module(modules: Modules, top: str, cells: Cells) -> list[ModuleArea]:
    """Largest first; the sum is the whole machine.

    Raises:
        KeyError: If a cell is neither of the library nor a memory.
    """
    instances: dict[str, int] = defaultdict(int)
    for _, module in instances_of(modules, top):
        instances[module] += 1
    rows = [_area(name, modules[name], number, modules, cells) for name, number in instances.items()]
    return sorted(rows, key=lambda row: (-row.area_um2, row.module))


def _area(name: str, module: Mapping[str, Any], instances: int, modules: Modules, cells: Cells) -> ModuleArea:
    area, flip_flops, bits = 0.0, 0, 0
    for cell in module["cells"].values():
        if cell["type"] in MEMORIES:
            bits += memory_bits(cell)
        elif not is_module(modules, cell["type"]):
            kind = cells.cells[cell["type"]]
            area += kind.area_um2
            flip_flops += kind.flip_flop
    return ModuleArea(name, instances, instances * area, instances * flip_flops, instances * bits)


def memory_bits(cell: Mapping[str, Any]) -> int:
    """Of a cell that is a memory."""
    return _number(cell["parameters"]["WIDTH"]) * _number(cell["parameters"]["DEPTH"])


def _number(parameter: str | int) -> int:
    return parameter if isinstance(parameter, int) else int(parameter, 2)
