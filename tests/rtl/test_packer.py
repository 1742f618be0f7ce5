from random import Random

import pytest

from tcugen.arch import Architecture
from tcugen.rtl.packer import Packer
from tests.rtl.streams import get, get_at_times, put, run


@pytest.mark.parametrize("rows, bus_bytes", [(16, 8), (32, 4), (4, 8), (4, 64), (16, 32)])
@pytest.mark.parametrize("i_idle, o_idle, taking", [(0.0, 0.0, get), (0.4, 0.4, get), (0.0, 0.6, get_at_times)])
def test_bytes_keep_their_order(rows, bus_bytes, i_idle, o_idle, taking):
    packer = Packer(Architecture(rows=rows, columns=32, bus_bytes=bus_bytes, output_lanes=1))
    random = Random(rows + bus_bytes)
    unit_bytes = min(rows, bus_bytes)
    words, stream, ends = [], b"", set()
    for _ in range(64):
        data = random.randbytes(rows)
        position = random.randrange(rows // unit_bytes)
        units = random.randint(1, rows // unit_bytes - position)
        last = int(len(words) % 16 == 15)
        words.append({"data": int.from_bytes(data, "little"), "position": position, "units": units, "last": last})
        stream += data[position * unit_bytes : (position + units) * unit_bytes]
        ends |= {len(stream)} if last else set()
    beats = [
        {"data": int.from_bytes(stream[at : at + bus_bytes], "little"), "last": int(at + bus_bytes in ends)}
        for at in range(0, len(stream), bus_bytes)
    ]

    async def producer(ctx):
        await put(ctx, packer.i, words, i_idle, Random(1))

    async def consumer(ctx):
        assert await taking(ctx, packer.o, len(beats), o_idle, Random(2)) == beats

    # Without idle cycles a word or a beat passes in every cycle.
    limit = max(len(words), len(beats)) + 1 if not o_idle else 20 * (len(words) + len(beats))
    run(packer, producer, consumer, cycles=limit)
