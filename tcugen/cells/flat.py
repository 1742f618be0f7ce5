"""A netlist of modules as one list of cells, with the design's own names of what they drive.

Memories are left out: what they read becomes outputs, what they give becomes inputs, so that paths end and begin there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tcugen.cells.area import MEMORIES, Modules, instances_of, is_module
from tcugen.cells.cell_library import CLOCK_PIN, Cells

Net = int | str
"""A number, or "0" or "1"."""

Bit = tuple[str, int]
"""A bit of a signal: the signal's full name, instances joined by points, and the bit's index from 0."""


@dataclass(frozen=True)
class FlatCell:
    """A cell of the library.

    Attributes:
        kind: Its name in the library.
        pins: Net on each pin; pins without one are left out.
        module: Index of the instance that it is in, of `Flat.instances`.
    """

    kind: str
    pins: dict[str, Net]
    module: int


@dataclass(frozen=True)
class Flat:
    """A flat netlist.

    Attributes:
        cells: All cells of the library.
        outputs_of: Pins that drive, by type of cell.
        instances: Path of instances and module of every module inside.
        inputs: Nets that come from outside or from a memory, with the name of that port or memory; the clock is not
            among them.
        outputs: Nets that go outside or into a memory, likewise.
        clock: Net of the clock.
        aliases: Signals that name a net, those of the module that drives it first.
    """

    cells: list[FlatCell]
    outputs_of: Mapping[str, frozenset[str]]
    instances: list[tuple[tuple[str, ...], str]]
    inputs: dict[int, str]
    outputs: dict[int, str]
    clock: int
    aliases: Mapping[Net, list[Bit]]

    def name(self, net: Net) -> str:
        """`unit.unit.signal[index]` of a net; "" if it has none in the design."""
        bits = self.aliases.get(net)
        if not bits:
            return ""
        name, index = bits[0]
        return f"{short(name)}[{index}]" if index >= 0 else short(name)


def short(name: str) -> str:
    """Units without `u_`."""
    return ".".join(unit.removeprefix("u_") for unit in name.split("."))


def flatten(modules: Modules, top: str, library: Cells) -> Flat:
    """All of `top`.

    Args:
        modules: Of Yosys' JSON, its cells those of the library, memories and modules.

    Raises:
        ValueError: If flip-flops have no clock in common that is an input of `top`.
    """
    return _Flattening(modules, top, library).flat()


class _Flattening:
    """Nets of all instances, joined at their ports."""

    def __init__(self, modules: Modules, top: str, library: Cells) -> None:
        self._modules, self._top, self._library = modules, top, library
        self._instances = list(instances_of(modules, top))
        self._first: dict[tuple[str, ...], int] = {}
        self._same: dict[Net, Net] = {}
        self._drivers: dict[Net, tuple[str, ...]] = {}
        self._number_nets()
        self._join_ports()

    def flat(self) -> Flat:
        cells: list[FlatCell] = []
        outputs_of: dict[str, frozenset[str]] = {}
        inputs: dict[int, str] = {}
        outputs: dict[int, str] = {}
        clocks: set[Net] = set()
        for index, (path, module) in enumerate(self._instances):
            for name, cell in self._modules[module]["cells"].items():
                kind = cell["type"]
                if kind in MEMORIES:
                    self._cut(cell, (*path, name), path, inputs, outputs)
                elif not is_module(self._modules, kind):
                    drives = frozenset(pin for pin, way in cell["port_directions"].items() if way == "output")
                    pins = {pin: self._net(path, bits[0]) for pin, bits in cell["connections"].items() if bits}
                    outputs_of[kind] = drives
                    cells.append(FlatCell(kind, pins, index))
                    for pin in drives & set(pins):
                        self._drivers.setdefault(pins[pin], path)
                    if self._library.cells[kind].flip_flop:
                        clocks.add(pins[CLOCK_PIN])
        ports = self._modules[self._top]["ports"]
        for name, port in ports.items():
            nets = [self._net((), bit) for bit in port["bits"]]
            found = inputs if port["direction"] == "input" else outputs
            for index, net in enumerate(nets):
                if isinstance(net, int):
                    found.setdefault(net, f"{name}[{index}]" if len(nets) > 1 else name)
        if len(clocks) != 1 or not (clock := clocks.pop()) or not isinstance(clock, int) or clock not in inputs:
            raise ValueError("the flip-flops of the netlist have not one clock that is an input")
        outputs = {net: name for net, name in outputs.items() if net not in inputs}
        inputs.pop(clock)
        return Flat(cells, outputs_of, self._instances, inputs, outputs, clock, self._aliases())

    def _number_nets(self) -> None:
        """Nets of instances have ranges of numbers, one after the other."""
        sizes: dict[str, int] = {}
        first = 0
        for path, module in self._instances:
            if module not in sizes:
                inside = self._modules[module]
                groups = [net["bits"] for net in inside["netnames"].values()]
                groups += [port["bits"] for port in inside["ports"].values()]
                groups += [bits for cell in inside["cells"].values() for bits in cell["connections"].values()]
                sizes[module] = 1 + max((bit for bits in groups for bit in bits if isinstance(bit, int)), default=0)
            self._first[path] = first
            first += sizes[module]

    def _join_ports(self) -> None:
        for path, module in self._instances[1:]:
            parent, name = path[:-1], path[-1]
            outer = self._module_of(parent)["cells"][name]["connections"]
            for port, inner in self._modules[module]["ports"].items():
                for inside, outside in zip(inner["bits"], outer.get(port, ()), strict=False):
                    self._join(self._net(path, inside), self._net(parent, outside))

    def _module_of(self, path: tuple[str, ...]) -> Mapping[str, Any]:
        module = self._modules[self._top]
        for name in path:
            module = self._modules[module["cells"][name]["type"]]
        return module

    def _net(self, path: tuple[str, ...], bit: int | str) -> Net:
        if isinstance(bit, int):
            return self._root(self._first[path] + bit)
        return "1" if bit == "1" else "0"

    def _root(self, net: Net) -> Net:
        root = net
        while (above := self._same.get(root)) is not None:
            root = above
        while net != root:
            self._same[net], net = root, self._same[net]
        return root

    def _join(self, one: Net, other: Net) -> None:
        if one != other:
            # Constants stay what they are.
            loser, winner = (other, one) if isinstance(one, str) else (one, other)
            self._same[loser] = winner

    def _cut(
        self,
        cell: Mapping[str, Any],
        name: tuple[str, ...],
        path: tuple[str, ...],
        inputs: dict[int, str],
        outputs: dict[int, str],
    ) -> None:
        for port, bits in cell["connections"].items():
            if port in ("clk", "read_clk", "write_clk"):
                continue
            gives = cell["port_directions"][port] == "output"
            for net in (self._net(path, bit) for bit in bits):
                if isinstance(net, int):
                    (inputs if gives else outputs).setdefault(net, ".".join(name))
                    if gives:
                        self._drivers.setdefault(net, path)

    def _aliases(self) -> Mapping[Net, list[Bit]]:
        found: dict[Net, list[tuple[bool, int, str, int]]] = defaultdict(list)
        for path, module in self._instances:
            for name, net in self._modules[module]["netnames"].items():
                if not net.get("hide_name"):
                    full = ".".join((*path, name))
                    for index, bit in _indexed(net["bits"]):
                        root = self._net(path, bit)
                        if isinstance(root, int):
                            found[root].append((self._drivers.get(root) != path, len(full), full, index))
        return {net: [(name, index) for _, _, name, index in sorted(bits)] for net, bits in found.items()}


def _indexed(bits: Iterable[Any]) -> list[tuple[int, int]]:
    """Nets with their index, -1 for the only one."""
    listed = list(bits)
    return [(index if len(listed) > 1 else -1, bit) for index, bit in enumerate(listed) if isinstance(bit, int)]
