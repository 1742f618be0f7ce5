"""The host of one machine: registers by name, programs, runs, and what they left in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, First, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp

from sim.memory import WindowMemory, axi_slave
from tcugen.isa import Window
from tcugen.program import Program
from tcugen.registers import BY_NAME, WATCHDOG_CYCLES, ErrorCode
from tcugen.simulator.headers import (
    CONTROL_CLEAR_INTERRUPT,
    CONTROL_START,
    STATUS_DONE,
    STATUS_ERROR,
    counter_names,
    layer_counter_names,
)
from tcugen.simulator.memory_image import Area, place

CONTROL_SOFT_RESET = 1 << 1
STATUS_BUSY = 1 << 0

CLOCK_PERIOD_NS = 2
_RESET_CYCLES = 4


class RegisterError(AssertionError):
    """The machine refused a register access. The message names register and response."""


class Timeout(AssertionError):
    """The machine did not come to its end within the cycles it was given."""


@dataclass(frozen=True)
class Run:
    """How a run ended: `error` is (code, address), with code NONE for a good run."""

    done: bool
    error: tuple[ErrorCode, int]
    counters: dict[str, int]


class Driver:
    """Clock, registers and memory of the design under test.

    Attributes:
        master: AXI4-Lite master on the registers.
        memory: What the machine sees through its windows.
        slave, bus: AXI4 slave in front of it and the ports it is on.
        areas: Base and size of each window, on pages of their own, above 4 GiB where addresses allow it.
    """

    def __init__(self, dut: Any, program: Program):
        self.dut, self.program = dut, program
        image = place(program, 1)
        self.areas = {**image.shared, Window.INPUT: image.inputs[0], Window.OUTPUT: image.outputs[0]}
        self.memory = WindowMemory(self.areas)
        self.bus = AxiBus.from_prefix(dut, "m_axi")
        self.slave = axi_slave(dut, self.bus, self.memory)
        self.master = AxiLiteMaster(
            AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, dut.aresetn, reset_active_level=False
        )

    async def reset(self) -> None:
        """Starts the clock and resets the machine."""
        Clock(self.dut.aclk, CLOCK_PERIOD_NS, "ns").start()
        await self.pulse_reset()

    async def pulse_reset(self) -> None:
        """Resets the machine, the memory and the host's side of the registers."""
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, _RESET_CYCLES)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, _RESET_CYCLES)

    async def try_write(self, name: str, value: int) -> AxiResp:
        """Writes a register; the response tells whether it was taken."""
        return (await self.master.write(BY_NAME[name].address, value.to_bytes(4, "little"))).resp

    async def write(self, name: str, value: int) -> None:
        """Writes a register; raises RegisterError if it is refused."""
        response = await self.try_write(name, value)
        if response != AxiResp.OKAY:
            raise RegisterError(f"writing {value:#x} to {name} was answered with {response.name}")

    async def read(self, name: str) -> int:
        """Reads a register; raises RegisterError if it is refused."""
        result = await self.master.read(BY_NAME[name].address, 4)
        if result.resp != AxiResp.OKAY:
            raise RegisterError(f"reading {name} was answered with {result.resp.name}")
        return int.from_bytes(result.data, "little")

    async def read_wide(self, name: str) -> int:
        """Reads the register pair NAME_LOW, NAME_HIGH."""
        return await self.read(f"{name}_LOW") | await self.read(f"{name}_HIGH") << 32

    def load(self) -> None:
        """Puts program and weights into memory; the rest becomes 0."""
        for content in self.memory.contents.values():
            content[:] = bytes(len(content))
        self.memory.contents[Window.PROGRAM][:] = self.program.code
        self.memory.contents[Window.WEIGHTS][:] = self.program.weights.tobytes()

    def load_inputs(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Puts int8 [C, H, W] by input tensor's name into window INPUT."""
        for port in self.program.inputs:
            packed = port.layout.pack(tensors[port.tensor]).tobytes()
            self.memory.contents[Window.INPUT][port.offset : port.offset + len(packed)] = packed

    def outputs(self) -> dict[str, np.ndarray]:
        """int8 or int32 [C, H, W] by output tensor's name, as they stand in window OUTPUT."""
        image = np.frombuffer(bytes(self.memory.contents[Window.OUTPUT]), np.uint8)
        ports = self.program.outputs
        return {port.tensor: port.layout.unpack(image[port.offset :][: port.layout.bytes]) for port in ports}

    async def set_window(self, window: Window, area: Area) -> None:
        """Sets the machine's window, and lets memory answer in `area` only."""
        self.memory.areas[window] = area
        await self.write(f"{window.name}_BASE_LOW", area.base & 0xFFFF_FFFF)
        await self.write(f"{window.name}_BASE_HIGH", area.base >> 32)
        await self.write(f"{window.name}_SIZE", area.size)

    async def configure(self, watchdog_cycles: int = WATCHDOG_CYCLES) -> None:
        """Sets all windows, the watchdog and the interrupt."""
        for window, area in self.areas.items():
            await self.set_window(window, area)
        await self.write("WATCHDOG", watchdog_cycles)
        await self.write("INTERRUPT_ENABLE", 1)

    async def start(self) -> None:
        await self.write("CONTROL", CONTROL_START)

    async def finish(self, max_cycles: int) -> Run:
        """Waits for the interrupt of a started run, clears it and reads status and counters; raises Timeout."""
        if not self.dut.irq.value:
            raised = RisingEdge(self.dut.irq)
            if await First(raised, ClockCycles(self.dut.aclk, max_cycles)) is not raised:
                status = await self.read("STATUS")
                raise Timeout(f"no interrupt after {max_cycles} cycles; STATUS is {status:#x}")
        await self.write("CONTROL", CONTROL_CLEAR_INTERRUPT)
        if self.dut.irq.value:
            raise AssertionError("the interrupt is still raised after it was cleared")
        status = await self.read("STATUS")
        if status not in (STATUS_DONE, STATUS_ERROR):
            raise AssertionError(f"STATUS is {status:#x} after the interrupt, but must be done or error")
        code, address = ErrorCode(await self.read("ERROR_CODE")), await self.read_wide("ERROR_ADDRESS")
        counters = {name: await self.read_wide(name) for name in counter_names()}
        return Run(status == STATUS_DONE, (code, address), counters)

    async def soft_reset(self, max_reads: int = 1000) -> None:
        """Resets the machine through its register and waits until it is idle; raises Timeout."""
        await self.write("CONTROL", CONTROL_SOFT_RESET)
        for _ in range(max_reads):
            if not await self.read("STATUS"):
                return
        raise Timeout(f"STATUS is not 0 after {max_reads} reads after a soft reset")

    async def layer_counters(self) -> dict[str, int]:
        """Counters by name, summed over all layers."""
        totals = dict.fromkeys(layer_counter_names(), 0)
        for layer in range(len(self.program.layers)):
            await self.write("LAYER_SELECT", layer)
            for name in totals:
                totals[name] += await self.read(f"LAYER_{name}")
        return totals
