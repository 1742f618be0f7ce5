"""Adds of an operand that is not rounded: what the checker of certificates proves of them, and refuses."""

from dataclasses import replace

import numpy as np
import pytest

from sim.mutants import case_of, files_of, judged, mutated
from sim.wrong_programs import KINDS, mutants
from tcugen.arch import FRACTION_BITS, Architecture
from tcugen.certify.checker import certify
from tcugen.certify.errors import NotCertified
from tcugen.isa import Instruction, Opcode
from tcugen.model.integers import AddIntegers, WeightedIntegers
from tcugen.model.quantized import QuantizedNetwork
from tcugen.program_format import seal_weights
from tests.compiler.unrounded_networks import EQUIPPED, UNROUNDED

MACHINE = Architecture(8, 8, 16, output_lanes=2, **EQUIPPED)
RUNS = 140


@pytest.fixture(scope="module")
def whole():
    return case_of(UNROUNDED["blocks"], MACHINE, 2)


@pytest.mark.slow
def test_no_mutant_is_missed(whole):
    model, program, images = whole
    rows, missed = judged(model, program, images, mutants(program, RUNS, 5))
    assert [(mutant.kind, mutant.what) for mutant in missed] == []
    assert sum(row.mutants for row in rows) == RUNS and len(rows) == len(set(KINDS))


@pytest.mark.parametrize("changes, message", [
    ({"unrounded": 0}, "unrounded is 0, and must be 1"),
    ({"add_multiplier": 1}, "unrounded is set with a product, another multiplier or another shift"),
    ({"add_shift": FRACTION_BITS + 1}, "unrounded is set with a product, another multiplier or another shift"),
    ({"multiply": 1}, "unrounded is set with a product, another multiplier or another shift"),
    ({"residual": 0}, "unrounded is set without a residual operand"),
    ({"residual_multiplier": 7}, "residual_multiplier is 7, and must be "),
    ({"add_zero_point": 99}, "add_zero_point is 99, and must be "),
])  # fmt: skip
def test_other_fields_are_refused(whole, changes, message):
    model, program, _ = whole
    at = next(number for number, one in enumerate(program.instructions) if one.fields.get("unrounded"))
    changed = Instruction(Opcode.DRAIN, program.instructions[at].fields | changes)
    other = replace(program, instructions=(*program.instructions[:at], changed, *program.instructions[at + 1 :]))
    with pytest.raises(NotCertified, match=message) as raised:
        certify(model, MACHINE, mutated(files_of(program), other))
    assert str(raised.value).startswith(f"instruction {at} (DRAIN, ")


def test_an_add_of_rounded_operands_is_not_made_so(whole):
    model, program, _ = whole
    at = next(
        number
        for number, one in enumerate(program.instructions)
        if one.fields.get("residual") and not one.fields.get("unrounded")
    )
    fields = program.instructions[at].fields | {"unrounded": 1, "add_multiplier": 0, "add_shift": FRACTION_BITS}
    changed = Instruction(Opcode.DRAIN, fields)
    other = replace(program, instructions=(*program.instructions[:at], changed, *program.instructions[at + 1 :]))
    with pytest.raises(NotCertified, match="unrounded is 1, and must be 0"):
        certify(model, MACHINE, mutated(files_of(program), other))


def test_a_machine_without_the_hardware_is_refused(whole):
    model, program, _ = whole
    with pytest.raises(NotCertified, match="unrounded is set, and this machine does not have it"):
        certify(model, replace(MACHINE, unrounded_add=0), files_of(program))


def test_the_integers_must_be_the_models(whole):
    model, program, _ = whole
    files = files_of(program)
    ((conv, add), *_) = model.network.unrounded.items()
    weighted, total = model.integers[conv], model.integers[add]
    assert isinstance(weighted, WeightedIntegers) and isinstance(total, AddIntegers)
    assert weighted.multiplier is not None
    others = {
        "the multiplier of channel 0 is not the layer's": {conv: replace(weighted, multiplier=weighted.multiplier * 2)},
        "the bias": {conv: replace(weighted, bias=weighted.bias + 1)},
        "residual_multiplier is": {add: replace(total, multipliers=(1, total.multipliers[1] + 1))},
        "at a ratio that the machine does not have": {add: replace(total, multipliers=(2, total.multipliers[1]))},
    }
    for message, integers in others.items():
        changed = QuantizedNetwork(model.network, model.tensors, model.integers | integers)
        with pytest.raises(NotCertified, match=message):
            certify(changed, MACHINE, files)


def test_any_byte_of_the_parameters_matters(whole):
    model, program, _ = whole
    files = files_of(program)
    rng = np.random.default_rng(1)
    for at in rng.integers(64, len(program.weights), 12):
        image = program.weights.copy()
        image[at] ^= np.uint8(1 << int(at) % 8)
        weights = np.frombuffer(seal_weights(image.tobytes(), MACHINE), np.uint8)
        with pytest.raises(NotCertified):
            certify(model, MACHINE, replace(files, weights=weights))
