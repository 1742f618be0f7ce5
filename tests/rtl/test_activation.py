from random import Random

import pytest

from tcugen.arch import ACTIVATION_BANKS
from tcugen.rtl.activation import ActivationMemory
from tests.rtl.instructions import ADDRESSES, small
from tests.rtl.streams import put, run

READERS = ("residual", "pool", "store")
"""Behind the array, in this order."""

SIZES = [(4, 8, 1), (8, 4, 2), (8, 8, 8), (4, 4, 4)]
"""Rows, bytes per bus beat, output lanes."""


class Model:
    """Bytes, and which bank every access needs."""

    def __init__(self, unit: ActivationMemory, seed: int):
        self.unit, self.rows = unit, unit.rows
        self.bytes = bytearray(Random(seed).randbytes(unit.bank_words * ACTIVATION_BANKS * unit.rows))

    def bank(self, address: int) -> int:
        return address // self.rows % ACTIVATION_BANKS

    def word(self, address: int) -> int:
        return int.from_bytes(self.bytes[address : address + self.rows], "little")

    def operand(self, request: dict[str, int]) -> list[int]:
        operand = []
        for j in range(self.rows):
            inside = not request["outside"] and 0 <= request["offset"] + j < request["row_bytes"]
            byte = self.bytes[(request["address"] + j) % len(self.bytes)] if inside else request["pad"]
            operand.append((byte + 128) % 256 - 128)
        return operand

    def random_request(self, random: Random) -> dict[str, int]:
        """An operand that begins or ends in the middle of a row, on its border, or far away from it."""
        rows = self.rows
        row_bytes = random.choice((1, random.randrange(1, 3 * rows), 100, ADDRESSES - 1))
        near = random.choice((0, min(row_bytes, 1 << 22)))
        offset = random.choice((near + random.randrange(-2 * rows, 2 * rows), random.randrange(-(1 << 23), 1 << 23)))
        address = random.randrange(len(self.bytes) - rows + 1) // random.choice((1, rows)) * 1
        if random.random() < 0.5:
            address -= address % rows
        return {
            "address": address,
            "offset": max(-(1 << 23), min(offset, (1 << 23) - 1)),
            "row_bytes": row_bytes,
            "outside": int(random.random() < 0.1),
            "pad": random.randrange(-128, 128),
        }


def bench_unit(rows: int, bus_bytes: int, lanes: int) -> ActivationMemory:
    return ActivationMemory(small(rows, 8, lanes, bus_bytes=bus_bytes))


async def fill(ctx, model: Model) -> None:
    unit = model.unit
    ctx.set(unit.pool_write.valid, 1)
    for address in range(0, len(model.bytes), model.rows):
        ctx.set(unit.pool_write.payload, {"address": address, "data": model.word(address)})
        assert ctx.get(unit.pool_write.ready)
        await ctx.tick().repeat(2)  # a word every other cycle
    ctx.set(unit.pool_write.valid, 0)
    await ctx.tick().repeat(2)


@pytest.mark.parametrize("rows, bus_bytes, lanes", SIZES)
def test_operands_are_aligned_and_padded(rows, bus_bytes, lanes):
    unit = bench_unit(rows, bus_bytes, lanes)
    model, random = Model(unit, rows), Random(rows)
    expected: list[list[int] | None] = [None] * unit.LATENCY

    async def bench(ctx):
        await fill(ctx, model)
        for _ in range(400):
            request = model.random_request(random)
            enabled = random.random() < 0.9
            ctx.set(unit.operand_en, enabled)
            ctx.set(unit.operand_request, request)
            due = expected.pop(0)
            if due is not None:
                assert [ctx.get(unit.operand[j]) for j in range(rows)] == due
            expected.append(model.operand(request) if enabled else None)
            await ctx.tick()

    run(unit, bench)


def test_a_word_comes_after_the_latency_if_its_bank_is_free():
    unit = bench_unit(4, 8, 1)
    model = Model(unit, 1)

    async def bench(ctx):
        await fill(ctx, model)
        for name in READERS:
            ctx.set(getattr(unit, name).payload, READERS.index(name) + 5)
            ctx.set(getattr(unit, name).valid, 1)
        await ctx.tick()
        for name in READERS:
            ctx.set(getattr(unit, name).valid, 0)
        for _ in range(unit.READ_LATENCY - 1):
            assert not any(ctx.get(getattr(unit, f"{name}_word_valid")) for name in READERS)
            await ctx.tick()
        for name in READERS:
            assert ctx.get(getattr(unit, f"{name}_word_valid"))
            assert ctx.get(getattr(unit, f"{name}_word")) == model.word(4 * (READERS.index(name) + 5))

    run(unit, bench)


