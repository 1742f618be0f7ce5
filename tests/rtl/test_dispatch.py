import itertools
import random

import pytest
from amaranth.back import verilog

from tcugen.arch import OPTIONAL, QUEUE_DEPTH
from tcugen.isa import COUNT_BITS, INSTRUCTION_BYTES, OWN_FIELDS, SHARED_FIELDS, Instruction, Opcode, Unit
from tcugen.rtl.control import SETTLE_CYCLES
from tcugen.rtl.dispatch import Dispatch
from tcugen.rtl.gate import IN_PLACE
from tcugen.rtl.instruction_memory import HEADER_WORDS, QUEUES, WORD_BITS, used_words
from tests.rtl.streams import run as simulate

FIRST_OFFER = 4
"""Cycles from an instruction's arrival to its offer beside those for its words: level, choice, capture."""

UNIT_OF = {
    Opcode.LOAD: Unit.LOAD,
    Opcode.STORE: Unit.STORE,
    Opcode.COMPUTE: Unit.COMPUTE,
    Opcode.DRAIN: Unit.DRAIN,
    Opcode.POOL: Unit.POOL,
}


def make_instruction(generator: random.Random, opcode: Opcode, **fields: int) -> Instruction:
    """Random payload, so that every stored bit is compared."""
    values = {}
    for field in (*OWN_FIELDS[opcode], *SHARED_FIELDS[opcode]):
        value = generator.getrandbits(field.bits)
        values[field.name] = value - (1 << field.bits) if field.signed and value >> field.bits - 1 else value
    return Instruction(opcode, values | {"layer": generator.getrandbits(12)} | fields)


def make_program(generator: random.Random, length: int) -> list[Instruction]:
    """A program that can finish: each instruction waits for at most what those before it complete."""
    issued = dict.fromkeys(Unit, 0)
    program = []
    for _ in range(length):
        opcode = generator.choice(QUEUES)
        waits = {}
        for unit in Unit:
            waits[f"wait_{unit.name.lower()}"] = generator.choice([0, generator.randint(0, issued[unit]), issued[unit]])
        program.append(make_instruction(generator, opcode, **waits))
        if opcode in UNIT_OF:
            issued[UNIT_OF[opcode]] += 1
    return [*program, Instruction(Opcode.END, {})]


class Bench:
    """Units that take random times, one instruction each; checks every offer against what has been completed."""

    def __init__(self, program: list[bytes], *, seed=1, rate=1.0, unit_cycles=1, options=OPTIONAL):
        self.dut = Dispatch(options=options)
        self.program, self.generator = program, random.Random(seed)
        self.rate, self.unit_cycles = rate, unit_cycles
        self.taken = {opcode: [] for opcode in QUEUES}
        self.completed = dict.fromkeys(Unit, 0)
        self.finished_at = None
        self.accepted = 0
        self.offer_cycles = {opcode: [] for opcode in QUEUES}

    def run(self, limit: int = 20_000, after: int = 20) -> "Bench":
        async def bench(ctx):
            await self._bench(ctx, limit, after)

        simulate(self.dut, bench)
        return self

    async def _bench(self, ctx, limit: int, after: int):
        dut, generator = self.dut, self.generator
        running: dict[Opcode, int | None] = dict.fromkeys(QUEUES)  # cycles left
        bus_cycles, quiet_since, pulses, present, accepted = 30, None, 0, False, True
        program = [int.from_bytes(word, "little") for word in self.program]
        outputs = [getattr(dut, f"o_{opcode.name.lower()}") for opcode in QUEUES]
        for cycle in range(limit):
            done = dict.fromkeys(Unit, False)
            for opcode in QUEUES:
                if (left := running[opcode]) is not None:
                    running[opcode] = left - 1
                    if left == 1 and opcode in UNIT_OF:
                        done[UNIT_OF[opcode]] = True
            for unit in Unit:
                ctx.set(getattr(dut, f"done_{unit.name.lower()}"), done[unit])
            busy = sum((running[opcode] is not None) << bit for bit, opcode in enumerate(QUEUES))
            for opcode in QUEUES:
                if running[opcode] == 0:
                    running[opcode] = None
            ctx.set(dut.unit_busy, busy)
            if busy or self.accepted < len(program):
                bus_cycles = generator.randint(1, 30)
            elif bus_cycles:
                bus_cycles -= 1
            ctx.set(dut.bus_idle, bus_cycles == 0)
            for opcode, output in zip(QUEUES, outputs, strict=True):
                ctx.set(output.ready, running[opcode] is None and generator.random() < self.rate)
            held = present and not accepted  # what is offered stays until it is taken
            present = self.accepted < len(program) and (held or generator.random() < self.rate)
            ctx.set(dut.i.valid, present or self.accepted == len(program))  # something always follows END
            ctx.set(dut.i.payload, program[self.accepted] if present else generator.getrandbits(512))
            if not present and self.accepted < len(program):
                ctx.set(dut.i.valid, 0)

            sampled = [signal for o in outputs for signal in (o.valid, o.ready, o.payload)]
            _, _, accepted, finished, *values = await ctx.tick().sample(dut.i.ready, dut.finished, *sampled)
            # A pulse of this cycle may be counted from now on; an offer in it may not have relied on it.
            for index, opcode in enumerate(QUEUES):
                valid, ready, word = values[3 * index : 3 * index + 3]
                if valid:
                    instruction = Instruction.decode(word.to_bytes(INSTRUCTION_BYTES, "little"))
                    for unit in Unit:
                        assert self.completed[unit] >= instruction[f"wait_{unit.name.lower()}"], (opcode, unit)
                if valid and ready:
                    self.taken[opcode].append(instruction)
                    self.offer_cycles[opcode].append(cycle)
                    running[opcode] = generator.randint(1, self.unit_cycles)
            for unit in Unit:
                self.completed[unit] += done[unit]
            if present and accepted:
                self.accepted += 1
            elif self.accepted == len(program):
                assert not accepted, "nothing may be taken after END"
            if finished:
                pulses += 1
                self.finished_at = cycle
                assert not busy and bus_cycles == 0 and self.accepted == len(program)
            if finished and quiet_since is None:
                quiet_since = cycle
            if quiet_since is not None and cycle > quiet_since + after:
                assert pulses == 1
                return
        raise AssertionError(f"not finished after {limit} cycles, {self.accepted} of {len(program)} accepted")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rate, unit_cycles", [(1.0, 1), (0.5, 12), (0.2, 3)])
