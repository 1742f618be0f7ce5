"""cocotb bench: the machine on cocotbext-axi's memory, attached as its documentation says."""

import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, First, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

from sim.bench import TIMEOUT, compare
from sim.job import ENVIRONMENT_VARIABLE, Job
from tcugen.isa import Window
from tcugen.registers import BY_NAME
from tcugen.simulator.memory_image import PAGE_BYTES

RAM_BYTES = 1 << 20


@cocotb.test(**TIMEOUT)
async def the_machine_runs_on_a_plain_ram(dut: Any) -> None:
    job = Job.read(Path(os.environ[ENVIRONMENT_VARIABLE]))
    program = job.program
    ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.aclk, dut.aresetn, reset_active_level=False, size=RAM_BYTES)
    registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, dut.aresetn, reset_active_level=False)
    Clock(dut.aclk, 2, "ns").start()
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 4)
    dut.aresetn.value = 1

    async def write(name: str, value: int) -> None:
        await registers.write(BY_NAME[name].address, value.to_bytes(4, "little"))

    sizes = {
        Window.PROGRAM: len(program.code),
        Window.WEIGHTS: program.weights.size,
        Window.INPUT: program.input_bytes,
        Window.OUTPUT: program.output_bytes,
        Window.SCRATCH: program.scratch_bytes,
    }
    bases: dict[Window, int] = {}
    end = 0
    for window, size in sizes.items():
        bases[window], end = end, end + -(-size // PAGE_BYTES) * PAGE_BYTES
        await write(f"{window.name}_BASE_LOW", bases[window])
        await write(f"{window.name}_SIZE", size)
    ram.write(bases[Window.PROGRAM], program.code)
    ram.write(bases[Window.WEIGHTS], program.weights.tobytes())
    for port in program.inputs:
        ram.write(bases[Window.INPUT] + port.offset, port.layout.pack(job.inputs[port.tensor][0]).tobytes())
    await write("INTERRUPT_ENABLE", 1)
    await write("CONTROL", 1)
    done = RisingEdge(dut.irq)
    assert await First(done, ClockCycles(dut.aclk, job.max_cycles)) is done, "no interrupt"
    found: dict[str, np.ndarray] = {}
    for port in program.outputs:
        image = ram.read(bases[Window.OUTPUT] + port.offset, port.layout.bytes)
        found[port.tensor] = port.layout.unpack(np.frombuffer(image, np.uint8))
    expected = {name: job.expected[name][0] for name in found}
    assert not (differences := compare(found, expected, "in memory")), "\n".join(differences)
