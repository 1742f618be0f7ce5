import itertools
from random import Random

import pytest

from tcugen.rtl.pixels import PixelWalker
from tests.rtl.instructions import ADDRESSES, small
from tests.rtl.streams import put, run

REQUEST = ("address", "offset", "row_bytes", "outside", "pad")
TAG = ("valid", "bank", "first", "last")
OTHERS = ("active", "request_en", "pixel", "swap", "layer", "tile_read", "pass_started")
OTHERS += ("waiting_for_bank", "waiting_for_weights")


def random_passes(random: Random, count: int) -> list[dict[str, int]]:
    """Passes of tiles of one to three passes each; a tile that does not close goes on with the next."""
    passes, open_ = [], False
    while len(passes) < count:
        length = random.randrange(1, 4)
        n_x = random.randrange(1, 6)
        rows, closes = random.randrange(1, 16 // n_x + 1), random.random() < 0.8
        for number in range(length):
            fresh = number == 0 and not open_
            passes.append(
                {
                    "layer": random.randrange(4096),
                    "row": random.randrange(ADDRESSES),
                    "iy": random.randrange(-6, 20),
                    "offset": random.randrange(-99, 99),
                    "rows": rows,
                    "n_x": n_x,
                    "y_step": random.randrange(ADDRESSES),
                    "x_step": random.randrange(1 << 12),
                    "stride_y": random.randrange(1, 4),
                    "row_bytes": random.randrange(1, 5000),
                    "height": random.randrange(1, 20),
                    "pad": random.randrange(-128, 128),
                    "first": fresh,
                    "opens": fresh,
                    "closes": closes and number == length - 1,
                    "ends": number == length - 1,
                }
            )
        open_ = not closes
    return passes


def operands_of(passes: list[dict[str, int]]) -> list[dict[str, int]]:
    """What is requested, and the tag beside it, operand by operand."""
    operands, bank = [], 0
    for one in passes:
        for y in range(one["rows"]):
            for x in range(one["n_x"]):
                offset, iy = one["offset"] + x * one["x_step"], one["iy"] + y * one["stride_y"]
                last = (y, x) == (one["rows"] - 1, one["n_x"] - 1)
                operands.append(
                    {
                        "address": (one["row"] + y * one["y_step"] + offset) % ADDRESSES,
                        "offset": offset,
                        "row_bytes": one["row_bytes"],
                        "outside": not 0 <= iy < one["height"],
                        "pad": one["pad"],
                        "valid": 1,
                        "bank": bank,
                        "first": one["first"],
                        "last": last and one["closes"],
                        "pixel": y * one["n_x"] + x,
                        "swap": x == y == 0,
                        "tile_read": last and one["ends"],
                    }
                )
        bank ^= one["closes"]
    return operands


class Bench:
    """A walker whose tiles are ready, and whose banks are emptied, at random."""

    def __init__(self, passes: list[dict[str, int]], idle: float):
        self.walker = PixelWalker(small(4, 4))
        self.passes, self.idle = passes, idle
        self.operands = operands_of(passes)
        self.pass_ends = set(itertools.accumulate(one["rows"] * one["n_x"] for one in passes))
        self.layers = [one["layer"] for one in passes for _ in range(one["rows"] * one["n_x"])]
        self.seen, self.cycles, self.cycle, self.walked, self.was_active = [], [], 0, 0, False
        self.opened = self.closed = self.released = self.started = 0

    async def driver(self, ctx):
        await put(ctx, self.walker.i_pass, self.passes, self.idle, Random(1))
        for _ in range(20):
            await ctx.tick()
        assert not ctx.get(self.walker.request_en)

    async def around(self, ctx):
        """Chooses the inputs of each cycle and checks everything as it stands at its end."""
        walker, random = self.walker, Random(2)
        watched = [getattr(walker.request, name) for name in REQUEST]
        watched += [getattr(walker.tag, name) for name in TAG]
        watched += [getattr(walker, name) for name in OTHERS]
        watched += [walker.i_pass.valid, walker.i_pass.ready, walker.i_pass.payload.opens]
        names = (*REQUEST, *TAG, *OTHERS, "i_valid", "i_ready", "opens")
        while True:
            shadow_ready = random.random() >= self.idle
            release = self.released < self.closed and random.random() >= self.idle
            ctx.set(walker.shadow_ready, shadow_ready)
            ctx.set(walker.bank_released, release)
            _, _, *values = await ctx.tick().sample(*watched)
            found: dict[str, int] = dict(zip(names, values, strict=True))
            assert found["request_en"] == self.was_active
            self.was_active = found["active"]
            if found["active"]:
                assert found["layer"] == self.layers[self.walked]
                self.walked += 1
            if found["request_en"]:
                self.operand(found)
            else:
                assert not found["valid"] and not found["swap"] and not found["tile_read"]
            self.taking(found, shadow_ready)
            self.released += release
            self.cycle += 1

    def operand(self, found: dict[str, int]) -> None:
        expected = self.operands[len(self.seen)]
        assert {name: found[name] for name in expected} == {name: int(value) for name, value in expected.items()}
        self.closed += found["last"]
        self.seen.append(found)
        self.cycles.append(self.cycle)

    def taking(self, found: dict[str, int], shadow_ready: bool) -> None:
        """A due pass starts if its bank and its tile are there; if not, the walker says which is missing."""
        ends = found["active"] and self.walked in self.pass_ends
        due = found["i_valid"] and (not found["active"] or ends)
        free = not found["opens"] or self.opened - self.released < 2
        assert found["pass_started"] == found["i_ready"] == (due and free and shadow_ready)
        assert found["waiting_for_bank"] == (due and not free)
        assert found["waiting_for_weights"] == (due and free and not shadow_ready)
        self.opened += found["pass_started"] and found["opens"]
        self.started += found["pass_started"]


@pytest.mark.parametrize("idle", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("seed", range(2))
def test_operands_and_tags_of_random_passes(seed, idle):
    passes = random_passes(Random(seed), 25)
    bench = Bench(passes, idle)
    run(bench.walker, bench.driver, background=[bench.around])
    assert bench.started == len(passes)
    assert len(bench.seen) == len(bench.operands)


def test_no_cycle_is_lost_between_passes():
    passes = [one for one in random_passes(Random(9), 30) if one["n_x"] * one["rows"] > 1]
    bench = Bench(passes, 0.0)
    run(bench.walker, bench.driver, background=[bench.around])
    assert bench.cycles == list(range(bench.cycles[0], bench.cycles[0] + len(bench.operands)))
