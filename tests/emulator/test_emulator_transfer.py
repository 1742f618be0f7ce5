"""LOAD and STORE: segments, windows, the way through SCRATCH."""

import numpy as np
import pytest

from tcugen.emulator import Machine
from tcugen.isa import Opcode, Window
from tests.emulator.handwritten import Handwritten, emulate, random_memory, small
from tests.typed import present


def test_segments_with_steps():
    architecture = small(bus_bytes=8)
    rng = np.random.default_rng(0)
    code = Handwritten(architecture)
    code.add(
        Opcode.LOAD,
        window=Window.INPUT,
        offset=16,
        activation=100,
        segment_bytes=8,
        segments=5,
        memory_step=24,
        activation_step=12,
    )
    code.add(
        Opcode.STORE,
        wait_load=1,
        window=Window.OUTPUT,
        offset=40,
        activation=112,
        segment_bytes=16,
        segments=3,
        memory_step=64,
        activation_step=4,
    )
    memory = random_memory(architecture, rng)
    got = emulate(code.program(), memory)
    source, expected, activation = memory.ravel(), np.zeros(1024, np.int8), np.zeros(1024, np.int8)
    for s in range(5):
        activation[100 + 12 * s :][:8] = source[16 + 24 * s :][:8]
    for s in range(3):
        expected[40 + 64 * s :][:16] = activation[112 + 4 * s :][:16]
    np.testing.assert_array_equal(got, expected)


def test_what_follows_the_pixels_of_a_row_is_sent_as_zeros():
    architecture = small(bus_bytes=8)
    code = Handwritten(architecture)
    code.load_all()
    rows = {"row_step": 16, "row_bytes": 11}
    code.add(Opcode.STORE, wait_load=1, window=Window.OUTPUT, segment_bytes=48, segments=2, memory_step=48, **rows)
    memory = random_memory(architecture, np.random.default_rng(0))
    got = emulate(code.program(), memory)
    expected = np.zeros(1024, np.int8)
    for row in range(3):
        expected[16 * row :][:11] = memory.ravel()[16 * row :][:11]
    expected[48:96] = expected[:48]
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("fill", [0, 0xA5])
def test_spill_to_scratch_and_back(fill):
    architecture = small()
    code = Handwritten(architecture)
    code.load_all()
    code.add(Opcode.STORE, wait_load=1, window=Window.SCRATCH, activation=64, segment_bytes=128, segments=2)
    code.add(Opcode.LOAD, wait_store=1, window=Window.SCRATCH, activation=512, segment_bytes=128, segments=1)
    code.store_all(wait_load=2)
    memory = random_memory(architecture, np.random.default_rng(0))
    machine = Machine(code.program())
    got = machine.run({"memory_in": memory}, fill=fill)["memory_out"].ravel()
    expected = memory.ravel().copy()
    expected[512 : 512 + 128] = expected[64:192]
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(present(machine.activation).view(np.int8), expected)
    np.testing.assert_array_equal(present(machine.windows)[Window.SCRATCH][:128].view(np.int8), expected[64:192])


def test_activation_steps_may_run_backwards():
    architecture = small()
    code = Handwritten(architecture)
    code.add(
        Opcode.LOAD,
        window=Window.INPUT,
        activation=1020,
        segment_bytes=4,
        segments=256,
        memory_step=4,
        activation_step=-4 % (1 << 24),
    )
    code.store_all(wait_load=1)
    memory = random_memory(architecture, np.random.default_rng(0))
    got = emulate(code.program(), memory)
    np.testing.assert_array_equal(got.reshape(-1, 4), memory.reshape(-1, 4)[::-1])
