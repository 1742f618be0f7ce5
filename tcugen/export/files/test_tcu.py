"""Test bench of the tensor compute unit for cocotb: `python test_tcu.py`. Needs cocotb 2.1 and cocotbext-axi.

SPDX-License-Identifier: MIT-0
"""

import json
import logging
import os
import random
import sys
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, First, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam, AxiResp

FOLDER = Path(__file__).parent
CONFIG = json.loads((FOLDER / "testbench.json").read_text())
REGISTERS = CONFIG["registers"]


def words_of(name):
    """Bytes of a file of hexadecimal words, most significant digit first."""
    words = (FOLDER / name).read_text().split()
    return b"".join(bytes.fromhex(word)[::-1] for word in words)


class Host:
    """Registers and memory of the machine under test."""

    def __init__(self, dut):
        self.dut = dut
        logging.getLogger("cocotb.tcu_top").setLevel(logging.WARNING)  # a line per burst is too many
        self.ram = AxiRam(
            AxiBus.from_prefix(dut, "m_axi"), dut.aclk, dut.aresetn, reset_active_level=False,
            size=1 << CONFIG["memory_bytes"].bit_length(),
        )  # fmt: skip
        bus = AxiLiteBus.from_prefix(dut, "s_axil")
        self.registers = AxiLiteMaster(bus, dut.aclk, dut.aresetn, reset_active_level=False)

    async def start(self):
        Clock(self.dut.aclk, 10, "ns").start()
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 8)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)
        self.ram.write(0, words_of("memory.hex"))
        for window in ("PROGRAM", "WEIGHTS", "SCRATCH"):
            await self.set_window(window, CONFIG["windows"][window]["base"])
        await self.write("WATCHDOG", 100000)
        await self.write("INTERRUPT_ENABLE", 1)

    async def write(self, name, value):
        written = await self.registers.write(REGISTERS[name], value.to_bytes(4, "little"))
        assert written.resp == AxiResp.OKAY, f"writing {value:#x} to {name} was refused"

    async def read(self, name):
        return int.from_bytes((await self.registers.read(REGISTERS[name], 4)).data, "little")

    async def set_window(self, name, base):
        await self.write(f"{name}_BASE_LOW", base)
        await self.write(f"{name}_BASE_HIGH", 0)
        await self.write(f"{name}_SIZE", CONFIG["windows"][name]["bytes"])

    async def run(self, image):
        """Runs one image; the bytes of window OUTPUT."""
        source, destination = (CONFIG["windows"][name] for name in ("INPUT", "OUTPUT"))
        await self.set_window("INPUT", source["base"] + image * source["step"])
        base = destination["base"] + image * destination["step"]
        await self.set_window("OUTPUT", base)
        await self.write("CONTROL", CONFIG["control"]["START"])
        raised = RisingEdge(self.dut.irq)
        assert await First(raised, ClockCycles(self.dut.aclk, CONFIG["max_cycles"])) is raised, "no interrupt"
        await self.write("CONTROL", CONFIG["control"]["CLEAR_INTERRUPT"])
        status, code = await self.read("STATUS"), await self.read("ERROR_CODE")
        assert status == CONFIG["status_done"], f"the machine stopped with error code {code}"
        return self.ram.read(base, destination["bytes"])


def check(image, found):
    """Compares window OUTPUT with what is expected of an image."""
    size = CONFIG["windows"]["OUTPUT"]["bytes"]
    expected, mask = (words_of(name)[image * size :][:size] for name in ("expected.hex", "mask.hex"))
    wrong = [at for at in range(size) if mask[at] and found[at] != expected[at]]
    assert not wrong, f"image {image}: {len(wrong)} bytes differ, the first is byte {wrong[0]} of OUTPUT"


@cocotb.test()
async def every_image_is_right(dut):
    """Every element of every output equals what is expected."""
    host = Host(dut)
    await host.start()
    assert await host.read("ARCHITECTURE") == CONFIG["architecture"]
    for image in range(CONFIG["images"]):
        check(image, await host.run(image))
        cocotb.log.info("image %d: %d cycles", image, await host.read("CYCLES_LOW"))


@cocotb.test()
async def pauses_change_nothing(dut):
    """The first image again, while memory pauses at random."""
    host = Host(dut)
    generator = random.Random(1)
    for channel in (host.ram.read_if.r_channel, host.ram.read_if.ar_channel, host.ram.write_if.w_channel):
        channel.set_pause_generator(iter(lambda: generator.random() < 0.3, None))
    await host.start()
    check(0, await host.run(0))


def run_cocotb():
    """Builds and runs in the simulator that the environment variable SIM names; icarus is what was tried.

    Ends with exit status 1 if a test fails.
    """
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    runner = get_runner(os.environ.get("SIM", "icarus"))
    runner.build(
        sources=[FOLDER / name for name in ("tcu_sram_1r1w.v", "tcu_top.v")],
        hdl_toplevel="tcu_top",
        build_dir=FOLDER / "build_cocotb",
        build_args=["-Wno-fatal", "-Wno-lint"] if os.environ.get("SIM") == "verilator" else [],
        timescale=("1ns", "1ns"),
        waves=bool(os.environ.get("WAVES")),
    )
    results = runner.test(
        test_module="test_tcu", hdl_toplevel="tcu_top", hdl_toplevel_lang="verilog", build_dir=FOLDER / "build_cocotb",
        test_dir=FOLDER, results_xml=str(FOLDER / "results_cocotb.xml"), waves=bool(os.environ.get("WAVES")),
    )  # fmt: skip
    tests, failed = get_results(results)
    sys.exit(0 if tests and not failed else 1)


if __name__ == "__main__":
    run_cocotb()
