from random import Random

import pytest

from tcugen.arch import ACTIVATION_BANKS
from tcugen.rtl.activation import ActivationMemory
from tests.rtl.instructions import ADDRESSES, small
from tests.rtl.streams import run

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
        await ctx.tick()
    ctx.set(unit.pool_write.valid, 0)


@pytest.mark.parametrize("rows, bus_bytes, lanes", SIZES)
def test_operands_are_aligned_and_padded_two_cycles_later(rows, bus_bytes, lanes):
    unit = bench_unit(rows, bus_bytes, lanes)
    model, random = Model(unit, rows), Random(rows)
    expected = [None, None]

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


@pytest.mark.parametrize("rows, bus_bytes, lanes", SIZES)
def test_everybody_at_once(rows, bus_bytes, lanes):
    """Random traffic on all ports: who is served in each cycle, what is read, and what stands in the memory after."""
    unit = bench_unit(rows, bus_bytes, lanes)
    model, random = Model(unit, rows), Random(lanes)
    offered, words_due, operands_due = {}, {}, [None, None]
    load_bytes = min(rows, bus_bytes)

    def place(n_bytes: int) -> dict[str, int]:
        address = random.randrange(0, len(model.bytes), n_bytes)
        return {"address": address, "data": random.getrandbits(8 * n_bytes)}

    def drained() -> dict[str, int]:
        write = place(lanes)
        return write | {"pad_steps": random.randrange((rows - write["address"] % rows) // lanes)}

    async def bench(ctx):
        await fill(ctx, model)
        for _ in range(700):
            request = model.random_request(random)
            enabled = random.random() < 0.7
            ctx.set(unit.operand_en, enabled)
            ctx.set(unit.operand_request, request)
            for name in READERS:
                if name not in offered and random.random() < 0.7:
                    offered[name] = random.randrange(0, len(model.bytes), rows)
                    ctx.set(getattr(unit, name).payload, offered[name] // rows)
                ctx.set(getattr(unit, name).valid, name in offered)
            drain = drained() if random.random() < 0.5 else None
            ctx.set(unit.drain_en, drain is not None)
            ctx.set(unit.drain, drain or drained())
            for name, n_bytes in (("pool_write", rows), ("load_write", load_bytes)):
                if name not in offered and random.random() < 0.7:
                    offered[name] = place(n_bytes)
                    ctx.set(getattr(unit, name).payload, offered[name])
                ctx.set(getattr(unit, name).valid, name in offered)

            if operands_due[0] is not None:
                assert [ctx.get(unit.operand[j]) for j in range(rows)] == operands_due[0]
            for name, word in words_due.items():
                assert ctx.get(getattr(unit, f"{name}_data")) == word
            operands_due[:] = [operands_due[1], model.operand(request) if enabled else None]
            words_due.clear()
            read: dict[str, int] = {}
            busy = set()
            if enabled:
                first, aligned = request["address"] // rows, request["address"] % rows == 0
                busy = {word % ACTIVATION_BANKS for word in ((first,) if aligned else (first, first + 1))}
            for name in READERS:
                if name in offered:
                    bank = model.bank(offered[name])
                    assert ctx.get(getattr(unit, name).ready) == (bank not in busy), name
                    if bank not in busy:
                        busy.add(bank)
                        read[name] = offered[name] // rows
                        words_due[name] = model.word(offered.pop(name))
            writes = [(drain, lanes * (1 + drain["pad_steps"]))] if drain else []
            busy = {model.bank(drain["address"])} if drain else set()
            for name, n_bytes in (("pool_write", rows), ("load_write", load_bytes)):
                if name in offered:
                    bank = model.bank(offered[name]["address"])
                    assert ctx.get(getattr(unit, name).ready) == (bank not in busy), name
                    if bank not in busy:
                        busy.add(bank)
                        writes.append((offered.pop(name), n_bytes))
            # What is being written reads as nothing defined.
            written = {write["address"] // rows for write, _ in writes}
            for name in [name for name, word in read.items() if word in written]:
                del words_due[name]
            first = request["address"] // rows
            if {first, first + 1} & written:
                operands_due[1] = None
            for write, n_bytes in writes:
                at = write["address"]
                model.bytes[at : at + n_bytes] = write["data"].to_bytes(n_bytes, "little")
            await ctx.tick()

    run(unit, bench)


def test_a_negative_base_wraps():
    """The address of padding in front of a tensor at 0 is close to 2**24; its bytes do not matter, the others do."""
    unit = bench_unit(4, 8, 1)
    model = Model(unit, 1)

    async def bench(ctx):
        await fill(ctx, model)
        request = {"address": ADDRESSES - 2, "offset": -2, "row_bytes": 16, "outside": 0, "pad": 7}
        ctx.set(unit.operand_en, 1)
        ctx.set(unit.operand_request, request)
        await ctx.tick().repeat(2)
        assert [ctx.get(unit.operand[j]) % 256 for j in range(4)] == [7, 7, model.bytes[0], model.bytes[1]]

    run(unit, bench)
