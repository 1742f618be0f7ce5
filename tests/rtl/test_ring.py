# amaranth: UnusedElaboratable=no
from random import Random

import pytest

from tcugen.rtl.ring import Ring
from tests.rtl.streams import run

SIZES = [
    (4, 16, 8, 4),
    (4, 16, 4, 8),
    (8, 8, 8, 8),
    (2, 64, 8, 1),
    (2, 32, 4, 32),
    (64, 16, 8, 4),
    (128, 4, 4, 4),
    (4, 48, 8, 6),
    (2, 40, 8, 10),
    (4, 192, 8, 12),
    (2, 96, 32, 6),
    (8, 24, 8, 6),
    (4, 96, 8, 8),
    (2, 96, 8, 32),
    (2, 80, 16, 20),
    (2, 384, 8, 24),
    (4, 192, 64, 12),
    (2, 16, 8, 2),
]
"""Items, bytes per item, per beat and per unit."""


@pytest.mark.parametrize("items, item_bytes, beat_bytes, unit_bytes", SIZES)
@pytest.mark.parametrize("claims, arrivals, releases", [(0.9, 0.9, 0.9), (0.5, 0.9, 0.2), (0.9, 0.2, 0.9)])
def test_against_a_model(items, item_bytes, beat_bytes, unit_bytes, claims, arrivals, releases):
    ring = Ring(items, item_bytes, beat_bytes, unit_bytes)
    item_beats, units, capacity = item_bytes // beat_bytes, item_bytes // unit_bytes, items * item_bytes // beat_bytes
    random = Random(items * unit_bytes)
    contents = b""  # everything that ever arrived

    async def bench(ctx):
        nonlocal contents
        claimed = released = 0
        wanted = None
        for _ in range(600):
            arrived = len(contents) // beat_bytes
            assert ctx.get(ring.free_beats) == capacity - claimed + released * item_beats
            assert ctx.get(ring.written) == arrived // item_beats % (2 * items)
            assert ctx.get(ring.idle) == (arrived == claimed)
            if wanted is not None:
                assert ctx.get(ring.data) == wanted, "the unit stands until the next read"

            room = capacity - claimed + released * item_beats
            claim = random.randint(1, room) if room and random.random() < claims else 0
            ctx.set(ring.claim_en, claim > 0)
            ctx.set(ring.claim_beats, claim or random.randrange(capacity))
            beat = random.randbytes(beat_bytes)
            arrives = arrived < claimed and random.random() < arrivals
            ctx.set(ring.beat_en, arrives)
            ctx.set(ring.beat, int.from_bytes(beat, "little"))
            whole = arrived // item_beats
            reads = released < whole and random.random() < 0.7
            item = random.randrange(released, whole) if reads else random.randrange(items)
            unit = random.randrange(units)
            ctx.set(ring.read_en, reads)
            ctx.set(ring.read_item, item % items)
            ctx.set(ring.read_unit, unit)
            release = released < whole and not reads and random.random() < releases
            ctx.set(ring.release, release)
            if reads:
                start = item * item_bytes + unit * unit_bytes
                wanted = int.from_bytes(contents[start : start + unit_bytes], "little")
            claimed += claim
            released += release
            contents += beat * arrives
            await ctx.tick()

    run(ring, bench)
    assert len(contents) > 2 * items * item_bytes or (claims, arrivals) != (0.9, 0.9) or items >= 64


def test_an_item_must_hold_a_beat_and_a_unit():
    with pytest.raises(ValueError, match="an item of 8 bytes must hold a beat \\(16\\) and a unit \\(4\\)"):
        Ring(4, 8, 16, 4)
    with pytest.raises(ValueError, match="a unit \\(32\\)"):
        Ring(4, 8, 8, 32)
