from random import Random

from tcugen.rtl.sram import Sram
from tests.rtl.streams import run


def test_lanes_that_are_read_while_they_are_written_are_not_defined():
    unit = Sram(16, 8, granularity=4)

    async def bench(ctx):
        random, words = Random(1), [0] * 8
        ctx.set(unit.read_en, 1)
        for _ in range(300):
            place, at, enables, value = (random.randrange(n) for n in (8, 8, 16, 1 << 16))
            ctx.set(unit.read_addr, place)
            ctx.set(unit.write_addr, at)
            ctx.set(unit.write_en, enables)
            ctx.set(unit.write_data, value)
            lanes = sum(15 << 4 * lane for lane in range(4) if enables >> lane & 1)
            expected = words[place] ^ (lanes if place == at else 0)
            words[at] = words[at] & ~lanes | value & lanes
            await ctx.tick()
            assert ctx.get(unit.read_data) == expected

    run(unit, bench)
