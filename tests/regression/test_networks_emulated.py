"""Every bundled network, whole, on the emulator: every tensor equals golden."""

import pytest

from tcugen.arch import Architecture
from tcugen.isa import Opcode
from tcugen.network.resnets import BUNDLED_NAMES, bundled_network
from tcugen.network.select import select
from tcugen.program_format import WEIGHTS_HEADER_BYTES
from tests.compiler.networks import run_against_golden
from tests.machines import machine

ALWAYS = ("resnet18", "resnet20")

MOST_INSTRUCTION_BYTES = 0.01
"""Share of the weights' bytes, for networks of ImageNet's size on 16x16."""


def check_whole(name: str) -> None:
    program = run_against_golden(bundled_network(name), machine("16x16"))
    assert program.mac_count == bundled_network(name).mac_count
    if name != "resnet20":
        assert len(program.code) < MOST_INSTRUCTION_BYTES * len(program.weights)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALWAYS)
def test_whole_network(name):
    check_whole(name)


@pytest.mark.verify
@pytest.mark.parametrize("name", [name for name in BUNDLED_NAMES if name not in ALWAYS])
def test_whole_larger_network(name):
    check_whole(name)


@pytest.mark.verify
@pytest.mark.parametrize("array", ["4x32", "32x4", "16x8"])
@pytest.mark.parametrize("kib", [1280, 256, 64])
def test_resnet18_on_rectangular_arrays(array, kib):
    rows, columns = map(int, array.split("x"))
    architecture = Architecture(rows=rows, columns=columns, activation_kib=kib, output_lanes=min(rows, columns) // 2)
    program = run_against_golden(bundled_network("resnet18"), architecture)
    assert (program.scratch_bytes > 0) == (kib < 1280)


def test_grouped_convolution_computes_the_diagonal_blocks_only():
    architecture = machine("16x16")
    network = select(bundled_network("resnext50_32x4d"), ["layer1.0.conv2"])
    program = run_against_golden(network, architecture)
    # 128 channels in 32 groups of 4: a column group of 16 outputs reads one word of 16 inputs, at 9 positions.
    columns = 128 // architecture.columns
    tiles = columns * 9
    held = columns * architecture.parameter_group_bytes + tiles * architecture.tile_bytes
    assert len(program.weights) == WEIGHTS_HEADER_BYTES + held
    taps = [i["n_groups"] * i["n_ky"] * i["n_kx"] for i in program.instructions if i.opcode == Opcode.COMPUTE]
    assert set(taps) == {9}
