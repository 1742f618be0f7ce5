# amaranth: UnusedElaboratable=no
import random
import zlib

import pytest

from tcugen.rtl.beat_crc import BeatCrc
from tests.rtl.streams import run


@pytest.mark.parametrize("bus_bytes", [4, 8, 16, 64])
def test_sums_are_those_of_zlib(bus_bytes):
    generator = random.Random(bus_bytes)
    dut = BeatCrc(bus_bytes, 2)
    contents = [bytearray(), bytearray()]

    async def bench(ctx):
        sums = [[0, 0]] * BeatCrc.LATENCY
        for _ in range(300):
            which, cut = generator.choice([None, 0, 1]), generator.random() < 0.2
            beat = generator.choice([generator.randbytes(bus_bytes), bytes(bus_bytes), b"\xff" * bus_bytes])
            ctx.set(dut.en, 0 if which is None else 1 << which)
            ctx.set(dut.beat, int.from_bytes(beat, "little"))
            ctx.set(dut.cut, cut)
            if which is not None:
                contents[which] += beat[:-4] + bytes(4) if cut else beat
            sums.append([zlib.crc32(content) for content in contents])
            await ctx.tick()
            assert [ctx.get(dut.crc[k]) for k in range(2)] == sums[-BeatCrc.LATENCY]

    run(dut, bench)


@pytest.mark.parametrize("bus_bytes", [0, 2, 6])
def test_refuses_beats_that_are_no_words(bus_bytes):
    with pytest.raises(ValueError, match=f"bus_bytes is {bus_bytes}, but it must be a multiple of 4"):
        BeatCrc(bus_bytes, 1)
