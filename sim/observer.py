"""What the benches watch in every cycle: results as they are written, and the rules of the bus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.lib.wiring import Member, Out
from cocotb.triggers import ReadOnly, RisingEdge

from sim.memory import WindowMemory
from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import WRITABLE_WINDOWS
from tcugen.rtl.top import Top
from tcugen.simulator.memory_image import PAGE_BYTES
from tcugen.simulator.run import trace_dtype

_BURST_INCR = 1


class TraceRecorder:
    """Records of the ports `trace_drain_*` and `trace_pool_*`, since the last `clear`."""

    def __init__(self, dut: Any, architecture: Architecture):
        self._dut = dut
        self._bytes = {"drain": architecture.output_lanes, "pool": architecture.rows}
        self._records: dict[str, list[tuple[int, int, int, int]]] = {}
        self.clear()

    def clear(self) -> None:
        self._records = {kind: [] for kind in self._bytes}

    def records(self, kind: str) -> np.ndarray:
        """Array of `trace_dtype`; `kind` is "drain" or "pool"."""
        array = np.zeros(len(self._records[kind]), trace_dtype(self._bytes[kind]))
        for at, (cycle, layer, address, data) in enumerate(self._records[kind]):
            array[at] = (cycle, address, layer, 0, np.frombuffer(data.to_bytes(self._bytes[kind], "little"), np.uint8))
        return array

    async def run(self) -> None:
        edge = RisingEdge(self._dut.aclk)
        ports = [
            (kind, *(getattr(self._dut, f"trace_{kind}_{name}") for name in ("valid", "layer", "address", "data")))
            for kind in self._bytes
        ]
        cycle = 0
        while True:
            await edge
            cycle += 1
            for kind, valid, layer, address, data in ports:
                if valid.value:
                    values = (cycle, int(layer.value), int(address.value), int(data.value))
                    self._records[kind].append(values)


@dataclass
class DefinedOutputs:
    """Checks that every output is 0 or 1 in every bit, from the first clock edge of the reset on.

    Attributes:
        violations: The first cycle in which an output had other bits, by its name.
    """

    dut: Any
    architecture: Architecture
    violations: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        # Amaranth puts a property together by a decorator that its stubs leave out.
        top: Any = Top(self.architecture)
        members: Mapping[str, Member] = top.signature.members
        outputs: list[tuple[str, Any]] = [
            (name, getattr(self.dut, name)) for name, member in members.items() if member.flow is Out
        ]
        edge, settled = RisingEdge(self.dut.aclk), ReadOnly()
        await edge
        cycle = 0
        while True:
            await settled
            for name, output in outputs:
                if name not in self.violations and not output.value.is_resolvable:
                    self.violations[name] = f"{name} is {output.value} in cycle {cycle}"
            await edge
            cycle += 1


@dataclass
class BusRules:
    """Checks the machine's side of its AXI4 bus in every cycle.

    Every burst is INCR at full width, at most BURST_BEATS long, inside one window (a writable one for writes) and
    inside one page; what is offered stays until it is taken.

    Attributes:
        violations: One line per broken rule.
        bursts: Bursts taken, by channel "ar" and "aw".
    """

    dut: Any
    architecture: Architecture
    memory: WindowMemory
    violations: list[str] = field(default_factory=list)
    bursts: dict[str, int] = field(default_factory=lambda: {"ar": 0, "aw": 0})

    async def run(self) -> None:
        edge = RisingEdge(self.dut.aclk)
        request = ("addr", "len", "size", "burst")
        payloads = {"ar": request, "aw": request, "w": ("data", "strb", "last")}
        channels = [
            (
                name,
                getattr(self.dut, f"m_axi_{name}valid"),
                getattr(self.dut, f"m_axi_{name}ready"),
                [getattr(self.dut, f"m_axi_{name}{part}") for part in parts],
            )
            for name, parts in payloads.items()
        ]
        offered: dict[str, tuple[int, ...] | None] = dict.fromkeys(payloads)
        while True:
            await edge
            if not self.dut.aresetn.value:
                offered = dict.fromkeys(payloads)
                continue
            for name, valid, ready, parts in channels:
                before = offered[name]
                if not valid.value:
                    if before is not None:
                        self.violations.append(f"{name}valid fell before {name}ready")
                        offered[name] = None
                    continue
                taken = bool(ready.value)
                if before is None and taken and name == "w":
                    continue
                values = tuple(int(part.value) for part in parts)
                if before not in (None, values):
                    self.violations.append(f"{name} changed from {before} to {values} before {name}ready")
                offered[name] = None if taken else values
                if taken and name != "w":
                    self._check_burst(name, *values)

    def _check_burst(self, name: str, address: int, length: int, size: int, burst: int) -> None:
        self.bursts[name] += 1
        beats, n_bytes = length + 1, (length + 1) << size
        place = f"{name} burst of {beats} beats at 0x{address:x}"
        if burst != _BURST_INCR or 1 << size != self.architecture.bus_bytes or address % self.architecture.bus_bytes:
            self.violations.append(f"{place} is not an aligned INCR burst at full width")
        if beats > BURST_BEATS:
            self.violations.append(f"{place} is longer than {BURST_BEATS}")
        if address // PAGE_BYTES != (address + n_bytes - 1) // PAGE_BYTES:
            self.violations.append(f"{place} crosses a page")
        window = self.memory.window_of(address, n_bytes)
        if window is None or (name == "aw" and window not in WRITABLE_WINDOWS):
            self.violations.append(f"{place} leaves the windows")
