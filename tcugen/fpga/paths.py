"""The longest paths of an ECP5 netlist before it is placed: in seconds what place-and-route says after an hour.

Delays of cells are round figures for speed grade 6; a wire costs the more the more it drives. That tells the order of
paths and what a change has moved, no clock: what is placed is slower.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tcugen.fpga.timing import signal_name

FAMILY = "ecp5"

_FROM_FLIP_FLOP, _FROM_BLOCK_RAM = 0.52, 5.6
_LUT, _MULTIPLEXER, _MULTIPLIER = 0.24, 0.15, 3.9
_INTO_CARRY, _CARRY = 0.45, 0.07


@dataclass(frozen=True)
class LongPath:
    """The longest path among those that start in one unit and end in another, or the same.

    Attributes:
        start, end: `unit.unit.signal`.
        ns: Estimated.
        endpoints: Flip-flops and memory ports that end such a path of `ABOVE_NS` or more.
    """

    start: str
    end: str
    ns: float
    endpoints: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


ABOVE_NS = 8.0
"""Seven levels of LUTs: 100 MHz once placed."""


def longest_paths(netlist: Path, top: str) -> list[LongPath]:
    """Longest first, one for each two units.

    Args:
        netlist: Yosys' JSON of cells of ECP5.
        top: Its module.
    """
    module = json.loads(netlist.read_text())["modules"][top]
    graph = _Graph(module["cells"])
    names = _names(module["netnames"])
    found: dict[tuple[str, str], tuple[float, int, str, str]] = {}
    for bit, cell, output in graph.ends:
        ns = graph.arrival(bit) + graph.wire(bit)
        start = names.get(graph.source(bit), "an input")
        end = names.get(output, signal_name(cell)) if output is not None else signal_name(cell)
        units = (_unit(start), _unit(end))
        longest, count, *ends = found.get(units, (0.0, 0, "", ""))
        count += ns >= ABOVE_NS
        found[units] = (ns, count, start, end) if ns > longest else (longest, count, ends[0], ends[1])
    paths = [LongPath(start, end, round(ns, 1), count) for ns, count, start, end in found.values()]
    return sorted(paths, key=lambda path: (-path.ns, path.start, path.end))


def _unit(name: str) -> str:
    return name.rpartition(".")[0]


def _names(nets: Mapping[str, Any]) -> dict[int, str]:
    """The shortest of the design's own names of each net."""
    names: dict[int, str] = {}
    for name, net in nets.items():
        plain = "" if net.get("hide_name") else signal_name(name)
        for bit in net["bits"]:
            if plain and isinstance(bit, int) and len(plain) < len(names.get(bit, plain + ".")):
                names[bit] = plain
    return names


class _Graph:
    """What follows from what within a cycle.

    Attributes:
        ends: Net, cell and what the cell drives (None for memories), of every input of a register or memory.
    """

    def __init__(self, cells: Mapping[str, Any]) -> None:
        self.ends: list[tuple[int, str, int | None]] = []
        self._arcs: dict[int, list[tuple[int, float]]] = defaultdict(list)
        self._starts: dict[int, float] = {}
        self._drives: dict[int, int] = defaultdict(int)
        self._arrivals: dict[int, tuple[float, int]] = {}
        for cell in cells.values():
            for port, bits in cell["connections"].items():
                if cell["port_directions"].get(port) == "input":
                    for bit in _nets(bits):
                        self._drives[bit] += 1
        for name, cell in cells.items():
            self._add(name, cell["type"], {port: _nets(bits) for port, bits in cell["connections"].items()})

    def wire(self, bit: int) -> float:
        """From the driver of a net to what it drives."""
        return 0.55 + 0.18 * math.log2(1 + self._drives[bit])

    def source(self, bit: int) -> int:
        """The net at which the longest path to `bit` starts; `arrival` first."""
        while (before := self._arrivals[bit][1]) != bit:
            bit = before
        return bit

    def arrival(self, end: int) -> float:
        """When a net has its value, from the clock edge on."""
        stack = [end]
        while stack:
            bit = stack[-1]
            arcs = self._arcs.get(bit, ())
            if bit in self._starts or not arcs:
                self._arrivals[bit] = (self._starts.get(bit, 0.0), bit)
            elif waiting := [before for before, _ in arcs if before not in self._arrivals]:
                stack += waiting
                continue
            else:
                self._arrivals[bit] = max((self._arrivals[before][0] + ns, before) for before, ns in arcs)
            stack.pop()
        return self._arrivals[end][0]

    def _add(self, name: str, kind: str, nets: Mapping[str, list[int]]) -> None:
        if kind == "TRELLIS_FF":
            outputs = nets.get("Q", [])
            self._starts |= dict.fromkeys(outputs, _FROM_FLIP_FLOP)
            ends = (bit for port in ("DI", "CE", "LSR", "M") for bit in nets.get(port, []))
            self.ends += [(bit, name, outputs[0] if outputs else None) for bit in ends]
        elif kind in ("DP16KD", "PDPW16KD"):
            for port, bits in nets.items():
                if port.startswith("DO"):
                    self._starts |= dict.fromkeys(bits, _FROM_BLOCK_RAM)
                elif not port.startswith("CLK"):
                    self.ends += [(bit, name, None) for bit in bits]
        elif kind == "TRELLIS_DPR16X4":
            self._arc(nets, ("RAD",), ("DO",), _LUT)
            self.ends += [(bit, name, None) for port in ("DI", "WAD", "WRE") for bit in nets.get(port, [])]
        elif kind == "LUT4":
            self._arc(nets, "ABCD", "Z", _LUT)
        elif kind == "PFUMX":
            self._arc(nets, ("ALUT", "BLUT"), "Z", _MULTIPLEXER, wired=False)
            self._arc(nets, ("C0",), "Z", _MULTIPLEXER)
        elif kind == "L6MUX21":
            self._arc(nets, ("D0", "D1"), "Z", _MULTIPLEXER, wired=False)
            self._arc(nets, ("SD",), "Z", _MULTIPLEXER)
        elif kind == "CCU2C":
            operands = [port + number for port in "ABCD" for number in "01"]
            self._arc(nets, operands, ("S0", "S1", "COUT"), _INTO_CARRY)
            self._arc(nets, ("CIN",), ("COUT",), _CARRY, wired=False)
            self._arc(nets, ("CIN",), ("S0", "S1"), _INTO_CARRY, wired=False)
        elif kind == "MULT18X18D":
            factors = [f"{port}{number}" for port in "AB" for number in range(18)]
            self._arc(nets, factors, [f"P{number}" for number in range(36)], _MULTIPLIER)

    def _arc(
        self,
        nets: Mapping[str, list[int]],
        inputs: Iterable[str],
        outputs: Iterable[str],
        ns: float,
        wired: bool = True,
    ) -> None:
        """Outputs follow from inputs; not `wired` are those that sit side by side in a slice."""
        befores = [bit for port in inputs for bit in nets.get(port, [])]
        for after in (bit for port in outputs for bit in nets.get(port, [])):
            self._arcs[after] += [(before, ns + (self.wire(before) if wired else 0.0)) for before in befores]


def _nets(bits: Iterable[Any]) -> list[int]:
    return [bit for bit in bits if isinstance(bit, int)]
