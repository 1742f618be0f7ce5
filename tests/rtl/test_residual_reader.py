import math
from random import Random

import pytest

from tcugen.arch import Architecture
from tcugen.isa import Opcode
from tcugen.rtl.residual_reader import WORDS_AHEAD, ResidualReader
from tests.rtl.instructions import ADDRESSES, SIZES, encoded, small
from tests.rtl.streams import run


def random_fields(random: Random, a: Architecture) -> dict[str, int]:
    names = ("residual_base", "residual_plane_step", "out_y_step", "out_x_step")
    fields = {name: random.randrange(0, ADDRESSES, a.rows) for name in names}
    fields |= {"n_columns": random.randrange(1, 5), "n_y": random.randrange(1, 4), "n_x": random.randrange(1, 5)}
    fields |= {"last_steps": random.randrange(1, a.output_steps + 1), "block_rows": 1}
    fields |= {"channel0": random.randrange(0, a.rows, math.gcd(a.rows, a.columns))}
    fields |= {"per_channel": random.randrange(2)} if a.per_channel else {}
    return fields | {"residual": int(random.random() < 0.8)}


def words_of(f: dict[str, int], a: Architecture) -> list[int]:
    """Word addresses in the order of use."""
    words = []
    for column in range(f["n_columns"] if f["residual"] else 0):
        channel = f["channel0"] + column * a.columns
        steps = f["last_steps"] if column == f["n_columns"] - 1 else a.output_steps
        planes = sorted({(channel + step * a.output_lanes) // a.rows for step in range(steps)})
        for y in range(f["n_y"]):
            for x in range(f["n_x"]):
                for plane in planes:
                    address = f["residual_base"] + plane * f["residual_plane_step"]
                    if not f.get("per_channel"):
                        address += y * f["out_y_step"] + x * f["out_x_step"]
                    words.append(address % ADDRESSES // a.rows)
    return words


def contents(word: int, rows: int) -> int:
    return Random(word).getrandbits(8 * rows)


@pytest.mark.parametrize(
    "grants, pops, per_channel", [(1.0, 1.0, 0), (0.4, 1.0, 0), (1.0, 0.2, 1), (0.5, 0.5, 0), (0.5, 0.5, 1)]
)
@pytest.mark.parametrize("rows, columns, lanes", SIZES)
def test_words_of_random_instructions(rows, columns, lanes, grants, pops, per_channel):
    a = small(rows, columns, lanes, per_channel=per_channel)
    reader = ResidualReader(a)
    random = Random(rows + columns)
    instructions = [random_fields(random, a) for _ in range(10)]
    words = [word for fields in instructions for word in words_of(fields, a)]
    requested, used = [], []

    async def driver(ctx):
        for number, fields in enumerate(instructions):
            due = sum(len(words_of(one, a)) for one in instructions[: number + 1])
            ctx.set(reader.word, encoded(Opcode.DRAIN, **fields))
            ctx.set(reader.start, 1)
            await ctx.tick()
            ctx.set(reader.start, 0)
            assert ctx.get(reader.active) == (fields["residual"] == 1)
            while len(used) < due:
                await ctx.tick()
            assert not ctx.get(reader.active) and not ctx.get(reader.valid)

    async def memory_and_output_path(ctx):
        choices = Random(3)
        arriving = []
        while True:
            grant = choices.random() < grants
            ctx.set(reader.request.ready, grant)
            answered = bool(arriving) and choices.random() < grants
            ctx.set(reader.response_valid, answered)
            ctx.set(reader.response, contents(arriving.pop(0), rows) if answered else choices.getrandbits(8 * rows))
            pop = bool(ctx.get(reader.valid)) and choices.random() < pops
            ctx.set(reader.pop, pop)
            _, _, valid, word, operand = await ctx.tick().sample(
                reader.request.valid, reader.request.payload, reader.operand
            )
            if valid and grant:
                arriving.append(word)
                requested.append(word)
            if pop:
                assert operand == contents(words[len(used)], rows)
                used.append(operand)
            assert len(requested) - len(used) <= WORDS_AHEAD

    run(reader, driver, background=[memory_and_output_path])
    assert requested == words


def test_it_reads_ahead_and_then_waits():
    reader = ResidualReader(small(4, 4))
    fields = {
        "n_columns": 1,
        "n_y": 1,
        "n_x": WORDS_AHEAD + 5,
        "block_rows": 1,
        "last_steps": 4,
        "residual": 1,
        "out_x_step": 4,
    }

    async def bench(ctx):
        ctx.set(reader.word, encoded(Opcode.DRAIN, **fields))
        ctx.set(reader.start, 1)
        await ctx.tick()
        ctx.set(reader.start, 0)
        ctx.set(reader.request.ready, 1)
        ctx.set(reader.response_valid, 1)  # not in order to be right, but to be there
        for word in range(WORDS_AHEAD):
            assert ctx.get(reader.request.valid) and ctx.get(reader.request.payload) == word
            await ctx.tick()
        for _ in range(5):
            assert not ctx.get(reader.request.valid)
            await ctx.tick()
        assert ctx.get(reader.valid)
        ctx.set(reader.pop, 1)
        await ctx.tick()
        ctx.set(reader.pop, 0)
        assert ctx.get(reader.request.valid) and ctx.get(reader.request.payload) == WORDS_AHEAD

    run(reader, bench)
