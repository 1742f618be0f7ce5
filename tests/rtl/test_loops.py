from random import Random

import pytest
from amaranth.hdl import Const, Module, Signal, signed
from amaranth.lib.wiring import Component, In

from tcugen.rtl.loops import Level, Loops
from tests.rtl.streams import run

BITS = 10


class Nest(Component):
    """Three levels: rows in blocks, points, and turns whose number changes with the last block."""

    begin: Signal
    step: Signal
    rows: Signal
    block_rows: Signal
    points: Signal
    turns: Signal
    last_turns: Signal

    def __init__(self):
        counts = dict.fromkeys(("rows", "block_rows", "points", "turns", "last_turns"), In(5))
        super().__init__({"begin": In(1), "step": In(1), **counts})

    def elaborate(self, platform):
        m = Module()
        next_turns = Signal(5)
        first = Signal(5)
        self.loops = loops = Loops(
            m,
            self.begin,
            self.step,
            {
                "block": Level(self.rows, unit=self.block_rows),
                "point": Level(self.points),
                "turn": Level(first, next_turns),
            },
        )
        with m.If(self.rows <= self.block_rows):
            m.d.comb += first.eq(self.last_turns)
        with m.Else():
            m.d.comb += first.eq(self.turns)
        last = Signal()
        with m.If(loops.turns["block"]):
            m.d.comb += last.eq(loops.next_last["block"])
        with m.Else():
            m.d.comb += last.eq(loops.last["block"])
        with m.If(last):
            m.d.comb += next_turns.eq(self.last_turns)
        with m.Else():
            m.d.comb += next_turns.eq(self.turns)
        self.everywhere = loops.address("{}_at", Const(1000, BITS), {"block": 300, "point": 20, "turn": 1})
        self.around = loops.address("around_{}", Const(-7, signed(BITS)), {"block": 5, "turn": 2})
        self.within = loops.address("within", Const(3, BITS), {"turn": 6}, again=Const(4, BITS))
        return m


def steps_of(rows: int, block_rows: int, points: int, turns: int, last_turns: int) -> list[tuple]:
    """Addresses, last turns and rows left, step by step."""
    steps = []
    blocks = -(-rows // block_rows)
    for block in range(blocks):
        last_block = block == blocks - 1
        count = last_turns if last_block else turns
        for point in range(points):
            for turn in range(count):
                everywhere = (1000 + 300 * block + 20 * point + turn) % (1 << BITS)
                base = 3 if block == point == 0 else 4
                lasts = (last_block, point == points - 1, turn == count - 1)
                steps.append(
                    (everywhere, -7 + 5 * block + 2 * turn, base + 6 * turn, *lasts, rows - block * block_rows)
                )
    return steps


@pytest.mark.parametrize("idle", [0.0, 0.5])
def test_random_nests_beside_loops_of_python(idle):
    random = Random(11)
    nest = Nest()

    async def bench(ctx):
        for _ in range(60):
            counts = [random.randrange(1, 6) for _ in range(5)]
            for name, count in zip(("rows", "block_rows", "points", "turns", "last_turns"), counts, strict=True):
                ctx.set(getattr(nest, name), count)
            ctx.set(nest.begin, 1)
            await ctx.tick()
            ctx.set(nest.begin, 0)
            expected = steps_of(*counts)
            for number, step in enumerate(expected):
                while random.random() < idle:
                    await ctx.tick()
                loops = nest.loops
                found = (nest.everywhere, nest.around, nest.within, *loops.last.values(), loops.left["block"])
                assert tuple(ctx.get(signal) for signal in found) == step
                ends = [ctx.get(loops.ends[level]) for level in ("block", "point", "turn")]
                lasts = step[3:6]
                assert ends == [all(lasts[place:]) for place in range(3)]
                assert ends[0] == (number == len(expected) - 1)
                ctx.set(nest.step, 1)
                await ctx.tick()
                ctx.set(nest.step, 0)

    run(nest, bench)
