"""Dilated max-pools: golden is the definition, the emulator's integers are golden's, on chip and in stripes."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.certify.checker import certify
from tcugen.compiler import compile_network
from tcugen.golden.arithmetic import max_pool
from tcugen.isa import Opcode
from tcugen.mapping.plan import plan_network
from tcugen.network.graph import NetworkError, Shape
from tcugen.network.operators import MaxPool
from tcugen.synthetic.integers import synthesise
from tests.certify.programs import files_of
from tests.compiler.dilated_pools import DILATED_POOLS, network, pool
from tests.compiler.networks import run_against_golden

MACHINES = {
    "4x4": Architecture(rows=4, columns=4, output_lanes=1, activation_kib=64, accumulator_depth=64, weight_tiles=16),
    "8x4": Architecture(rows=8, columns=4, output_lanes=2, activation_kib=16, accumulator_depth=32, weight_tiles=16),
    "stripes": Architecture(rows=4, columns=8, output_lanes=4, activation_kib=2, bus_bytes=4, accumulator_depth=32),
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", DILATED_POOLS)
def test_emulator_and_golden_agree_and_the_program_is_certified(name, machine):
    architecture = MACHINES[machine]
    program = run_against_golden(DILATED_POOLS[name], architecture)
    model, _ = synthesise(DILATED_POOLS[name], seed=3)
    certify(model, architecture, files_of(program, architecture))


@pytest.mark.parametrize("name", ["both", "beside_others", "three_apart"])
def test_stripes_are_stripes(name):
    model, _ = synthesise(DILATED_POOLS[name], seed=3)
    assert plan_network(model.network, MACHINES["stripes"]).has_stripes


@pytest.mark.parametrize("kernel, stride, dilation, padding", [
    ((3, 3), (1, 1), (2, 2), (1, 1)), ((2, 3), (2, 2), (3, 2), (1, 1)), ((3, 2), (2, 3), (2, 1), (0, 0)),
])  # fmt: skip
def test_golden_is_the_framework(kernel, stride, dilation, padding):
    x = torch.from_numpy(np.random.default_rng(3).integers(-128, 128, (2, 5, 13, 14)).astype(np.int8))
    made = max_pool(x, kernel, stride, padding * 2, dilation)
    expected = functional.max_pool2d(x.float(), kernel, stride, padding, dilation)
    assert torch.equal(made.float(), expected)


def test_two_steps_make_what_one_would():
    whole = pool("p", "image", (3, 2), (2, 3), (2, 1), (1, 0, 2, 2))
    model, inputs = synthesise(network((6, 13, 12), whole), 5, 1)
    first, second = model.network.nodes
    assert (first.name, second.name) == ("p.rows", "p")
    once = max_pool(torch.as_tensor(inputs["image"]), whole.kernel, whole.stride, whole.padding, whole.dilation)
    assert np.array_equal(golden.run(model, inputs)["p"], once.numpy())


def test_instructions_are_few():
    """Along rows one for each phase; along columns one for each row and run of equal windows."""
    counts = {}
    for name in ("rows", "columns"):
        model, _ = synthesise(DILATED_POOLS[name], 3)
        program = compile_network(model, MACHINES["4x4"])
        counts[name] = sum(one.opcode == Opcode.POOL for one in program.instructions)
    assert counts == {"rows": 2, "columns": 6 * 3}


@pytest.mark.parametrize("node, sides, message", [
    (MaxPool("p", ("image",), (3, 3), (1, 1), dilation=(1, 2)), (9, 9), "its window has 3 rows"),
    (pool("p", "image", (2, 1), (3, 1), padding=(2, 0, 2, 0)), (1, 9), "row 0 of its output takes padding only"),
    (pool("p", "image", (1, 2), (1, 4), padding=(0, 3, 0, 3)), (9, 2), "column 1 of its output takes padding only"),
    (pool("p", "image", (2, 1), (3, 1), padding=(4, 0, 0, 0)), (9, 9), "top padding is 4"),
    (pool("p", "image", (3, 1), (3, 1)), (2, 9), "kernel 7x1 does not fit"),
])  # fmt: skip
def test_windows_that_do_not_fit(node, sides, message):
    with pytest.raises(NetworkError, match=message):
        node.output_shape([Shape(3, *sides)])
