"""The list of memories against the emitted Verilog, and the block RAMs they take."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from tcugen.arch import Architecture
from tcugen.fpga.calibration import MACHINES
from tcugen.fpga.families import FAMILIES
from tcugen.fpga.memories import Memory, block_rams, block_select_luts, memories, small_memory_luts
from tcugen.rtl.emit import verilog

WIDE = Architecture(rows=16, columns=32, bus_bytes=32, output_lanes=8)
EVEN = Architecture(rows=8, columns=14, bus_bytes=4, output_lanes=2)
NARROW = Architecture(rows=8, columns=4, bus_bytes=4, output_lanes=2)


def emitted(architecture):
    """Instances of the memory by width, depth and lane, in all instances of the modules that hold them."""
    modules = dict(
        re.findall(r"^module (\w+) (.*?)^endmodule", verilog(architecture)["tcu_top.v"], flags=re.MULTILINE | re.DOTALL)
    )
    found = Counter()

    def visit(name, times):
        for module in re.findall(r"^    (tcu_\w+) (?:#\(|u_\w+ \()", modules[name], flags=re.MULTILINE):
            if module in modules:
                visit(module, times)
        for text in re.findall(r"tcu_sram_1r1w #\((.*?)\) u_", modules[name], flags=re.DOTALL):
            size = {key: int(value) for key, value in re.findall(r"\.(\w+)\((\d+)\)", text)}
            found[size["WIDTH"], size["DEPTH"], size["GRANULARITY"]] += times

    visit("tcu_top", 1)
    return found


@pytest.mark.parametrize(
    "architecture",
    [
        *(MACHINES[0], MACHINES[3], MACHINES[5], MACHINES[6], WIDE, EVEN, NARROW),
        *(replace(machine, parity=1) for machine in (MACHINES[0], EVEN)),
        *(replace(NARROW, depthwise=2), replace(EVEN, depthwise=8, parity=1)),
    ],
)
def test_the_list_is_what_is_emitted(architecture):
    listed = Counter()
    for memory in memories(architecture):
        listed[memory.width, memory.depth, memory.lane] += memory.count
    assert listed == emitted(architecture)


@pytest.mark.parametrize(
    "family,width,depth,lane,blocks,luts",
    [
        # As Yosys 0.23 maps a lone tcu_sram_1r1w of that shape.
        ("ecp5", 128, 1024, 64, 8, 0),
        ("ecp5", 22, 128, 22, 1, 0),
        ("ecp5", 256, 32, 64, 0, 512),
        ("ecp5", 256, 64, 64, 8, 0),
        ("ecp5", 32, 1024, 8, 2, 0),
        ("ecp5", 32, 2304, 32, 5, 0),
        ("ecp5", 32, 64, 32, 1, 0),
        ("ecp5", 64, 2048, 8, 8, 0),
        ("xc7", 128, 1024, 64, 4, 0),
        ("xc7", 128, 128, 64, 2, 0),
        ("xc7", 22, 128, 22, 0.5, 0),
        ("xc7", 28, 512, 28, 0.5, 0),
        ("xc7", 32, 2304, 32, 2.5, 0),
        ("xc7", 32, 64, 32, 0, 44),
        ("xc7", 64, 2048, 8, 4, 0),
        ("xc7", 64, 128, 32, 1, 0),
    ],
)
def test_block_rams_are_those_that_yosys_takes(family, width, depth, lane, blocks, luts):
    machine = [Memory("one", width, depth, lane, 3)]
    assert block_rams(machine, FAMILIES[family]) == 3 * blocks
    assert small_memory_luts(machine, FAMILIES[family]) == 3 * luts


@pytest.mark.parametrize(
    "family,width,depth,luts",
    [
        # As above, LUTs of a memory whose blocks are stacked.
        ("ecp5", 64, 6144, 152),
        ("ecp5", 128, 3072, 328),
        ("ecp5", 128, 5120, 765),
        ("ecp5", 64, 7168, 411),
        ("ecp5", 64, 8192, 0),
        ("ecp5", 128, 10240, 720),
        ("ecp5", 32, 20480, 180),
        ("xc7", 64, 6144, 88),
        ("xc7", 128, 5120, 592),
        ("xc7", 64, 7168, 249),
        ("xc7", 256, 1536, 352),
    ],
)
def test_luts_that_choose_among_blocks_are_about_those_that_yosys_takes(family, width, depth, luts):
    guess = block_select_luts([Memory("one", width, depth, 8, 2)], FAMILIES[family])
    assert abs(guess - 2 * luts) <= 0.4 * 2 * luts