class Traffic:
    """Random traffic on all ports. Each writes to a quarter of the memory of its own; what is read stands still."""

    def __init__(self, unit: ActivationMemory, seed: int, bus_bytes: int):
        self.unit, self.model, self.random = unit, Model(unit, seed), Random(seed)
        self.load_bytes = min(unit.rows, bus_bytes)
        self.quarter = len(self.model.bytes) // 4
        self.words = {name: [] for name in READERS}
        self.lasts = {"pool": 0, "load": 0}
        self.seen = dict(self.lasts)

    def place(self, port: int, n_bytes: int) -> dict[str, int]:
        """A write into quarter `port`; quarter 3 is only read."""
        address = self.random.randrange(port * self.quarter, (port + 1) * self.quarter, n_bytes)
        return {"address": address, "data": self.random.getrandbits(8 * n_bytes)}

    def apply(self, write: dict[str, int], n_bytes: int) -> None:
        at = write["address"]
        self.model.bytes[at : at + n_bytes] = write["data"].to_bytes(n_bytes, "little")

    async def drain(self, ctx):
        unit, lanes = self.unit, self.unit.lanes
        for _ in range(400):
            write = self.place(0, lanes)
            write["pad_steps"] = self.random.randrange((unit.rows - write["address"] % unit.rows) // lanes)
            en = self.random.random() < 0.5
            ctx.set(unit.drain_en, en)
            ctx.set(unit.drain, write)
            if en:
                self.apply(write, lanes * (1 + write["pad_steps"]))
            await ctx.tick()
        ctx.set(unit.drain_en, 0)

    async def writer(self, ctx, name: str, port: int, n_bytes: int):
        writes = [self.place(port, n_bytes) | {"last": self.random.getrandbits(1)} for _ in range(200)]
        await put(ctx, getattr(self.unit, f"{name}_write"), writes, 0.3, Random(port))
        for write in writes:
            self.apply(write, n_bytes)
        self.lasts[name] = sum(write["last"] for write in writes)

    async def reader(self, ctx, name: str):
        rows = self.unit.rows
        words = [self.random.randrange(3 * self.quarter, 4 * self.quarter, rows) // rows for _ in range(200)]
        self.words[name] = [self.model.word(word * rows) for word in words]
        await put(ctx, getattr(self.unit, name), words, 0.3, Random(3))

    async def array(self, ctx):
        expected: list[list[int] | None] = [None] * self.unit.LATENCY
        for _ in range(400):
            request = self.model.random_request(self.random)
            request["address"] = 3 * self.quarter + request["address"] % (self.quarter - self.unit.rows)
            enabled = self.random.random() < 0.7
            ctx.set(self.unit.operand_en, enabled)
            ctx.set(self.unit.operand_request, request)
            due = expected.pop(0)
            if due is not None:
                assert [ctx.get(self.unit.operand[j]) for j in range(self.unit.rows)] == due
            expected.append(self.model.operand(request) if enabled else None)
            await ctx.tick()
        ctx.set(self.unit.operand_en, 0)

    async def watch(self, ctx):
        ports = [getattr(self.unit, f"{name}_{what}") for name in READERS for what in ("word_valid", "word")]
        while True:
            _, _, pool, load, *values = await ctx.tick().sample(self.unit.pool_written, self.unit.load_written, *ports)
            self.seen["pool"] += pool
            self.seen["load"] += load
            for name, valid, word in zip(READERS, values[::2], values[1::2], strict=True):
                if valid:
                    assert word == self.words[name].pop(0)


@pytest.mark.parametrize("rows, bus_bytes, lanes", SIZES)
def test_everybody_at_once(rows, bus_bytes, lanes):
    """Every word that was asked for comes, in order, and in the end every write is in the memory."""
    unit = bench_unit(rows, bus_bytes, lanes)
    traffic = Traffic(unit, lanes, bus_bytes)

    started, done = [], []

    async def bench(ctx):
        await fill(ctx, traffic.model)
        started.append(True)
        while len(done) < len(processes):
            await ctx.tick()
        words = range(len(traffic.model.bytes) // rows)
        traffic.words["store"] = [traffic.model.word(word * rows) for word in words]
        await put(ctx, unit.store, list(words))
        await ctx.tick().repeat(unit.READ_LATENCY)

    def after_filling(process):
        async def bench(ctx):
            while not started:
                await ctx.tick()
            await process(ctx)
            await ctx.tick().repeat(20)
            done.append(process)

        return bench

    processes = [traffic.drain, traffic.array]
    processes += [lambda ctx, name=name: traffic.reader(ctx, name) for name in READERS]
    processes += [lambda ctx: traffic.writer(ctx, "pool", 1, rows)]
    processes += [lambda ctx: traffic.writer(ctx, "load", 2, traffic.load_bytes)]
    run(unit, bench, *map(after_filling, processes), background=[traffic.watch])
    assert not any(traffic.words.values()) and traffic.seen == traffic.lasts


def test_a_negative_base_wraps():
    """The address of padding in front of a tensor at 0 is close to 2**24; its bytes do not matter, the others do."""
    unit = bench_unit(4, 8, 1)
    model = Model(unit, 1)

    async def bench(ctx):
        await fill(ctx, model)
        request = {"address": ADDRESSES - 2, "offset": -2, "row_bytes": 16, "outside": 0, "pad": 7}
        ctx.set(unit.operand_en, 1)
        ctx.set(unit.operand_request, request)
        await ctx.tick().repeat(unit.LATENCY)
        assert [ctx.get(unit.operand[j]) % 256 for j in range(4)] == [7, 7, model.bytes[0], model.bytes[1]]

    run(unit, bench)
