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
    others = drained_banks(rows, lanes, columns // lanes, 0, plane_step, rows)
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


def test_a_last_column_group_of_fewer_steps_leaves_load_more():
    """24 columns, 8 lanes: three writes to a pixel and then one; each pixel is a word."""
    writes = DrainWrites(Architecture(rows=16, columns=24, output_lanes=8, bus_bytes=64))
    drain = dict(n_columns=2, channel0=0, last_steps=1, out_x_step=16, out_plane_step=512)
    first, last = (writes.slowing(Instruction(Opcode.DRAIN, drain), column) for column in (0, 1))
    assert first == pytest.approx(3, rel=0.02)
    assert last == pytest.approx(1, rel=0.02)


def test_a_sequential_reader_slows_down_when_the_array_begins():
    reads = ArrayReads(Architecture(rows=16), wanted=0)
    stride_2 = {"n_y": 1, "block_rows": 1, "n_x": 256, "x_step": 32}
    assert reads.sequential(0, 40, 4) == 159  # 160 words alone
    reads.busy(100, 1100, Instruction(Opcode.COMPUTE, stride_2))
    beside = reads.sequential(0, 40, 4)
    assert beside == pytest.approx(99 + 60 * 1.5, abs=3)
    # Half a word to a beat: two beats share a word, so that the array costs less than a beat a cycle takes.
    assert reads.sequential(200, 100, 0.5) == 299
    assert reads.sequential(1050, 25, 4) == pytest.approx(1099 + 100 - 50 / 1.5, abs=3)
    assert reads.sequential(1100, 25, 4) == 1199


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
