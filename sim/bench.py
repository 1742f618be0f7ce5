"""Set-up that all cocotb benches share: driver, pauses, observers, and a run compared with the golden tensors."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

import cocotb
import numpy as np

from sim.driver import Driver, Run
from sim.job import ENVIRONMENT_VARIABLE, Job
from sim.observer import BusRules, DefinedOutputs, TraceRecorder
from sim.pauses import PROFILES, channels, pause_randomly
from tcugen.registers import ErrorCode
from tcugen.trace.observe import observe


class Timeout(TypedDict):
    """What `cocotb.test` takes as a limit."""

    timeout_time: float
    timeout_unit: Literal["ms"]


TIMEOUT: Timeout = {"timeout_time": 4, "timeout_unit": "ms"}
"""Limit of simulated time for each test: two million cycles, several times what the longest takes."""


class Bench:
    """The design under test with everything around it, for the job that the environment names.

    Attributes:
        job, directory: The job and where its files are.
        driver, trace, rules, outputs: See there.
    """

    def __init__(self, dut: Any):
        logging.getLogger("cocotb.tcu_top").setLevel(logging.WARNING)
        self.directory = Path(os.environ[ENVIRONMENT_VARIABLE])
        self.job = Job.read(self.directory)
        program = self.job.program
        self.driver = Driver(dut, program)
        self.trace = TraceRecorder(dut, program.architecture)
        self.rules = BusRules(dut, program.architecture, self.driver.memory)
        self.outputs = DefinedOutputs(dut, program.architecture)

    async def begin(self, pausing: bool = True) -> None:
        """Resets the machine, starts observers and the job's pauses, loads the program and sets all registers."""
        dut, driver = self.driver.dut, self.driver
        if cocotb.SIM_NAME.startswith("Icarus"):  # others know no undefined bits
            cocotb.start_soon(self.outputs.run())
        await driver.reset()
        cocotb.start_soon(self.trace.run())
        cocotb.start_soon(self.rules.run())
        profile = PROFILES[self.job.pauses]
        driver.slave.read_if.ar_channel.queue_occupancy_limit = profile.requests
        driver.slave.write_if.aw_channel.queue_occupancy_limit = profile.requests
        if pausing and profile.share:
            buses = channels(driver.slave, driver.master)
            cocotb.start_soon(pause_randomly(dut.aclk, buses, profile, self.job.seed))
        driver.load()
        await driver.configure()

    async def run_image(self, number: int) -> Run:
        """Runs one image from start to interrupt without comparing anything."""
        self.load_image(number)
        await self.driver.start()
        return await self.driver.finish(self.job.max_cycles)

    def load_image(self, number: int) -> None:
        """Puts the inputs of an image into memory and forgets the traces of what ran before."""
        self.trace.clear()
        self.driver.load_inputs({name: tensor[number] for name, tensor in self.job.inputs.items()})

    async def check_image(self, number: int) -> Run:
        """Runs one image and requires it to be right: see `check_run`."""
        run = await self.run_image(number)
        await self.check_run(run, number)
        return run

    async def check_run(self, run: Run, number: int) -> None:
        """Requires a good end, every tensor equal to golden, counters that add up and an obeyed bus."""
        assert run.done and run.error == (ErrorCode.NONE, 0), f"the machine stopped with {run.error}"
        self.check_bus()
        observed = observe(self.job.program, self.trace.records("drain"), self.trace.records("pool")).tensors
        expected = {name: tensor[number] for name, tensor in self.job.expected.items()}
        differences = compare(observed, expected, "observed")
        outputs = self.driver.outputs()
        differences += compare(outputs, {name: expected[name] for name in outputs}, "in memory")
        assert not differences, "\n".join(["tensors differ from golden:", *differences])
        totals = run.counters
        shares = [value for name, value in totals.items() if name == "BUSY" or name.startswith("STALL_")]
        assert sum(shares) == totals["CYCLES"], f"busy and stalled cycles do not add up to all: {totals}"
        by_layer = await self.driver.layer_counters()
        assert by_layer == {name: totals[name] for name in by_layer}, f"layers {by_layer} do not add up to {totals}"

    def check_bus(self) -> None:
        """Requires that no rule of the bus and no window was violated, and that no output was undefined."""
        violations = self.rules.violations + self.driver.memory.violations + [*self.outputs.violations.values()]
        assert not violations, "\n".join(["bus rules violated:", *violations[:10]])


def compare(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], where: str) -> list[str]:
    """One line per tensor that differs: how many elements, and the first of them."""
    if set(found) != set(expected):
        return [f"tensors {where} are {sorted(found)}, but golden has {sorted(expected)}"]
    lines: list[str] = []
    for name, wanted in expected.items():
        differs = np.argwhere(found[name] != wanted)
        if len(differs):
            channel, y, x = (int(index) for index in differs[0])
            lines.append(
                f"{name} {where}: {len(differs)} of {wanted.size} elements differ, the first at channel {channel}, "
                f"y {y}, x {x}: expected {wanted[channel, y, x]}, got {found[name][channel, y, x]}"
            )
    return lines
