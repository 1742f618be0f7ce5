"""Depthwise convolutions in the pool unit are proved byte by byte; programs that do something else are not."""

from dataclasses import replace

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.certify.checker import certify
from tcugen.certify.errors import NotCertified
from tcugen.certify.files import ProgramFiles
from tcugen.compiler import compile_network
from tcugen.isa import Instruction, Opcode, Window
from tcugen.program_format import streamed_bytes
from tcugen.synthetic.integers import synthesise
from tests.certify.programs import files_of
from tests.compiler.depthwise_networks import DEPTHWISE, PASSED, depthwise, equipped
from tests.compiler.networks import AROUND, conv, network
from tests.machines import machine
from tests.typed import present, weighted

SMALL = network("small", (12, 6, 5), conv("e", "image", 20), depthwise("d", "e", 20, padding=AROUND),
                conv("p", "d", 4))  # fmt: skip
MACHINE = Architecture(rows=8, columns=8, activation_kib=16, output_lanes=2, depthwise=2)
MODEL = synthesise(SMALL, seed=4)[0]
FILES = files_of(compile_network(MODEL, MACHINE), MACHINE)
LOADED = streamed_bytes(FILES.weights.tobytes(), MACHINE)


@pytest.mark.parametrize("array, kib", [("8x6", 32), ("8x6", 3), ("16x8", 4)])
@pytest.mark.parametrize("name", DEPTHWISE)
def test_programs_of_the_compiler(name, array, kib):
    architecture = replace(machine(array), activation_kib=kib, tables=1)
    architecture = replace(architecture, **equipped(architecture))
    model, _ = synthesise(DEPTHWISE[name], seed=3)
    counts = certify(model, architecture, files_of(compile_network(model, architecture), architecture)).counts
    assert counts["products"] >= model.network.mac_count


def test_a_tensor_that_is_passed():
    architecture = replace(machine("4x4"), activation_kib=6, depthwise=1)
    model, _ = synthesise(PASSED, seed=3)
    certify(model, architecture, files_of(compile_network(model, architecture), architecture))


def of_group(group: int, byte: int) -> int:
    """Offset in window WEIGHTS of a byte of a channel group's block."""
    return LOADED + group * MACHINE.depthwise_block_bytes(3) + byte


@pytest.mark.parametrize(
    "at, message",
    [
        (of_group(0, 0), "the weight of channel 0 at row 0, column 0 is another one"),
        (of_group(1, 8 * (3 * 2 + 1) + 5), "the weight of channel 13 at row 2, column 1"),
        (of_group(2, 8 * 4 + 6), "the weight of channel 22 at row 1, column 1"),
        (of_group(1, 8 * 9 + 8 * 3), "the bias of channel 11 is not"),
        (of_group(0, 8 * 9 + 8 * 7 + 4), "the multiplier of channel 7 is not"),
        (of_group(2, 8 * 9 + 8 * 5), "the bias of channel 21 is not"),
    ],
)
def test_every_byte_of_weights_counts(at, message):
    wrong = FILES.weights.copy()
    wrong[at] ^= 1
    with pytest.raises(NotCertified, match=message):
        certify(MODEL, MACHINE, replace(FILES, weights=wrong))


def changed(opcode: Opcode, **fields: int) -> ProgramFiles:
    """The files with fields of the first depthwise POOL, or the LOAD of weights, changed."""

    def is_it(one: Instruction) -> bool:
        return one.opcode == opcode and (
            one["depthwise"] == 1 if opcode == Opcode.POOL else one["window"] == Window.WEIGHTS
        )

    instructions = list(FILES.instructions)
    at = next(n for n, one in enumerate(instructions) if is_it(one))
    instructions[at] = replace(instructions[at], fields=instructions[at].fields | fields)
    return replace(FILES, instructions=tuple(instructions))


FIRST = next(i for i in FILES.instructions if i.opcode == Opcode.POOL)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"pad": FIRST["pad"] ^ 1}, "pad is"),
        ({"out_base": FIRST["weights"]}, "writes over weights, which it may read after that"),
        ({"zero_point": FIRST["zero_point"] ^ 1}, "zero_point is"),
        ({"clamp_low": FIRST["clamp_low"] ^ 1}, "clamp_low is"),
        ({"clamp_high": FIRST["clamp_high"] ^ 1}, "clamp_high is"),
        ({"step_x": 2}, "step_x is 2, and must be 1"),
        ({"n_x": 8}, "n_x is 8, and must be 7"),
        ({"ix0": 0}, "ix0 is 0, and must be -1"),
        ({"base": FIRST["base"] + 8}, "takes "),
        ({"weights": FIRST["weights"] + 8}, "the weight of channel 0 at row 0, column 0 is another one"),
        ({"weights": FIRST["out_base"]}, "takes what nothing has written for a weight"),
        ({"weights": 4}, "weights is no multiple of 8"),
        ({"depthwise": 0}, "is no max pool"),
        ({"wait_drain": 0}, "no wait orders|takes what nothing has written"),
    ],
)
def test_wrong_fields_are_refused(fields, message):
    with pytest.raises(NotCertified, match=message):
        certify(MODEL, MACHINE, changed(Opcode.POOL, **fields))


@pytest.mark.parametrize(
    "fields", [{"offset": LOADED - 8}, {"segment_bytes": 8}, {"window": Window.INPUT, "offset": 0}]
)
def test_weights_that_are_others_are_refused(fields):
    with pytest.raises(NotCertified):
        certify(MODEL, MACHINE, changed(Opcode.LOAD, **fields))


def test_another_model_is_refused():
    certify(MODEL, MACHINE, FILES)
    d = weighted(MODEL, "d")
    weight, multiplier = d.weight.copy(), present(d.multiplier).copy()
    weight[19, 0, 2, 2] ^= 1
    multiplier[3] = np.nextafter(multiplier[3], np.float32(1))
    for other in (replace(d, weight=weight), replace(d, multiplier=multiplier), replace(d, bias=d.bias + 1)):
        with pytest.raises(NotCertified):
            certify(replace(MODEL, integers=MODEL.integers | {"d": other}), MACHINE, FILES)


def test_weights_that_are_not_loaded_are_found():
    load = next(i for i in FILES.instructions if i.opcode == Opcode.LOAD and i["window"] == Window.WEIGHTS)
    wrong = changed(Opcode.LOAD, segment_bytes=load["segment_bytes"] - 8)
    with pytest.raises(NotCertified):
        certify(MODEL, MACHINE, wrong)
    with pytest.raises(NotCertified, match="loads weights from byte"):
        certify(MODEL, MACHINE, changed(Opcode.LOAD, offset=LOADED + 8))
