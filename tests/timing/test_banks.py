"""Conflicts in the banks."""

import pytest

from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode
from tcugen.timing.banks import DrainWrites, drained_banks, operand_banks, read_period, slowed
from tcugen.timing.completions import NEVER
from tcugen.timing.pool import tap_banks
from tcugen.timing.reads import ArrayReads


def test_an_aligned_operand_takes_one_bank_and_another_two():
    assert list(operand_banks(16, 16, 0, 16, 1, 5)) == [0b0010, 0b0100, 0b1000, 0b0001, 0b0010]
    assert list(operand_banks(16, 40, 0, 6, 1, 3)) == [0b1100, 0b1100, 0b1001]
    assert list(operand_banks(16, 0, 32, 16, 2, 1)) == [0b0001, 0b0100]


@pytest.mark.parametrize(
    "rows, lanes, columns, plane_step, expected",
    [
        (16, 4, 16, 0, 2.0),  # LOAD follows the output path at half its speed
        (16, 16, 16, 0, 7 / 6),  # overtaken by a faster writer, which costs one cycle in seven
        (8, 4, 32, 32, 8.0),  # all four planes of a pixel in one bank: one word in eight cycles
        (8, 4, 32, 8, 1.6),  # the four planes in four banks, two cycles each
    ],
)
def test_load_follows_the_output_path(rows, lanes, columns, plane_step, expected):
    others = drained_banks(rows, lanes, columns, 0, plane_step, rows)
    assert slowed(rows // 8, others) == pytest.approx(expected, rel=0.02)


def test_store_follows_a_thin_layer_and_keeps_apart_from_others():
    thin = operand_banks(32, 29, 96, 3, 2, 32)  # a word of the array lasts ten cycles and more, and takes two banks
    assert 4 < read_period(thin) < 12
    assert read_period(operand_banks(16, 0, 256, 16, 4, 16)) == pytest.approx(1, abs=0.02)
    stride_2 = operand_banks(16, 0, 512, 32, 4, 16)  # every other bank
    assert read_period(stride_2) == pytest.approx(1.5, abs=0.02)


def test_writes_between_drains_are_not_slowed():
    writes = DrainWrites(Architecture())
    assert writes.place(10, 0, 32) == (41, 1)
    assert writes.place(10, 60, 32) == (60, 1)
    writes.add(1000, 1099, 2.0)
    assert writes.place(900, 0, 100)[0] == 999
    # Half of the 100 cycles are lost: 50 writes, then the rest.
    assert writes.place(1000, 0, 80)[0] == 1129


def test_taps_outside_take_a_cycle_and_no_bank():
    window = dict(n_groups=1, n_y=1, n_x=2, n_ky=2, n_kx=2, stride_y=1, stride_x=2, row_step=64, height=4, width=3)
    taps = tap_banks(Instruction(Opcode.POOL, {**window, "iy0": -1, "ix0": 0, "base": (1 << 24) - 64}), 16)
    assert taps == [0, 0, 1, 2, 0, 0, 4, 0]


def test_passes_are_found_by_cycle():
    reads = ArrayReads(Architecture(), wanted=1)
    convolution = Instruction(Opcode.COMPUTE, {"n_x": 4, "x_step": 16, "y_step": 64})
    reads.add(100, 0, 2, convolution)
    reads.add(120, 16, 1, convolution)
    assert reads.at(50)[:2] == (100, 108)
    assert reads.at(107)[:2] == (100, 108)
    start, end, banks = reads.at(108)
    assert (start, end, list(banks)) == (120, 124, [2, 4, 8, 1])
    assert reads.at(124) == (NEVER, NEVER, b"")
