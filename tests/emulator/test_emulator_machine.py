"""The machine as a whole: units side by side, banks, deadlocks, runs that leave nothing behind, observed tensors."""

import numpy as np
import pytest

from tcugen.emulator import EmulationError, Machine
from tcugen.isa import Opcode
from tcugen.program import TensorLayout
from tests.emulator.handwritten import COMPUTE, DRAIN, LAYOUT, Handwritten, random_memory, small
from tests.emulator.loops import Loops
from tests.typed import present


def two_layers(first_drain_position):
    """Two pointwise convolutions, the first DRAIN fetched before or after the COMPUTE it serves."""
    rng = np.random.default_rng(0)
    code = Handwritten(small())
    code.load_all()
    order = [(Opcode.COMPUTE, COMPUTE | {"wait_load": 1}), (Opcode.DRAIN, DRAIN)]
    if first_drain_position == "before":
        order.reverse()
    code.random_stream(rng, 2, 1)
    for opcode, fields in order:
        code.add(opcode, **fields)
    drain = next(n for n, i in enumerate(code.instructions) if i.opcode is Opcode.DRAIN)
    code.observe(drain, "first", LAYOUT)
    code.random_stream(rng, 2, 2)
    code.add(Opcode.COMPUTE, **COMPUTE | {"wait_drain": 6, "base": 512, "n_groups": 2, "group_step": 48})
    last = code.add(Opcode.DRAIN, **DRAIN | {"out_base": 640})
    code.observe(last, "second", LAYOUT)
    code.store_all(wait_drain=12)
    return code.program(wait_store=1)


@pytest.mark.parametrize("position", ["before", "after"])
def test_instructions_of_one_unit_wait_for_another_unit(position):
    program = two_layers(position)
    memory = random_memory(program.architecture, np.random.default_rng(1))
    machine = Machine(program)
    got = machine.run({"memory_in": memory})["memory_out"].ravel()
    np.testing.assert_array_equal(got, Loops(two_layers("after"), memory).result)


def test_runs_leave_nothing_behind():
    program = two_layers("after")
    machine = Machine(program)
    first, second = (random_memory(program.architecture, np.random.default_rng(seed)) for seed in (1, 2))
    once = machine.run({"memory_in": first})["memory_out"]
    other = machine.run({"memory_in": second}, fill=0x5A)["memory_out"]
    again = machine.run({"memory_in": first}, fill=0xFF)["memory_out"]
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_observed_tensors_are_those_in_memory():
    program = two_layers("after")
    machine = Machine(program)
    machine.run({"memory_in": random_memory(program.architecture, np.random.default_rng(1))})
    assert set(machine.observed) == {"first", "second"}
    for name, base in (("first", 512), ("second", 640)):
        tensor = LAYOUT.unpack(present(machine.activation)[base : base + LAYOUT.bytes])
        assert machine.observed[name].dtype == np.int8
        np.testing.assert_array_equal(machine.observed[name], tensor)


def test_observed_32_bit_tensor_whose_columns_are_channels():
    layout = TensorLayout(14, 1, 1, 4, 4, 16, 16, int32=True)
    code = Handwritten(small())
    code.load_all()
    code.random_stream(np.random.default_rng(0), 1, 1)
    code.add(Opcode.COMPUTE, wait_load=1, **COMPUTE | {"n_columns": 1, "n_y": 1})
    int32 = {"n_columns": 1, "n_y": 1, "int32": 1, "byte_step": 64}
    index = code.add(Opcode.DRAIN, **DRAIN | int32)
    code.observe(index, "logits", layout, x_channels=4)
    code.store_all(wait_drain=1)
    machine = Machine(code.program())
    machine.run({"memory_in": random_memory(code.architecture, np.random.default_rng(1))})
    planes = present(machine.activation)[512 : 512 + 256].reshape(4, 64)[:, :14].astype(np.uint32)
    expected = np.sum([planes[k] << np.uint32(8 * k) for k in range(4)], axis=0, dtype=np.uint32).view(np.int32)
    assert machine.observed["logits"].dtype == np.int32
    np.testing.assert_array_equal(machine.observed["logits"].ravel(), expected)


def test_tensor_observed_in_boxes():
    layout = TensorLayout(8, 6, 4, 4, 4, 16, 96)
    code = Handwritten(small())
    code.load_all()
    code.random_stream(np.random.default_rng(0), 1, 1)
    for part in range(4):
        keep = {"n_columns": 1, "keep": part < 3}
        code.add(Opcode.COMPUTE, wait_load=1, **COMPUTE | keep | {"base": 4 * part})
        at = {"out_base": 512 + 96 * (part // 2) + 48 * (part % 2)}
        index = code.add(Opcode.DRAIN, **DRAIN | keep | at)
        code.observe(index, "boxes", layout, channel0=4 * (part // 2), y0=3 * (part % 2))
    code.store_all(wait_drain=12)
    program = code.program()
    machine = Machine(program)
    machine.run({"memory_in": random_memory(code.architecture, np.random.default_rng(1))})
    np.testing.assert_array_equal(machine.observed["boxes"], layout.unpack(present(machine.activation)[512:704]))


def test_output_path_that_waits_for_more_tiles_than_there_are_banks():
    code = Handwritten(small())
    code.load_all()
    code.random_stream(np.random.default_rng(0), 2, 1)
    compute = code.add(Opcode.COMPUTE, wait_load=1, **COMPUTE)
    code.add(Opcode.DRAIN, **DRAIN | {"wait_compute": 3})
    code.store_all(wait_drain=6)
    with pytest.raises(EmulationError, match="deadlock: .*all 2 accumulator banks.*waits for 3, but COMPUTE has.* 2"):
        Machine(code.program()).run({"memory_in": np.zeros((1, 1, 1024), np.int8)})
    assert compute == 2


def test_inputs_are_checked_against_the_ports():
    machine = Machine(two_layers("after"))
    with pytest.raises(ValueError, match=r"inputs are \['image'\], but the program reads \['memory_in'\]"):
        machine.run({"image": np.zeros((1, 1, 1024), np.int8)})
