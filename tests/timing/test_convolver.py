"""The replay of a depthwise convolution beside its hardware, to the cycle, while the array reads what it likes."""

from random import Random

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import connect

from tcugen.isa import Instruction, Opcode
from tcugen.rtl.activation import ActivationMemory
from tcugen.rtl.pool import Pool
from tcugen.timing.completions import Agenda, Completions
from tcugen.timing.pool import Pool as PoolTiming
from tcugen.timing.queue import InstructionQueue
from tcugen.timing.reads import ArrayReads
from tests.rtl.instructions import encoded, small
from tests.rtl.streams import run

CYCLES = 6000


def reads_of(random: Random, kind: str, rows: int) -> list[int | None]:
    """Cycle by cycle, the byte address that the array reads: spans of reads that go on by words, and pauses."""
    if kind == "none":
        return [None] * CYCLES
    reads: list[int | None] = []
    while len(reads) < CYCLES:
        first, step = random.randrange(256), random.choice((1, 1, 1, 2, 3, 4))
        shift = random.randrange(rows) if kind == "unaligned" else 0
        length = random.randrange(1, 40)
        reads += [(first + step * k) % 256 * rows + shift for k in range(length)]
        reads += [None] * random.choice((0, 1, random.randrange(30)))
    return reads


class Reads(ArrayReads):
    """The same as the replay knows it: masks of banks."""

    def __init__(self, reads: list[int | None], rows: int):
        super().__init__(small(rows, 4), 0)
        self.banks = bytes(
            0 if at is None else 1 << at // rows % 4 | (1 << (at // rows + 1) % 4 if at % rows else 0) for at in reads
        )

    def at(self, cycle: int) -> tuple[int, int, bytes]:
        assert cycle < len(self.banks), "the test is too short"
        return 0, len(self.banks), self.banks


class Queue(InstructionQueue):
    """Instructions that are all there, and when each left."""

    def __init__(self, instructions: list[Instruction]):
        super().__init__(Opcode.POOL, {}, Agenda())
        self.instructions, self.taken = list(instructions), []

    def offered(self, ready: int = 0) -> int | None:
        return 0 if self.instructions else None

    def take(self, cycle: int) -> Instruction:
        self.taken.append(cycle)
        return self.instructions.pop(0)


def fields_of(random: Random, rows: int) -> dict[str, int]:
    names = ("base", "group_step", "row_step", "out_base", "out_group_step", "out_row_step", "weights")
    f = {name: random.randrange(0, 1024, rows) for name in names}
    f |= {name: random.randrange(1, 4) for name in ("n_groups", "n_y", "stride_y")}
    step = random.choice((1, 1, 2, 3))
    f |= {"n_ky": random.choice((1, 2, 3, 3, 3, 5)), "step_x": step, "n_x": 3 + step * random.randrange(8)}
    f |= {"iy0": random.randrange(-3, 2), "ix0": random.randrange(-3, 2)}
    f |= {"height": random.randrange(1, 8), "width": random.randrange(1, 12)}
    return f | {"depthwise": 1, "n_kx": 1, "stride_x": 1}


def taken_by_hardware(rows: int, lanes: int, instructions: list[Instruction], reads: list[int | None]) -> list[int]:
    """Cycles in which the unit takes instructions, and at last the one in which it is ready again."""
    architecture = small(rows, 4, depthwise=lanes)
    m = Module()
    m.submodules.pool, m.submodules.memory = pool, memory = Pool(architecture), ActivationMemory(architecture)
    connect(m, pool.read, memory.pool)
    connect(m, pool.write, memory.pool_write)
    m.d.comb += [
        pool.word_valid.eq(memory.pool_word_valid),
        pool.word.eq(memory.pool_word),
        pool.written.eq(memory.pool_written),
    ]
    taken: list[int] = []

    async def bench(ctx):
        words = [encoded(Opcode.POOL, **i.fields) for i in instructions]
        for cycle in range(CYCLES):
            ctx.set(memory.operand_en, reads[cycle] is not None)
            ctx.set(memory.operand_request.address, reads[cycle] or 0)
            ctx.set(pool.instruction.valid, len(taken) < len(words))
            if ctx.get(pool.instruction.ready):
                taken.append(cycle)
                if len(taken) > len(words):
                    return
                ctx.set(pool.instruction.payload, words[len(taken) - 1])  # as at the gate, where it stays
            await ctx.tick()
        raise AssertionError("the test is too short")

    run(m, bench)
    return taken


@pytest.mark.parametrize("kind", ["none", "words", "unaligned"])
@pytest.mark.parametrize("rows, lanes", [(4, 4), (4, 1), (8, 2), (16, 4)])
def test_every_instruction_takes_as_long_as_in_hardware(rows, lanes, kind):
    random = Random(rows * lanes)
    instructions = [Instruction(Opcode.POOL, fields_of(random, rows)) for _ in range(10)]
    reads = reads_of(random, kind, rows)
    queue = Queue(instructions)
    unit = PoolTiming(queue, Completions(Agenda()), Reads(reads, rows), small(rows, 4, depthwise=lanes))
    unit.advance()
    until = 0
    while unit.now < CYCLES:
        until += random.randrange(1, 50)  # what the array does becomes known bit by bit
        if until > unit.now:
            unit.run(until)
    assert [*queue.taken, unit.idle_from] == taken_by_hardware(rows, lanes, instructions, reads)
