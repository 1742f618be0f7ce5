"""Spans of a program: one per instruction, in the order of its unit."""

import pytest

from tcugen.console.machine import MachineFlags, sized
from tcugen.isa import Opcode
from tcugen.network.layer_config import load_network
from tcugen.timeline import UNITS, spans_of


@pytest.fixture(scope="module")
def planned():
    network, _ = load_network("resnet20")
    return sized(network, MachineFlags(array="8x8", activation_kib=16)).planned


def test_every_instruction_has_its_span(planned):
    instructions = planned.schedule.instructions
    spans = spans_of(instructions, planned.prediction.spans)
    assert [span.instruction for span in spans] == list(range(len(instructions) - 1))  # all but END
    for span in spans:
        instruction = instructions[span.instruction]
        assert (span.opcode, span.layer) == (instruction.opcode, instruction["layer"])
        assert 0 < span.start < span.end <= planned.prediction.cycles


@pytest.mark.parametrize("opcode", UNITS)
def test_units_take_one_after_the_other(planned, opcode):
    starts = [
        span.start
        for span in spans_of(planned.schedule.instructions, planned.prediction.spans)
        if span.opcode == opcode
    ]
    assert starts == sorted(starts)
    assert len(set(starts)) == len(starts)


def test_the_array_works_within_its_spans(planned):
    spans = spans_of(planned.schedule.instructions, planned.prediction.spans)
    assert sum(span.end - span.start for span in spans if span.opcode == Opcode.COMPUTE) >= planned.prediction.busy


def test_times_of_another_program_are_refused(planned):
    with pytest.raises(ValueError, match="1 POOL instructions ran, but the program has 0"):
        spans_of(planned.schedule.instructions, {Opcode.POOL: [(1, 2)]})
