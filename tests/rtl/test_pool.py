from random import Random

import pytest

from tcugen.isa import Opcode
from tcugen.rtl.pool import Pool
from tests.rtl.instructions import ADDRESSES, encoded, small
from tests.rtl.streams import put_in_place, run


def random_fields(random: Random, rows: int) -> dict[str, int]:
    """Windows that hang over every border, some of them outside altogether."""
    names = ("base", "group_step", "row_step", "out_base", "out_group_step", "out_row_step")
    fields = {name: random.randrange(0, ADDRESSES, rows) for name in names}
    loops = (("n_groups", 3), ("n_y", 4), ("n_x", 4), ("n_ky", 4), ("n_kx", 4), ("stride_y", 4), ("stride_x", 4))
    fields |= {name: random.randrange(1, limit) for name, limit in loops}
    fields |= {"iy0": random.randrange(-3, 2), "ix0": random.randrange(-3, 2)}
    fields |= {"height": random.randrange(1, 8), "width": random.randrange(1, 8)}
    return fields | {"layer": random.randrange(4096)}


def content(word: int, rows: int) -> list[int]:
    """Signed bytes of the word, often extreme."""
    random = Random(word)
    return [random.choice((-128, 127, random.randrange(-128, 128))) for _ in range(rows)]


def packed(values: list[int]) -> int:
    return int.from_bytes(bytes(value % 256 for value in values), "little")


def results_of(f: dict[str, int], rows: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Word addresses that are read, in order, and the (address, data) that are written."""
    reads, writes = [], []
    for group in range(f["n_groups"]):
        for y in range(f["n_y"]):
            for x in range(f["n_x"]):
                best = [-128] * rows
                for ky in range(f["n_ky"]):
                    for kx in range(f["n_kx"]):
                        down, right = y * f["stride_y"] + ky, x * f["stride_x"] + kx
                        if not (0 <= f["iy0"] + down < f["height"] and 0 <= f["ix0"] + right < f["width"]):
                            continue
                        address = f["base"] + group * f["group_step"] + down * f["row_step"] + right * rows
                        reads.append(address % ADDRESSES // rows)
                        best = list(map(max, best, content(reads[-1], rows)))
                at = f["out_base"] + group * f["out_group_step"] + y * f["out_row_step"] + x * rows
                writes.append((at % ADDRESSES, packed(best)))
    return reads, writes


class Bench:
    """The unit with a memory that serves reads and writes at random; `words`: what it holds besides `content`."""

    def __init__(
        self,
        rows: int,
        instructions: list[dict[str, int]],
        grants: float,
        takes: float,
        words: dict[int, list[int]] | None = None,
        **options: int,
    ):
        self.pool, self.rows, self.instructions = Pool(small(rows, 4, **options)), rows, instructions
        self.grants, self.takes, self.words = grants, takes, words or {}
        self.reads, self.writes, self.done_at_write, self.layers, self.busy = [], [], [], [], 0

    async def driver(self, ctx):
        await put_in_place(ctx, self.pool.instruction, [encoded(Opcode.POOL, **fields) for fields in self.instructions])
        while len(self.done_at_write) < len(self.instructions):
            await ctx.tick()
        await ctx.tick()
        assert not ctx.get(self.pool.busy)

    async def memory(self, ctx):
        pool, random, arriving, written = self.pool, Random(5), [], False
        while True:
            grant, take = random.random() < self.grants, random.random() < self.takes
            ctx.set(pool.read.ready, grant)
            ctx.set(pool.write.ready, take)
            answered = bool(arriving) and random.random() < self.grants
            ctx.set(pool.word_valid, answered)
            data = random.getrandbits(8 * self.rows)
            if answered:
                at = arriving.pop(0)
                data = packed(self.words[at] if at in self.words else content(at, self.rows))
            ctx.set(pool.word, data)
            ctx.set(pool.written, written)
            _, _, reads, word, writes, result, layer, done, busy = await ctx.tick().sample(
                *(pool.read.valid, pool.read.payload, pool.write.valid, pool.write.payload),
                *(pool.layer, pool.done, pool.busy),
            )
            if done:
                self.done_at_write.append(len(self.writes))
            if reads and grant:
                arriving.append(word)
                self.reads.append(word)
            written = writes and take and result.last
            if writes and take:
                self.writes.append((result.address, result.data))
                self.layers.append(layer)
            self.busy += busy


@pytest.mark.parametrize("grants, takes", [(1.0, 1.0), (0.4, 1.0), (1.0, 0.3), (0.6, 0.6)])
@pytest.mark.parametrize("rows", [4, 8])
def test_maxima_of_random_instructions(rows, grants, takes):
    random = Random(rows)
    bench = Bench(rows, [random_fields(random, rows) for _ in range(12)], grants, takes)
    run(bench.pool, bench.driver, background=[bench.memory])
    reads, writes, done, layers = [], [], [], []
    for fields in bench.instructions:
        its_reads, its_writes = results_of(fields, rows)
        reads += its_reads
        writes += its_writes
        layers += [fields["layer"]] * len(its_writes)
        done.append(len(writes))
    assert bench.writes == writes
    assert bench.reads == reads
    assert bench.layers == layers
    assert bench.done_at_write == done


def test_one_tap_per_cycle():
    fields = {"n_groups": 2, "n_y": 3, "n_x": 3, "n_ky": 3, "n_kx": 3, "stride_y": 2, "stride_x": 2}
    fields |= {"height": 7, "width": 7, "row_step": 28, "group_step": 28 * 7}
    bench = Bench(4, [fields], 1.0, 1.0)
    run(bench.pool, bench.driver, background=[bench.memory])
    assert len(bench.reads) == 2 * 9 * 9
    assert bench.busy <= len(bench.reads) + 8 + 2
