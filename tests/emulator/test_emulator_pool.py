"""POOL against plain loops."""

import numpy as np
import pytest

from tcugen.emulator import EmulationError
from tcugen.isa import Opcode
from tests.emulator.handwritten import Handwritten, emulate, random_memory, small
from tests.emulator.loops import Loops


def pooling(word=4, groups=2, h=6, w=5, kernel=3, stride=2, pad=1):
    n_y, n_x = ((size + 2 * pad - kernel) // stride + 1 for size in (h, w))
    return {
        "base": (16 - pad * (w + 1) * word) % (1 << 24),
        "group_step": h * w * word,
        "row_step": w * word,
        "out_base": 1024,
        "out_group_step": n_y * n_x * word,
        "out_row_step": n_x * word,
        "n_groups": groups,
        "n_y": n_y,
        "n_x": n_x,
        "n_ky": kernel,
        "n_kx": kernel,
        "stride_y": stride,
        "stride_x": stride,
        "iy0": -pad,
        "ix0": -pad,
        "height": h,
        "width": w,
    }


def pool_program(architecture, fields):
    code = Handwritten(architecture)
    code.load_all()
    code.add(Opcode.POOL, wait_load=1, **fields)
    code.store_all(wait_pool=1)
    return code.program()


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"stride": 1},
        {"kernel": 2, "pad": 0},
        {"kernel": 1, "pad": 0, "stride": 1},
        {"kernel": 5, "pad": 2, "stride": 3},
        {"kernel": 2, "pad": 0, "stride": 3, "groups": 3},
        {"word": 8},
        {"word": 16, "groups": 1},
        {"h": 1, "w": 1},
    ],
    ids=str,
)
def test_pooling(shape):
    fields = pooling(**shape)
    architecture = small(rows=shape.get("word", 4), activation_kib=2)
    program = pool_program(architecture, fields)
    memory = random_memory(architecture, np.random.default_rng(1))
    got = emulate(program, memory)
    np.testing.assert_array_equal(got, Loops(program, memory).result)
    assert (got != memory.ravel()).any()


def test_window_smaller_than_the_memory_behind_it():
    # A stripe in the middle of a tensor: the base is not at the first tap's row 0, and iy0 is positive.
    fields = pooling() | {"iy0": 1, "n_y": 2, "base": 100}
    architecture = small(activation_kib=2)
    program = pool_program(architecture, fields)
    memory = random_memory(architecture, np.random.default_rng(1))
    np.testing.assert_array_equal(emulate(program, memory), Loops(program, memory).result)


def test_all_taps_outside():
    program = pool_program(small(activation_kib=2), pooling() | {"iy0": 5})
    with pytest.raises(EmulationError, match=r"instruction 1 \(POOL, layer 0\), iy0: output y = 1 has no tap"):
        emulate(program, random_memory(small(activation_kib=2), np.random.default_rng(1)))
