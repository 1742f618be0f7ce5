"""Bursts and bytes against the rules they follow."""

import random

import pytest

from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.isa import Instruction, Opcode, encode_program
from tcugen.network.resnets import bundled_network
from tcugen.planning.search import best_plan
from tcugen.program_format import program_size
from tcugen.synthetic.integers import synthesise
from tcugen.timing.bursts import program_parts, transfer_bursts, transfer_bytes
from tcugen.timing.replay import replay


def expected_bursts(offset: int, size: int, segments: int, step: int, bus_bytes: int) -> list[int]:
    """Beat by beat: a burst ends with its segment and before each multiple of 32 beats."""
    bursts: list[int] = []
    for segment in range(segments):
        start = offset + segment * step
        for at in range(start, start + size, bus_bytes):
            if at == start or at % (32 * bus_bytes) == 0:
                bursts.append(0)
            bursts[-1] += 1
    return bursts


def test_bursts_follow_segments_and_boundaries():
    generator = random.Random(3)
    for _ in range(200):
        architecture = Architecture(bus_bytes=generator.choice((4, 8, 16, 32)))
        unit = architecture.bus_bytes
        offset, step = (generator.randrange(200) * unit for _ in range(2))
        size, segments = generator.randrange(1, 150) * unit, generator.randrange(1, 6)
        fields = dict(offset=offset, segment_bytes=size, segments=segments, memory_step=step)
        transfer = Instruction(Opcode.LOAD, fields)
        bursts = transfer_bursts(transfer, architecture)
        assert bursts == expected_bursts(offset, size, segments, step, unit)
        assert sum(bursts) * unit == transfer_bytes(transfer)


def test_parts_are_those_of_the_written_program():
    model, _ = synthesise(bundled_network("resnet20"), 0, 1)
    program = compile_network(model, Architecture(activation_kib=16))
    parts = program_parts(program.instructions)
    assert [32 * count for count in parts] == [len(code) for code in encode_program(program.instructions)]
    assert program_size(sum(parts)) == len(program.code)


@pytest.mark.parametrize("kib", [4, 16, 64])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_plan_is_priced_as_every_program_of_it(kib, seed):
    """Whatever the integers are, cycles and bytes are those of the shapes."""
    architecture = Architecture(rows=8, columns=8, activation_kib=kib, bus_bytes=4)
    model, _ = synthesise(bundled_network("resnet20"), seed, 1)
    program = compile_network(model, architecture)
    planned = best_plan(model.network, architecture)
    assert replay(program.instructions, architecture, len(planned.plan.tasks)) == planned.prediction
