"""Memories that are expected of a machine are those that are emitted, and become what Yosys makes of them."""

import re
from collections import Counter

import pytest

from tcugen.arch import Architecture
from tcugen.fpga.memories import memories
from tcugen.fpga.ram import Mapped, Memory, map_memory
from tcugen.fpga.table import family_of, find_part
from tcugen.rtl.emit import emit

MACHINES = {
    "4x4": Architecture(rows=4, columns=4, output_lanes=1, activation_kib=64, weight_tiles=64, parameter_groups=16),
    "8x4": Architecture(rows=8, columns=4, output_lanes=4, bus_bytes=4, activation_kib=12, accumulator_depth=64),
    "4x16": Architecture(rows=4, columns=16, output_lanes=2, bus_bytes=64, activation_kib=4, weight_tiles=16),
    "8x8": Architecture(rows=8, columns=8, output_lanes=8, bus_bytes=32, activation_kib=32, accumulator_bits=26),
    "16x8": Architecture(rows=16, columns=8, output_lanes=1, bus_bytes=16, activation_kib=48),
}


def emitted(folder):
    """Memories of the Verilog: how often each module stands in the design, times the memories in it."""
    modules = dict(
        re.findall(r"^module (\w+) \((.*?)^endmodule", (folder / "tcu_top.v").read_text(), re.MULTILINE | re.DOTALL)
    )
    found = Counter()

    def visit(name):
        for kind, parameters in re.findall(
            r"(?ms)^ {4}(\w+)(?: #\((.*?)\))? u_\w+ \(", modules[name], re.MULTILINE | re.DOTALL
        ):
            if kind == "tcu_sram_1r1w":
                values = {key: int(value.split("d")[-1]) for key, value in re.findall(r"\.(\w+)\((\S+)\)", parameters)}
                found[Memory(values["WIDTH"], values["DEPTH"], values["GRANULARITY"])] += 1
            else:
                visit(kind)

    visit("tcu_top")
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_memories_are_those_that_are_emitted(name, tmp_path):
    emit(MACHINES[name], tmp_path)
    assert memories(MACHINES[name]) == emitted(tmp_path)


# As Yosys 0.70 mapped `tcu_sram_1r1w` alone.
ECP5 = {
    (9, 32, 9): (0, 24), (20, 64, 20): (0, 80), (25, 64, 25): (1, 0), (9, 128, 9): (1, 0), (512, 32, 64): (0, 1024),
    (64, 64, 64): (2, 0), (512, 128, 64): (16, 0), (512, 128, 128): (15, 0), (28, 8192, 28): (14, 0),
    (25, 20480, 25): (30, 0), (128, 20480, 8): (160, 0), (32, 1536, 8): (3, 0), (32, 2304, 32): (5, 0),
}  # fmt: skip
XC7 = {
    (36, 32, 36): (0, 24), (28, 64, 28): (0, 40), (20, 128, 20): (0, 56), (25, 128, 25): (0.5, 0), (9, 256, 9): (0, 48),
    (72, 256, 72): (1, 0), (128, 64, 8): (0, 192), (128, 256, 8): (2, 0), (256, 16, 128): (0, 176),
}  # fmt: skip


@pytest.mark.parametrize(
    "part, shape, mapped",
    [("ECP5-85F", shape, mapped) for shape, mapped in ECP5.items()]
    + [("XC7Z020", shape, mapped) for shape, mapped in XC7.items()],
)
def test_a_memory_becomes_what_yosys_makes_of_it(part, shape, mapped):
    part = find_part(part)
    assert map_memory(Memory(*shape), family_of(part), part.family) == Mapped(*mapped)
