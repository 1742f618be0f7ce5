# amaranth: UnusedElaboratable=no
import random

import pytest

from tcugen.arch import QUEUE_DEPTH
from tcugen.isa import Opcode
from tcugen.rtl.dispatch import QUEUES
from tcugen.rtl.longest_wait import LongestWait
from tests.rtl.streams import run

MOST = QUEUE_DEPTH + 1


class Units:
    """The queues and units as lists of layers, and when each unit last moved."""

    def __init__(self):
        self.queues = [[] for _ in QUEUES]
        self.inside: list[int | None] = [None for _ in QUEUES]
        self.moved = [0 for _ in QUEUES]

    def step(self, cycle: int, entered: int | None, layer: int, taken: list[bool], ended: list[bool]) -> None:
        for k, queue in enumerate(self.queues):
            had_work = bool(queue) or self.inside[k] is not None
            if ended[k]:
                self.inside[k] = None
            if taken[k]:
                self.inside[k] = queue.pop(0)
            if taken[k] or (entered == k and not had_work):
                self.moved[k] = cycle
            if entered == k:
                queue.append(layer)

    def longest(self) -> tuple[int, int]:
        work = [k for k, queue in enumerate(self.queues) if queue or self.inside[k] is not None]
        if not work:
            return Opcode.END, 0
        # Units that moved in the same cycle count in their order.
        k = min(work, key=lambda k: (self.moved[k], k))
        inside = self.inside[k]
        return QUEUES[k], self.queues[k][0] if inside is None else inside


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_names_what_a_model_names(seed, rate):
    generator = random.Random(seed)
    dut, units = LongestWait(), Units()
    named = set()

    def show(ctx, entered: int, taken: list[bool]) -> None:
        ctx.set(dut.entered, entered)
        ctx.set(dut.taken, sum(one << k for k, one in enumerate(taken)))
        ctx.set(dut.busy, sum((inside is not None) << k for k, inside in enumerate(units.inside)))
        for k, queue in enumerate(units.queues):
            ctx.set(dut.gate_layer[k], queue[0] if queue else generator.getrandbits(12))

    async def bench(ctx):
        for cycle in range(1, 1500):
            entered = generator.randrange(len(QUEUES)) if generator.random() < rate else None
            if entered is not None and len(units.queues[entered]) == MOST:
                entered = None
            taken = [bool(queue) and generator.random() < rate / 3 for queue in units.queues]
            ended = [not one and generator.random() < rate / 2 for one in taken]
            layer = generator.getrandbits(12)
            show(ctx, 0 if entered is None else 1 << entered, taken)
            await ctx.tick()
            units.step(cycle, entered, layer, taken, ended)
            if generator.random() < 0.5:
                expected = units.longest()
                show(ctx, 0, [False] * len(QUEUES))
                await ctx.tick().repeat(2)
                found = ctx.get(dut.o)
                assert (found.opcode, found.layer) == expected, cycle
                named.add(expected[0])
        assert named >= set(QUEUES) or rate > 0.5

    run(dut, bench)


def test_an_idle_machine_waits_for_its_program():
    dut = LongestWait()

    async def bench(ctx):
        await ctx.tick()
        assert ctx.get(dut.o).opcode == Opcode.END and ctx.get(dut.o).layer == 0

    run(dut, bench)