def test_every_instruction_reaches_its_unit_in_order_and_no_earlier_than_allowed(seed, rate, unit_cycles):
    program = make_program(random.Random(seed), 150)
    bench = Bench([i.encode() for i in program], seed=seed, rate=rate, unit_cycles=unit_cycles).run()
    for opcode in QUEUES:
        expected = [i.encode() for i in program if i.opcode == opcode]
        assert [i.encode() for i in bench.taken[opcode]] == expected


def test_an_empty_program_finishes():
    bench = Bench([Instruction(Opcode.END, {}).encode()]).run()
    assert bench.finished_at is not None and not any(bench.taken.values())


def test_a_full_queue_blocks_what_is_behind_it():
    generator = random.Random(2)
    never = {"wait_pool": 1}
    blocked = [
        make_instruction(generator, Opcode.STORE, **never) for _ in range(QUEUE_DEPTH + 2)
    ]  # one stands at the gate
    program = [i.encode() for i in [*blocked, make_instruction(generator, Opcode.LOAD)]]
    bench = Bench(program)
    with pytest.raises(AssertionError, match=f"{QUEUE_DEPTH + 1} of {QUEUE_DEPTH + 3} accepted"):
        bench.run(limit=200)
    assert not bench.taken[Opcode.LOAD]


@pytest.mark.parametrize("opcode", QUEUES)
def test_independent_instructions_of_one_unit_start_as_fast_as_their_words_are_read(opcode):
    generator = random.Random(3)
    program = [make_instruction(generator, opcode) for _ in range(6)] + [Instruction(Opcode.END, {})]
    cycles = Bench([i.encode() for i in program]).run().offer_cycles[opcode]
    assert cycles[0] == used_words(opcode, OPTIONAL) + FIRST_OFFER
    assert {b - a for a, b in itertools.pairwise(cycles)} == {used_words(opcode, OPTIONAL) + FIRST_OFFER}


@pytest.mark.parametrize("opcode", QUEUES)
def test_the_next_header_waits_at_the_gate_and_the_body_where_it_is_used(opcode):
    """While the unit works, what an opcode IN_PLACE brings stays, and others have the next one already."""
    dut = Dispatch(options=OPTIONAL)
    generator = random.Random(4)
    first, second = (int.from_bytes(make_instruction(generator, opcode).encode(), "little") for _ in range(2))
    output = getattr(dut, f"o_{opcode.name.lower()}")
    words = used_words(opcode, OPTIONAL)
    header_bits = HEADER_WORDS * WORD_BITS

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        for word in (first, second):
            ctx.set(dut.i.payload, word)
            accepted = False
            while not accepted:
                *_, accepted = await ctx.tick().sample(dut.i.ready)
        ctx.set(dut.i.valid, 0)
        ctx.set(output.ready, 1)
        taken = False
        while not taken:
            *_, taken, payload = await ctx.tick().sample(output.valid, output.payload)
        assert payload == first
        ctx.set(output.ready, 0)
        await ctx.tick().repeat(40)
        body = first if opcode in IN_PLACE else second
        assert ctx.get(output.payload) >> header_bits == body >> header_bits
        assert ctx.get(output.payload) % (1 << header_bits) == second % (1 << header_bits)
        assert ctx.get(output.valid) == (opcode not in IN_PLACE)
        ctx.set(output.ready, 1)
        cycles = 0
        while not ctx.get(output.valid):
            await ctx.tick()
            cycles += 1
        assert ctx.get(output.payload) == second
        assert cycles == (words - HEADER_WORDS + 3 if opcode in IN_PLACE else 0)

    simulate(dut, bench)


