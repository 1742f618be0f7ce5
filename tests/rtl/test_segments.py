from random import Random

import pytest

from tcugen.rtl.segments import SegmentWalker
from tests.rtl.streams import get, put, run


def model(transfer: dict, unit_bytes: int, group_units: int, address_bits: int) -> list[tuple[int, int, int]]:
    """(address, units, tag) of every group."""
    groups = []
    for segment in range(transfer["segments"]):
        address = transfer["address"] + segment * transfer["step"]
        end = address + transfer["segment_bytes"]
        while address < end:
            natural_end = (address // (unit_bytes * group_units) + 1) * unit_bytes * group_units
            units = (min(end, natural_end) - address) // unit_bytes
            groups.append((address % (1 << address_bits), units, transfer["tag"]))
            address += units * unit_bytes
    return groups


def random_transfers(random: Random, count: int, unit_bytes: int, group_units: int, address_bits: int) -> list[dict]:
    return [
        {
            "tag": random.getrandbits(3),
            "address": random.getrandbits(address_bits) // unit_bytes * unit_bytes,
            "segment_bytes": unit_bytes * random.randint(1, random.choice([1, 3, 3 * group_units])),
            "segments": random.randint(1, 5),
            "step": random.getrandbits(address_bits) // unit_bytes * unit_bytes,
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("unit_bytes, group_units", [(8, 32), (64, 32), (4, 8), (16, 1), (1, 2)])
@pytest.mark.parametrize("i_idle, o_idle", [(0.0, 0.0), (0.4, 0.4)])
@pytest.mark.parametrize("kind", ["", "back_to_back", "ahead"])
def test_groups_equal_the_model(unit_bytes, group_units, i_idle, o_idle, kind):
    walker = SegmentWalker(24, unit_bytes, group_units, tag_bits=3, **{kind: True} if kind else {})
    transfers = random_transfers(Random(3), 25, unit_bytes, group_units, 24)
    expected = []
    for transfer in transfers:
        groups = model(transfer, unit_bytes, group_units, 24)
        expected += [(*group, index == len(groups) - 1) for index, group in enumerate(groups)]

    async def producer(ctx):
        await put(ctx, walker.i, transfers, i_idle, Random(1))

    async def consumer(ctx):
        groups = await get(ctx, walker.o, len(expected), o_idle, Random(2))
        assert [(group.address, group.units, group.tag, group.last) for group in groups] == expected

    # Without idle cycles one group leaves per cycle, the first after 2, and one cycle may lie between two transfers.
    limit = len(expected) + (0 if kind == "back_to_back" else len(transfers)) + 3
    if kind == "ahead":
        # Five cycles to the first, and one more for each segment of one group.
        limit = 2 * len(expected) + 5 * len(transfers)
    if i_idle:
        limit = 20 * len(expected) + 100
    run(walker, producer, consumer, cycles=limit)


def test_degenerate_transfers_end():
    walker = SegmentWalker(24, 8, 32, tag_bits=1)
    transfers = [
        {"tag": 0, "address": 0x100, "segment_bytes": 8, "segments": 0, "step": 0},
        {"tag": 0, "address": 0x203, "segment_bytes": 4, "segments": 1, "step": 0},
    ]

    async def producer(ctx):
        await put(ctx, walker.i, transfers)

    async def consumer(ctx):
        groups = await get(ctx, walker.o, 2)
        assert [(group.address, group.units, group.last) for group in groups] == [(0x100, 1, 1), (0x203, 0, 1)]

    run(walker, producer, consumer, cycles=20)
