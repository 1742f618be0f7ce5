"""POOL with `depthwise` against plain loops."""

import numpy as np
import pytest

from tcugen.emulator import EmulationError
from tcugen.isa import Opcode
from tests.emulator.handwritten import Handwritten, emulate, random_memory, small
from tests.emulator.loops import Loops

KIB = 4
OUT = 2048
WEIGHTS = 3072


def convolution(word=4, groups=2, h=6, w=5, kernel=(3, 3), stride=(1, 1), pads=(1, 1, 1, 1)):
    """A depthwise convolution of [groups * word, h, w] from address 64 to OUT; pads are top, left, bottom, right."""
    top, left, bottom, right = pads
    n_y = (h + top + bottom - kernel[0]) // stride[0] + 1
    outputs = (w + left + right - kernel[1]) // stride[1] + 1
    return {
        "depthwise": 1,
        "base": (64 - (top * w + left) * word) % (1 << 24),
        "group_step": h * w * word,
        "row_step": w * word,
        "out_base": OUT,
        "out_group_step": n_y * outputs * word,
        "out_row_step": outputs * word,
        "weights": WEIGHTS,
        "n_groups": groups,
        "n_y": n_y,
        "n_x": (outputs - 1) * stride[1] + 3,
        "n_ky": kernel[0],
        "n_kx": 1,
        "stride_y": stride[0],
        "stride_x": 1,
        "step_x": stride[1],
        "iy0": -top,
        "ix0": -left,
        "height": h,
        "width": w,
        "pad": -7,
        "zero_point": 5,
        "clamp_low": -100,
        "clamp_high": 120,
    }


def memory_of(architecture, fields):
    """Random bytes, with parameters that a multiplier can be in each block of weights."""
    rng = np.random.default_rng(2)
    memory = random_memory(architecture, rng)
    rows = architecture.rows
    size = architecture.depthwise_block_bytes(fields["n_ky"])
    for group in range(fields["n_groups"]):
        entries = np.empty(rows, [("bias", "<i4"), ("multiplier", "<f4")])
        entries["bias"] = rng.integers(-20000, 20000, rows)
        entries["multiplier"] = np.exp2(rng.uniform(-12, -8, rows))
        end = fields["weights"] + (group + 1) * size
        memory[..., end - 8 * rows : end] = np.frombuffer(entries.tobytes(), np.int8)
    return memory


def depthwise_program(architecture, fields):
    code = Handwritten(architecture)
    code.load_all()
    code.add(Opcode.POOL, wait_load=1, **fields)
    code.store_all(wait_pool=1)
    return code.program()


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"stride": (2, 2)},
        {"stride": (2, 1), "pads": (0, 0, 1, 2)},
        {"stride": (3, 3), "pads": (2, 0, 0, 1)},
        {"kernel": (1, 1), "pads": (0, 0, 0, 0)},
        {"kernel": (1, 3), "pads": (0, 2, 0, 0)},
        {"kernel": (5, 2), "pads": (2, 0, 2, 1)},
        {"kernel": (7, 3), "pads": (3, 1, 3, 1), "groups": 1},
        {"word": 8, "groups": 1},
        {"word": 16, "groups": 1, "h": 4, "w": 4},
        {"h": 1, "w": 1},
    ],
    ids=str,
)
def test_depthwise_convolution(shape):
    fields = convolution(**shape)
    word = shape.get("word", 4)
    architecture = small(rows=word, columns=word, activation_kib=KIB, depthwise=2)
    program, memory = depthwise_program(architecture, fields), memory_of(architecture, fields)
    got = emulate(program, memory)
    np.testing.assert_array_equal(got, Loops(program, memory).result)
    assert (got != memory.ravel()).any()


def test_a_stripe_in_the_middle_of_a_tensor():
    fields = convolution() | {"iy0": 1, "n_y": 2, "base": 100}
    architecture = small(activation_kib=KIB, depthwise=4)
    program, memory = depthwise_program(architecture, fields), memory_of(architecture, fields)
    np.testing.assert_array_equal(emulate(program, memory), Loops(program, memory).result)


@pytest.mark.parametrize(
    "lanes, changes, message",
    [
        (0, {}, "depthwise: is set, but the architecture has no depthwise"),
        (2, {"n_ky": 8}, "n_ky: is 8, but a depthwise kernel has at most 7 rows"),
        (2, {"n_kx": 3}, "n_kx: is 3, but with depthwise it must be 1"),
        (2, {"stride_x": 2}, "stride_x: is 2, but with depthwise it must be 1"),
        (2, {"step_x": 2, "n_x": 4}, "n_x: is 4, but it must be 3 more than a multiple of step_x 2"),
        (2, {"n_x": 2}, "n_x: is 2, but it must be 3 more than a multiple of step_x 1"),
        (2, {"step_x": 0}, "step_x: is 0, but a loop runs at least once"),
        (2, {"weights": 2}, "weights: is 2, but it must be a multiple of 4"),
    ],
)
def test_refused(lanes, changes, message):
    fields = convolution()
    architecture = small(activation_kib=KIB, depthwise=lanes)
    program = depthwise_program(architecture, fields | changes)
    with pytest.raises(EmulationError, match=message):
        emulate(program, memory_of(architecture, fields))


def test_a_multiplier_out_of_range_is_refused():
    architecture = small(activation_kib=KIB, depthwise=2)
    fields = convolution()
    memory = memory_of(architecture, fields)
    memory[..., WEIGHTS + 9 * 4 + 12 : WEIGHTS + 9 * 4 + 16] = np.frombuffer(np.float32(512).tobytes(), np.int8)
    with pytest.raises(EmulationError, match="multiplier: of channel 1 of group 0 is 512.0, but it must be 0 or in"):
        emulate(depthwise_program(architecture, fields), memory)
