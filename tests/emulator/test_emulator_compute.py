"""COMPUTE against plain loops: padding, strides, folding, grouping, weight reuse, split sums."""

import numpy as np
import pytest

from tcugen.isa import Opcode
from tests.emulator.handwritten import Handwritten, emulate, random_memory, small
from tests.emulator.loops import Loops

OUT = 512
"""Results go to the upper half of the memory."""


def tiles_of(fields):
    return fields.get("n_columns", 1) * -(-fields["n_y"] // fields["block_rows"])


def passes_of(fields):
    return fields["n_groups"] * fields["n_ky"] * fields["n_kx"]


def convolution(h=5, w=6, groups=2, kernel=3, stride=1, pad=1, columns=1, block_rows=2, word=4):
    """Fields of a convolution over a dense int8 tensor at address 8."""
    n_y, n_x = ((size + 2 * pad - kernel) // stride + 1 for size in (h, w))
    return {
        "base": (8 - pad * w * word) % (1 << 24),
        "group_step": h * w * word,
        "ky_step": w * word,
        "y_step": stride * w * word,
        "kx_step": word,
        "x_step": stride * word,
        "offset0": -pad * word,
        "row_bytes": w * word,
        "iy0": -pad,
        "height": h,
        "stride_y": stride,
        "n_columns": columns,
        "n_y": n_y,
        "block_rows": block_rows,
        "n_x": n_x,
        "n_groups": groups,
        "n_ky": kernel,
        "n_kx": kernel,
        "pad": -9,
        "finish": 1,
    }


def drain_fields(architecture, fields, out=OUT):
    n_y, n_x = fields["n_y"], fields["n_x"]
    word = max(architecture.rows, 4)
    return {
        "out_base": out,
        "out_plane_step": n_y * n_x * word,
        "out_y_step": n_x * word,
        "out_x_step": word,
        "last_steps": architecture.output_steps,
        "zero_point": 3,
        "clamp_low": -128,
        "clamp_high": 127,
    } | {name: fields.get(name, 1) for name in ("n_columns", "n_y", "block_rows", "n_x")}


def check(architecture, fields, seed=0, out=OUT):
    rng = np.random.default_rng(seed)
    code = Handwritten(architecture)
    code.load_all()
    code.random_stream(rng, fields.get("n_columns", 1), passes_of(fields))
    code.add(Opcode.COMPUTE, wait_load=1, **fields)
    code.add(Opcode.DRAIN, **drain_fields(architecture, fields, out))
    code.store_all(wait_drain=tiles_of(fields))
    program, memory = code.program(), random_memory(architecture, rng)
    got = emulate(program, memory)
    np.testing.assert_array_equal(got, Loops(program, memory).result)
    assert (got[out:] != memory.ravel()[out:]).any()


@pytest.mark.parametrize(
    "shape",
    [
        {"kernel": 1, "pad": 0, "groups": 3, "h": 4, "w": 4},
        {"kernel": 3},
        {"kernel": 3, "columns": 2, "h": 4, "w": 4},
        {"kernel": 3, "stride": 2, "block_rows": 1},
        {"kernel": 2, "pad": 0, "stride": 2, "block_rows": 3},
        {"kernel": 3, "pad": 2, "h": 2, "w": 3},
        {"kernel": 3, "h": 3, "w": 1, "block_rows": 3, "columns": 3},
        {"kernel": 1, "pad": 0, "h": 1, "w": 1, "block_rows": 1, "columns": 4},
    ],
    ids=str,
)
def test_convolutions(shape):
    fields = convolution(**shape)
    check(small(weight_tiles=32), fields)


@pytest.mark.parametrize("rows,columns", [(4, 8), (8, 4), (16, 16), (32, 4)])
def test_array_shapes(rows, columns):
    architecture = small(rows=rows, columns=columns, activation_kib=4, weight_tiles=32)
    check(architecture, convolution(word=rows, groups=1, columns=2), out=2048)


def test_folding_reads_unaligned_and_pads_inside_a_read():
    # 3 channels on 8 rows: a kernel row of 3 pixels is 9 bytes, folded into reads of 8 bytes 8 apart.
    architecture = small(rows=8, weight_tiles=32)
    h, w, c, kernel = 6, 5, 3, 3
    fields = convolution(h=h, w=w, groups=1, kernel=kernel) | {
        "base": 8 - w * c,
        "group_step": 0,
        "ky_step": w * c,
        "y_step": w * c,
        "kx_step": 8,
        "x_step": c,
        "offset0": -c,
        "row_bytes": w * c,
        "n_kx": 2,
    }
    fields["base"] %= 1 << 24
    check(architecture, fields)


def test_bytes_before_address_zero_are_padding():
    fields = convolution(h=4, w=4, groups=1) | {"base": -16 % (1 << 24)}
    check(small(), fields)


def test_read_that_starts_before_address_zero_and_one_that_ends_behind_the_memory():
    # One row of 1022 bytes: pixel 0 starts two bytes before it, the last one ends two bytes after it.
    fields = {"row_bytes": 1022, "base": 2, "offset0": -2, "x_step": 2, "height": 1, "n_y": 1, "block_rows": 1}
    fields |= {"n_columns": 1, "n_x": 4, "n_groups": 1, "n_ky": 1, "n_kx": 1, "finish": 1, "pad": 77}
    check(small(), fields)
    check(small(), fields | {"base": 0, "offset0": -3, "row_bytes": 5})
    check(small(), fields | {"base": 2, "offset0": 1022 - 6, "pad": -128})


def test_steps_may_run_backwards_modulo_the_address_space():
    fields = convolution(kernel=1, pad=0, groups=1, h=3, w=4, block_rows=3)
    fields |= {"x_step": -4 % (1 << 24), "offset0": 12, "y_step": -16 % (1 << 24), "base": 8 + 32}
    check(small(), fields)


def test_grouped_convolution_moves_with_the_column_group():
    fields = convolution(groups=1, columns=3, h=4, w=4) | {"column_step": 64}
    check(small(weight_tiles=32), fields)


def test_row_of_all_padding():
    check(small(), convolution(groups=1) | {"height": 0})


def test_more_tiles_than_the_ring_holds_flow_through_in_one_block():
    fields = convolution(h=2, w=2, groups=4, block_rows=2, columns=2)
    check(small(weight_tiles=2), fields)


def test_reduction_longer_than_one_exact_float_product():
    architecture = small(rows=32, activation_kib=8, weight_tiles=64)
    fields = convolution(word=32, h=2, w=2, groups=40, kernel=1, pad=0) | {"base": 0}
    rng = np.random.default_rng(3)
    code = Handwritten(architecture)
    code.load_all()
    shape = 1, 40, 32, 4
    code.stream(np.full(shape, -128, np.int8), np.zeros((1, 4), np.int32), np.full((1, 4), 2.0**-18, np.float32))
    code.add(Opcode.COMPUTE, wait_load=1, **fields)
    code.add(Opcode.DRAIN, **drain_fields(architecture, fields, out=6144) | {"int32": 1, "byte_step": 256})
    code.store_all(wait_drain=1)
    memory = random_memory(architecture, rng)
    memory[..., :5120] = -128
    memory[..., 5] = 1
    program = code.program()
    got = emulate(program, memory)
    np.testing.assert_array_equal(got, Loops(program, memory).result)
    value = sum((int(got[6144 + 256 * k]) & 255) << 8 * k for k in range(4))
    assert value == 128 * 128 * (40 * 32 - 1) - 128


def test_kept_weights_serve_several_instructions():
    architecture = small(weight_tiles=32)
    rng = np.random.default_rng(5)
    code = Handwritten(architecture)
    fields = convolution(groups=1, columns=2, h=3, w=4, block_rows=3)
    code.load_all()
    code.random_stream(rng, 2, passes_of(fields))
    for number in range(3):
        last = number == 2
        code.add(Opcode.COMPUTE, wait_load=1, **fields | {"keep": not last, "base": (64 * number - 8) % (1 << 24)})
        code.add(Opcode.DRAIN, **drain_fields(architecture, fields, out=OUT + 96 * number) | {"keep": not last})
    code.store_all(wait_drain=6)
    program, memory = code.program(), random_memory(architecture, rng)
    np.testing.assert_array_equal(emulate(program, memory), Loops(program, memory).result)


def test_sums_split_over_instructions():
    architecture = small()
    rng = np.random.default_rng(6)
    code = Handwritten(architecture)
    fields = convolution(groups=1, h=3, w=4, block_rows=3)
    code.load_all()
    code.random_stream(rng, 1, 3 * 9)
    for number in range(3):
        split = {"accumulate": number > 0, "finish": number == 2, "base": (48 * number + 100) % (1 << 24)}
        code.add(Opcode.COMPUTE, wait_load=1, **fields | split)
    code.add(Opcode.DRAIN, **drain_fields(architecture, fields))
    code.store_all(wait_drain=1, wait_compute=3)
    program, memory = code.program(), random_memory(architecture, rng)
    np.testing.assert_array_equal(emulate(program, memory), Loops(program, memory).result)


@pytest.mark.parametrize("seed", range(25))
def test_random_fields(seed):
    rng = np.random.default_rng(seed)

    def draw(low, high):
        return int(rng.integers(low, high + 1))

    architecture = small(
        rows=int(rng.choice([4, 8, 16])), columns=int(rng.choice([4, 8])), activation_kib=2, weight_tiles=64
    )
    n_x = draw(1, 5)
    fields = {
        "base": draw(100, 300),
        "column_step": draw(0, 2) * 8,
        "group_step": draw(0, 60),
        "ky_step": draw(0, 40),
        "y_step": draw(0, 50),
        "kx_step": draw(0, 9),
        "x_step": draw(0, 9),
        "offset0": draw(-20, 10),
        "row_bytes": draw(0, 60),
        "iy0": draw(-3, 2),
        "height": draw(0, 7),
        "stride_y": draw(1, 3),
        "n_columns": draw(1, 2),
        "n_y": draw(1, 4),
        "block_rows": draw(1, 3),
        "n_x": n_x,
        "n_groups": draw(1, 3),
        "n_ky": draw(1, 3),
        "n_kx": draw(1, 3),
        "pad": draw(-128, 127),
        "finish": 1,
    }
    check(architecture, fields, seed, out=1024)
