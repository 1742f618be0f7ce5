"""DRAIN against plain loops: lanes and planes, 32-bit sums, residual add in place, parameter reuse."""

import numpy as np
import pytest

from tcugen.isa import Opcode
from tests.emulator.handwritten import Handwritten, emulate, random_memory, small
from tests.emulator.loops import Loops

OUT = 512
LOOP = {"n_columns": 2, "n_y": 3, "block_rows": 2, "n_x": 4}
POINTWISE = LOOP | {"group_step": 0, "y_step": 16, "x_step": 4, "row_bytes": 16, "height": 3, "stride_y": 1}
POINTWISE |= {"n_groups": 1, "n_ky": 1, "n_kx": 1, "finish": 1}
PLAIN = LOOP | {"out_base": OUT, "out_plane_step": 128, "out_y_step": 32, "out_x_step": 8, "last_steps": 2}
PLAIN |= {"zero_point": -4, "clamp_low": -100, "clamp_high": 90}
RESIDUAL = {
    "residual": 1,
    "residual_base": OUT,
    "residual_plane_step": 128,
    "add_multiplier": 9_000_001,
    "residual_multiplier": 14_000_003,
    "add_shift": 24,
    "residual_zero_point": 7,
    "add_zero_point": -11,
    "add_clamp_low": -11,
    "add_clamp_high": 127,
}


