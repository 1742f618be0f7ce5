"""Sums that are not rounded before an add, on the emulator: the rule, and what a program may not do."""

from dataclasses import replace

import numpy as np
import pytest

from tcugen.compiler import compile_network
from tcugen.emulator import EmulationError, Machine
from tcugen.emulator.arithmetic import with_fraction
from tcugen.synthetic.integers import synthesise
from tests.compiler.unrounded_networks import EQUIPPED, UNROUNDED
from tests.emulator.handwritten import resealed
from tests.emulator.test_emulator_products import with_drains
from tests.machines import machine


@pytest.fixture(scope="module")
def whole():
    model, inputs = synthesise(UNROUNDED["blocks"], seed=1)
    program = compile_network(model, replace(machine("8x6"), **EQUIPPED))
    return program, {name: tensor[0] for name, tensor in inputs.items()}


def test_a_machine_without_the_hardware_takes_none(whole):
    program, inputs = whole
    plain = replace(program, architecture=replace(program.architecture, unrounded_add=0))
    plain = resealed(plain, program.weights.tobytes())
    with pytest.raises(EmulationError, match="unrounded: is set, but the architecture has no unrounded_add"):
        Machine(plain).run(inputs)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"residual": 0}, "unrounded: is set without residual, but it says how that operand is used"),
        ({"add_multiplier": 1}, "add_multiplier: is 1, but it must be 0 where the sum is not rounded before"),
        ({"add_shift": 17}, "add_shift: is 17, but it must be 16 where the sum is not rounded before"),
        ({"add_multiplier": 0, "add_shift": 16, "multiply": 1}, "multiply: is 1, but it must be 0 where the sum is"),
    ],
)
def test_the_fields_beside_it_are_checked(whole, fields, message):
    program, inputs = whole
    with pytest.raises(EmulationError, match=message):
        Machine(with_drains(program, **{"unrounded": 1, "residual": 1} | fields)).run(inputs)


def test_products_equal_those_of_numpy_over_all_magnitudes():
    rng = np.random.default_rng(3)
    sums = np.concatenate([
        [0, 1, -1, 2**31 - 1, -(2**31), 2**24 + 1, -(2**24) - 3],
        rng.integers(-(2**31), 2**31, 4000) >> rng.integers(0, 32, 4000),
    ]).astype(np.int64)  # fmt: skip
    ends = [0.0, 2.0**-40, np.nextafter(np.float32(2**8), np.float32(0)), 1.0, 2.0**-17, 1.5 * 2.0**-16]
    factors = np.concatenate([ends, np.exp2(rng.uniform(-40, 8, 60))]).astype(np.float32)
    factors = np.minimum(factors, np.float32(ends[2]))
    found = with_fraction(np.repeat(sums[:, None], len(factors), 1), factors.view(np.uint32))
    exact = np.rint((sums.astype(np.float32)[:, None] * factors).astype(np.float64) * 2.0**16)
    assert np.array_equal(found, exact.astype(np.int64))
    assert np.abs(found).max() > 2**54
