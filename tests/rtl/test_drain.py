import math
from random import Random

import pytest

from tcugen.arch import Architecture
from tcugen.isa import Opcode
from tcugen.rtl.drain import DrainWalker
from tests.rtl.instructions import ADDRESSES, SIZES, encoded, small
from tests.rtl.streams import run

OUTPUTS = ("bank", "pixel", "group", "lane_step", "byte_plane", "residual_byte")
PULSES = ("read_en", "residual_pop")
RELEASES = ("bank_released", "group_released")
"""One cycle after their steps."""


def random_fields(random: Random, a: Architecture) -> dict[str, int]:
    """Small loops, addresses anywhere; column group 0 starts at any place where one can start."""
    steps = ("out_base", "out_plane_step", "out_y_step", "out_x_step", "byte_step")
    fields = {name: random.randrange(ADDRESSES) for name in steps}
    fields = {name: value - value % a.rows for name, value in fields.items()}
    fields |= {"n_columns": random.randrange(1, 5), "n_y": random.randrange(1, 6), "n_x": random.randrange(1, 5)}
    fields |= {"block_rows": random.randrange(1, 4), "last_steps": random.randrange(1, a.output_steps + 1)}
    fields |= {"channel0": random.randrange(0, a.rows, math.gcd(a.rows, a.columns))}
    fields |= {"int32": random.getrandbits(1), "keep": random.getrandbits(1)}
    fields |= {"pad_steps": random.randrange(a.rows // a.output_lanes)}
    return fields | {"residual": 0 if fields["int32"] else random.getrandbits(1)}


def steps_of(f: dict[str, int], a: Architecture, bank: int, group: int) -> tuple[list[dict[str, int]], int, int]:
    """Steps of an instruction, and bank and group at which the next one starts."""
    steps, start = [], group
    for column in range(f["n_columns"]):
        channel = f["channel0"] + column * a.columns
        count = f["last_steps"] if column == f["n_columns"] - 1 else a.output_steps
        for y in range(f["n_y"]):
            block_ends = y == f["n_y"] - 1 or y % f["block_rows"] == f["block_rows"] - 1
            for x in range(f["n_x"]):
                for plane in range(4 if f["int32"] else 1):
                    for step in range(count):
                        place = channel + step * a.output_lanes
                        address = f["out_base"] + place // a.rows * f["out_plane_step"] + place % a.rows
                        address += y * f["out_y_step"] + x * f["out_x_step"] + plane * f["byte_step"]
                        pixel_ends = step == count - 1 and plane == (3 if f["int32"] else 0)
                        tile_ends = pixel_ends and x == f["n_x"] - 1 and block_ends
                        word_ends = step == count - 1 or place % a.rows == a.rows - a.output_lanes
                        steps.append(
                            {
                                "address": address % ADDRESSES,
                                "pad_steps": f["pad_steps"]
                                if column == f["n_columns"] - 1 and step == count - 1
                                else 0,
                                "tile_ends": int(tile_ends),
                                "bank": bank,
                                "pixel": y % f["block_rows"] * f["n_x"] + x,
                                "group": group,
                                "lane_step": step,
                                "byte_plane": plane,
                                "residual_byte": place % a.rows,
                                "read_en": int(step == plane == 0),
                                "residual_pop": int(f["residual"] and word_ends),
                                "bank_released": int(step == plane == 0 and x == f["n_x"] - 1 and block_ends),
                                "group_released": int(tile_ends and y == f["n_y"] - 1 and not f["keep"]),
                                "residual": f["residual"],
                            }
                        )
            bank ^= block_ends
        group = (group + 1) % (2 * a.parameter_groups)
    return steps, bank, start if f["keep"] else group


class Bench:
    """The walker with banks, parameter groups and residual words that come at random."""

    def __init__(self, a: Architecture, instructions: list[dict[str, int]], idle: float):
        self.a, self.walker, self.instructions, self.idle = a, DrainWalker(a), instructions, idle
        self.steps, bank, group = [], 0, 0
        for fields in instructions:
            steps, bank, group = steps_of(fields, a, bank, group)
            self.steps += steps
        self.taken, self.cycles, self.cycle = 0, [], 0
        self.filled = self.released = self.groups = self.groups_before = 0

    async def driver(self, ctx):
        for fields in self.instructions:
            ctx.set(self.walker.word, encoded(Opcode.DRAIN, **fields))
            ctx.set(self.walker.start, 1)
            await ctx.tick()
            ctx.set(self.walker.start, 0)
            active = True
            while active:
                *_, active = await ctx.tick().sample(self.walker.active)
        assert self.taken == len(self.steps)

    async def around(self, ctx):
        walker, random = self.walker, Random(4)
        released = dict.fromkeys(RELEASES, 0)
        names = ("go", "address", "pad_steps", "tile_ends", *OUTPUTS, *PULSES, *RELEASES)
        watched = [walker.go, walker.step.address, walker.step.pad_steps, walker.step.tile_ends]
        watched += [getattr(walker, name) for name in (*OUTPUTS, *PULSES, *RELEASES)]
        while True:
            fills = self.filled - self.released < 2 and random.random() >= self.idle
            residual = random.random() >= self.idle
            needed = self.steps[min(self.taken, len(self.steps) - 1)]["group"]
            ahead = (self.groups - needed) % (2 * self.a.parameter_groups)
            ctx.set(walker.filled, fills)
            ctx.set(walker.groups_written, self.groups)
            ctx.set(walker.residual_valid, residual)
            _, _, active, *values = await ctx.tick().sample(walker.active, *watched)
            found = dict(zip(names, values, strict=True))
            assert {name: found.pop(name) for name in RELEASES} == released
            released = dict.fromkeys(RELEASES, 0)
            known = (self.groups_before - needed) % (2 * self.a.parameter_groups)
            self.groups_before = self.groups
            if active:
                step = dict(self.steps[self.taken])
                may = self.filled > self.released and known and (residual or not step.pop("residual"))
                step.pop("residual", None)
                assert found["go"] == bool(may)
                if found.pop("go"):
                    released = {name: step.pop(name) for name in RELEASES}
                    assert found == step
                    self.taken += 1
                    self.released += step["tile_ends"]
                    self.cycles.append(self.cycle)
                else:
                    assert not any(found[name] for name in PULSES)
            self.filled += fills
            self.groups += ahead < self.a.parameter_groups and random.random() >= self.idle
            self.groups %= 2 * self.a.parameter_groups
            self.cycle += 1


@pytest.mark.parametrize("idle", [0.0, 0.5])
@pytest.mark.parametrize("rows, columns, lanes", SIZES)
def test_steps_of_random_instructions(rows, columns, lanes, idle):
    a = small(rows, columns, lanes)
    random = Random(rows * columns + lanes)
    bench = Bench(a, [random_fields(random, a) for _ in range(8)], idle)
    run(bench.walker, bench.driver, background=[bench.around])


def test_one_step_per_cycle_when_nothing_is_missing():
    a = small(8, 8, 2)
    fields = {"n_columns": 2, "n_y": 4, "n_x": 3, "block_rows": 2, "last_steps": 4}
    fields |= {"out_base": 0, "out_plane_step": 96, "out_y_step": 24, "out_x_step": 8, "byte_step": 0}
    fields |= {"channel0": 0, "int32": 0, "keep": 0, "residual": 0, "pad_steps": 0}
    bench = Bench(a, [fields], 0.0)
    run(bench.walker, bench.driver, background=[bench.around])
    assert bench.cycles == list(range(bench.cycles[0], bench.cycles[0] + 2 * 4 * 3 * a.output_steps))