@pytest.mark.parametrize("last", [*QUEUES, "bus"])
def test_finishes_once_when_the_last_of_queues_units_and_bus_has_been_silent_for_a_while(last):
    dut = Dispatch()
    end = int.from_bytes(Instruction(Opcode.END, {}).encode(), "little")
    bit = 0 if last == "bus" else 1 << QUEUES.index(last)

    async def finishes(ctx, cycles: int) -> list[int]:
        return [(await ctx.tick().sample(dut.finished))[2] for _ in range(cycles)]

    async def bench(ctx):
        ctx.set(dut.bus_idle, 1)
        assert not any(await finishes(ctx, 10))
        ctx.set(dut.i.payload, end)
        ctx.set(dut.i.valid, 1)
        await ctx.tick()
        for _ in range(3):  # silence that does not last
            ctx.set(dut.unit_busy, bit)
            ctx.set(dut.bus_idle, last != "bus")
            assert not any(await finishes(ctx, 6))
            ctx.set(dut.unit_busy, 0)
            ctx.set(dut.bus_idle, 1)
            assert not any(await finishes(ctx, SETTLE_CYCLES - 1))
        ctx.set(dut.unit_busy, bit)
        ctx.set(dut.bus_idle, last != "bus")
        await ctx.tick()
        ctx.set(dut.unit_busy, 0)
        ctx.set(dut.bus_idle, 1)
        assert await finishes(ctx, 20) == [cycle == SETTLE_CYCLES for cycle in range(20)]

    simulate(dut, bench)


def test_state_of_the_compute_queue():
    dut = Dispatch()
    own = Instruction(Opcode.COMPUTE, {"layer": 77, "wait_load": 1, "wait_drain": 2})

    async def state(ctx):
        _, _, *values = await ctx.tick().sample(
            dut.compute_empty, dut.compute_waiting, dut.compute_wait_unit, dut.compute_layer, dut.o_compute.valid
        )
        return tuple(values)

    async def bench(ctx):
        assert await state(ctx) == (1, 0, Unit.LOAD, 0, 0)
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, int.from_bytes(own.encode(), "little"))
        ctx.set(dut.o_compute.ready, 1)
        await ctx.tick()
        for _ in range(5):  # inside, but not judged yet
            assert (await state(ctx))[:2] == (0, 0)
        await ctx.tick().repeat(2)
        ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(4)
        assert await state(ctx) == (0, 1, Unit.LOAD, 77, 0)
        ctx.set(dut.done_load, 1)
        await ctx.tick()
        ctx.set(dut.done_load, 0)
        await ctx.tick().repeat(2)
        assert await state(ctx) == (0, 1, Unit.DRAIN, 77, 0)
        ctx.set(dut.done_drain, 1)
        await ctx.tick().repeat(2)
        ctx.set(dut.done_drain, 0)
        await ctx.tick()
        assert await state(ctx) == (0, 0, Unit.LOAD, 77, 1)  # 2 cycles after the last pulse
        assert await state(ctx) == (1, 0, Unit.LOAD, 77, 0)

    simulate(dut, bench)


def test_counters_stay_at_their_maximum(monkeypatch):
    bits = 4
    monkeypatch.setattr("tcugen.rtl.dispatch.COUNT_BITS", bits)
    assert bits < COUNT_BITS
    dut = Dispatch()
    load = Instruction(Opcode.LOAD, {"wait_pool": (1 << bits) - 1})

    async def bench(ctx):
        ctx.set(dut.done_pool, 1)
        await ctx.tick().repeat(20)
        ctx.set(dut.i.payload, int.from_bytes(load.encode(), "little"))
        ctx.set(dut.i.valid, 1)
        await ctx.tick().repeat(9)
        assert ctx.get(dut.o_load.valid)

    simulate(dut, bench)


def test_converts_to_verilog():
    text = verilog.convert(Dispatch(), name="tcu_dispatch")
    assert "module tcu_dispatch(" in text
    for opcode in QUEUES:
        assert f"o_{opcode.name.lower()}__payload" in text


def test_a_machine_without_an_option_moves_only_the_words_that_it_has():
    assert used_words(Opcode.POOL) < used_words(Opcode.POOL, OPTIONAL)
    program = [
        Instruction(Opcode.POOL, {"base": 5, "width": 7, "depthwise": 1, "weights": 9}),
        *[Instruction(Opcode.END, {})],
    ]
    taken = {}
    for options in (frozenset(), OPTIONAL):
        bench = Bench([i.encode() for i in program], options=options)
        cycles = bench.run().offer_cycles[Opcode.POOL]
        assert cycles[0] == used_words(Opcode.POOL, options) + FIRST_OFFER
        (taken[bool(options)],) = bench.taken[Opcode.POOL]
    assert (taken[True]["depthwise"], taken[True]["weights"]) == (1, 9)
    assert taken[False] == Instruction.decode(Instruction(Opcode.POOL, {"base": 5, "width": 7}).encode())