def check(architecture, drain, compute=POINTWISE, seed=0):
    rng = np.random.default_rng(seed)
    code = Handwritten(architecture)
    code.load_all()
    code.random_stream(rng, compute["n_columns"], 1)
    code.add(Opcode.COMPUTE, wait_load=1, **compute)
    code.add(Opcode.DRAIN, wait_load=1, **drain)
    code.store_all(wait_drain=compute["n_columns"] * -(-compute["n_y"] // compute["block_rows"]))
    program, memory = code.program(), random_memory(architecture, rng)
    got = emulate(program, memory)
    np.testing.assert_array_equal(got, Loops(program, memory).result)
    return memory.ravel(), got


@pytest.mark.parametrize("rows,columns,lanes", [(4, 4, 1), (4, 4, 2), (4, 4, 4), (8, 4, 4), (4, 8, 2), (4, 16, 4)])
def test_planes_and_lanes(rows, columns, lanes):
    architecture = small(rows=rows, columns=columns, output_lanes=lanes, activation_kib=2)
    check(architecture, PLAIN | {"last_steps": architecture.output_steps, "out_plane_step": 100})


@pytest.mark.parametrize("last_steps", [1, 2, 3, 4])
def test_last_steps_leave_the_rest_of_the_word_alone(last_steps):
    memory, got = check(small(rows=8, columns=8), PLAIN | {"last_steps": last_steps})
    second = slice(OUT + 128, OUT + 256)
    words = (got[second] != memory[second]).reshape(-1, 8)
    assert not words[:, 2 * last_steps :].any() and words[:12, : 2 * last_steps].any()


@pytest.mark.parametrize("pad_steps", [0, 1, 3])
def test_zeros_behind_the_last_channel(pad_steps):
    memory, got = check(small(rows=8, columns=8), PLAIN | {"last_steps": 1, "pad_steps": pad_steps})
    words = got[OUT + 128 : OUT + 256].reshape(-1, 8)[:12]
    assert not words[:, 2 : 2 + 2 * pad_steps].any()
    np.testing.assert_array_equal(
        words[:, 2 + 2 * pad_steps :], memory[OUT + 128 :][:96].reshape(-1, 8)[:, 2 + 2 * pad_steps :]
    )


@pytest.mark.parametrize("channel0", [0, 2, 4, 6])
def test_channel0_shifts_the_place_in_the_word(channel0):
    check(small(rows=8), PLAIN | {"channel0": channel0})


def test_column_groups_share_a_word():
    memory, got = check(small(rows=16), PLAIN | {"out_x_step": 16, "out_y_step": 64, "channel0": 4})
    words = (got[OUT : OUT + 192] != memory[OUT : OUT + 192]).reshape(-1, 16)
    assert words[:, 4:12].any() and not words[:, :4].any() and not words[:, 12:].any()


def test_out_base_wraps_like_every_address():
    check(small(), PLAIN | {"out_base": (OUT - 160) % (1 << 24), "out_y_step": 64})
    check(small(), PLAIN | {"out_base": OUT + 128, "out_plane_step": -128 % (1 << 24)})


def test_int32_sums_in_four_byte_planes():
    _, got = check(
        small(), PLAIN | {"int32": 1, "out_x_step": 4, "out_y_step": 16, "out_plane_step": 48, "byte_step": 96}
    )
    assert np.unique(got[OUT + 3 * 96 : OUT + 3 * 96 + 96]).tolist() == [-1, 0]


@pytest.mark.parametrize("seed", range(4))
def test_residual_in_place(seed):
    check(small(), PLAIN | RESIDUAL, seed=seed)


def test_residual_from_another_place():
    check(small(rows=8), PLAIN | RESIDUAL | {"residual_base": 64, "residual_plane_step": 32, "channel0": 2})


@pytest.mark.parametrize("shift", [0, 16, 39])
def test_residual_shifts(shift):
    check(small(), PLAIN | RESIDUAL | {"add_shift": shift, "add_multiplier": 3, "residual_multiplier": 5})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("factor", [1, 70_001, (1 << 24) - 1])
def test_residual_added_to_sums_that_are_not_rounded(seed, factor):
    unrounded = {"unrounded": 1, "add_multiplier": 0, "add_shift": 16, "residual_multiplier": factor}
    check(small(unrounded_add=1), PLAIN | RESIDUAL | unrounded, seed=seed)


def test_one_drain_takes_the_tiles_of_several_computes():
    architecture = small()
    rng = np.random.default_rng(2)
    code = Handwritten(architecture)
    code.load_all()
    code.random_stream(rng, 1, 2)
    for number in range(2):
        single = {"n_columns": 1, "n_y": 2, "block_rows": 2, "base": 100 * number}
        code.add(Opcode.COMPUTE, wait_load=1, **POINTWISE | single)
    code.add(Opcode.DRAIN, **PLAIN | {"n_columns": 1, "n_y": 4})
    code.store_all(wait_drain=2)
    program, memory = code.program(), random_memory(architecture, rng)
    expected = Loops(program, memory)
    # Loops knows rows within one COMPUTE only: its second tile has to move two rows down.
    moved = expected.result
    got = emulate(program, memory)
    first = slice(OUT, OUT + 64)
    assert (got[first].reshape(2, 4, 8)[..., 4:] == memory.ravel()[first].reshape(2, 4, 8)[..., 4:]).all()
    np.testing.assert_array_equal(got[OUT + 64 : OUT + 128].reshape(-1, 8)[:, :4], moved[first].reshape(-1, 8)[:, :4])


def test_kept_parameters_serve_the_next_drain():
    architecture = small(parameter_groups=2)
    rng = np.random.default_rng(2)
    code = Handwritten(architecture)
    code.load_all()
    code.random_stream(rng, 2, 1)
    for number in range(3):
        keep = {"keep": number < 2}
        code.add(Opcode.COMPUTE, wait_load=1, **POINTWISE | keep | {"base": 60 * number})
        code.add(Opcode.DRAIN, **PLAIN | keep | {"out_x_step": 4, "out_y_step": 16, "out_base": 256 * (number + 1)})
    code.store_all(wait_drain=12)
    program, memory = code.program(), random_memory(architecture, rng)
    np.testing.assert_array_equal(emulate(program, memory), Loops(program, memory).result)


def test_more_column_groups_than_the_parameter_ring_holds():
    compute = POINTWISE | {"n_columns": 7, "n_y": 1, "block_rows": 1}
    check(small(parameter_groups=2), PLAIN | {"n_columns": 7, "n_y": 1, "block_rows": 1, "out_plane_step": 32}, compute)
