import random

import pytest
from amaranth.back import verilog

from tcugen.arch import Architecture
from tcugen.isa import INSTRUCTION_SET, Window
from tcugen.program_format import GENERATOR
from tcugen.registers import (
    ADDRESS_BITS,
    BY_NAME,
    IDENTIFICATION,
    REGISTERS,
    WATCHDOG_CYCLES,
    ErrorCode,
    Stall,
    WindowFlaw,
)
from tcugen.rtl.counters import BUSY, LAYER_READ_CYCLES
from tcugen.rtl.host import RESPONSE_OKAY, RESPONSE_SLVERR, Host
from tcugen.rtl.window_rules import CHECK_CYCLES
from tests.rtl.axi_lite import read, write
from tests.rtl.streams import run

SETTINGS = [register.name for register in REGISTERS if register.access == "rw"]
START = {"WATCHDOG": WATCHDOG_CYCLES}
"""What settings are after reset, where they are not 0."""


def can_be_held(name: str, value: int, address_bits: int) -> bool:
    if name.endswith("BASE_LOW"):
        return value % 4096 == 0
    if name.endswith("BASE_HIGH"):
        return value < 2 ** (address_bits - 32)
    return value <= {"INTERRUPT_ENABLE": 1, "LAYER_SELECT": 0xFFF}.get(name, 0xFFFFFFFF)


@pytest.mark.parametrize("address_bits", [32, 40, 64])
def test_settings_are_stored_by_byte_and_reach_the_machine(address_bits):
    generator = random.Random(address_bits)
    dut = Host(Architecture(bus_address_bits=address_bits))
    model = dict.fromkeys(SETTINGS, 0) | START

    async def bench(ctx):
        refused = set()
        for _ in range(16 * len(SETTINGS)):
            name, strobes = generator.choice(SETTINGS), generator.getrandbits(4)
            value = generator.getrandbits(32) & generator.choice([0xFFFFFFFF, 0xFFFFF000, 0xFF, 1])
            order, wait = generator.randint(-5, 5), generator.randint(0, 5)
            mask = sum(255 << 8 * k for k in range(4) if strobes >> k & 1)
            held = can_be_held(name, value & mask, address_bits)
            wanted = RESPONSE_OKAY if held else RESPONSE_SLVERR
            assert await write(ctx, dut, BY_NAME[name].address, value, strobes, order, wait) == wanted
            refused |= {name} if not held else set()
            if held:
                model[name] = (model[name] & ~mask) | (value & mask)
            name = generator.choice(SETTINGS)
            assert await read(ctx, dut, BY_NAME[name].address, generator.randint(0, 8)) == (RESPONSE_OKAY, model[name])
        limited = {name for name in SETTINGS if not can_be_held(name, 0xFFFFFFFF, address_bits)}
        assert refused == limited
        windows = ctx.get(dut.windows)
        for window in Window:
            base = model[f"{window.name}_BASE_HIGH"] << 32 | model[f"{window.name}_BASE_LOW"]
            assert windows[window].base == base and base % 4096 == 0
            assert windows[window].size == model[f"{window.name}_SIZE"]
        assert ctx.get(dut.watchdog) == model["WATCHDOG"]
        assert ctx.get(dut.interrupt_enable) == model["INTERRUPT_ENABLE"]
        assert ctx.get(dut.layer) == model["LAYER_SELECT"]

    run(dut, bench)


def test_every_readable_register_shows_its_source():
    generator = random.Random(1)
    architecture = Architecture()
    dut = Host(architecture)
    names = ["cycles", "busy", *(f"stall {s.name}" for s in Stall), "bytes_read", "bytes_written"]
    values = {name: generator.getrandbits(48) for name in names}
    address = generator.getrandbits(40)
    totals = {
        **{name: value for name, value in values.items() if not name.startswith("stall")},
        "stall": [values[f"stall {stall.name}"] for stall in Stall],
    }

    async def counters(ctx):
        """Answers LAYER_READ_CYCLES after a selection, as Counters does."""
        history = [0] * LAYER_READ_CYCLES
        while True:
            ctx.set(dut.layer_count, history[0])
            *_, layer, counter = await ctx.tick().sample(dut.layer, dut.counter)
            history = [*history[1:], 1000 * layer + counter]

    async def bench(ctx):
        ctx.set(dut.totals, totals)
        ctx.set(dut.error_code, ErrorCode.BUS_HUNG)
        ctx.set(dut.error_address, address)
        ctx.set(dut.busy, 0)
        ctx.set(dut.done, 1)
        ctx.set(dut.failed, 1)
        await write(ctx, dut, BY_NAME["LAYER_SELECT"].address, 321)
        wanted = {
            "IDENTIFICATION": IDENTIFICATION,
            "ARCHITECTURE": architecture.fingerprint,
            "CONTROL": 0,
            "STATUS": 6,
            "WINDOWS": 1 << WindowFlaw.EMPTY,
            "INSTRUCTION_SET": INSTRUCTION_SET,
            "GENERATOR": GENERATOR,
            "ERROR_CODE": 5,
            "ERROR_ADDRESS_LOW": address & 0xFFFFFFFF,
            "ERROR_ADDRESS_HIGH": address >> 32,
            "LAYER_BUSY": 321000 + BUSY,
            **{f"LAYER_STALL_{stall.name}": 321000 + stall for stall in Stall},
        }
        for name, value in values.items():
            name = name.upper().replace(" ", "_")
            wanted |= {f"{name}_LOW": value & 0xFFFFFFFF, f"{name}_HIGH": value >> 32}
        assert set(wanted) | set(SETTINGS) == set(BY_NAME)
        for name in generator.sample(list(wanted), len(wanted)):
            assert await read(ctx, dut, BY_NAME[name].address) == (RESPONSE_OKAY, wanted[name]), name

    run(dut, bench, background=[counters])


def test_addresses_without_a_register_and_read_only_registers_are_refused():
    dut = Host(Architecture())
    unknown = range(4 * len(REGISTERS), 1 << ADDRESS_BITS, 4)

    async def bench(ctx):
        for address in unknown:
            assert await read(ctx, dut, address) == (RESPONSE_SLVERR, 0)
            assert await write(ctx, dut, address, 0xFFFFFFFF) == RESPONSE_SLVERR
        for register in REGISTERS:
            if register.access == "r":
                assert await write(ctx, dut, register.address, 0xFFFFFFFF) == RESPONSE_SLVERR
        for name in SETTINGS:
            assert await read(ctx, dut, BY_NAME[name].address) == (RESPONSE_OKAY, START.get(name, 0))

    run(dut, bench)


def test_the_settings_of_a_run_cannot_change_while_it_runs():
    dut = Host(Architecture())
    free = {"INTERRUPT_ENABLE", "LAYER_SELECT"}

    async def bench(ctx):
        ctx.set(dut.busy, 1)
        for name in SETTINGS:
            response = await write(ctx, dut, BY_NAME[name].address, 1 if name in free else 0)
            assert response == (RESPONSE_OKAY if name in free else RESPONSE_SLVERR), name
            _, stored = await read(ctx, dut, BY_NAME[name].address)
            assert stored == (1 if name in free else START.get(name, 0)), name

    run(dut, bench)


async def set_windows(ctx, dut, **changed: tuple[int, int]) -> None:
    """Lawful windows, but for those given as (base, size)."""
    for index, window in enumerate(Window):
        base, size = changed.get(window.name, (index << 16, 4096))
        parts = {"BASE_LOW": base & 0xFFFFFFFF, "BASE_HIGH": base >> 32, "SIZE": size}
        for part, value in parts.items():
            assert await write(ctx, dut, BY_NAME[f"{window.name}_{part}"].address, value) == RESPONSE_OKAY


FLAWED = {
    "no program": ({"PROGRAM": (0, 0)}, WindowFlaw.EMPTY),
    "beyond the last address": ({"SCRATCH": (2**40 - 4096, 4097)}, WindowFlaw.WRAPS),
    "output in the program": ({"OUTPUT": (0, 4096)}, WindowFlaw.OVERLAP),
    "scratch ends in the input": ({"SCRATCH": (0x1F000, 4097)}, WindowFlaw.OVERLAP),
}


@pytest.mark.parametrize("changed, flaw", FLAWED.values(), ids=FLAWED)
def test_a_start_with_unlawful_windows_is_refused(changed, flaw):
    dut = Host(Architecture())
    control, windows = BY_NAME["CONTROL"].address, BY_NAME["WINDOWS"].address
    pulses = []

    async def watch(ctx):
        while True:
            *_, start = await ctx.tick().sample(dut.start)
            pulses.append(start)

    async def bench(ctx):
        ctx.set(dut.startable, 1)
        await set_windows(ctx, dut, **changed)
        assert await write(ctx, dut, control, 1) == RESPONSE_SLVERR
        assert await read(ctx, dut, windows) == (RESPONSE_OKAY, 1 << flaw)
        assert await write(ctx, dut, control, 2) == RESPONSE_OKAY, "a soft reset is always taken"
        assert not any(pulses)
        await set_windows(ctx, dut)
        assert await write(ctx, dut, control, 1) == RESPONSE_OKAY
        assert await read(ctx, dut, windows) == (RESPONSE_OKAY, 0)
        assert sum(pulses) == 1

    run(dut, bench, background=[watch])


def test_the_register_says_while_it_is_still_looking():
    dut = Host(Architecture())

    async def bench(ctx):
        await set_windows(ctx, dut)
        assert (await read(ctx, dut, BY_NAME["WINDOWS"].address))[1] >> len(WindowFlaw) == 1
        await ctx.tick().repeat(CHECK_CYCLES)
        assert await read(ctx, dut, BY_NAME["WINDOWS"].address) == (RESPONSE_OKAY, 0)

    run(dut, bench)


@pytest.mark.parametrize("startable", [0, 1])
def test_control_gives_one_pulse_per_accepted_write(startable):
    dut = Host(Architecture())
    pulses = []

    async def watch(ctx):
        while True:
            *_, start, soft_reset, clear = await ctx.tick().sample(dut.start, dut.soft_reset, dut.clear_interrupt)
            if start or soft_reset or clear:
                pulses.append(start | soft_reset << 1 | clear << 2)

    async def bench(ctx):
        ctx.set(dut.startable, startable)
        await set_windows(ctx, dut)
        for value in range(16):
            for strobes in (15, 1, 14, 0):
                pulses.clear()
                refused = value & 3 == 1 and strobes & 1 and not startable
                response = await write(ctx, dut, BY_NAME["CONTROL"].address, value, strobes)
                assert response == (RESPONSE_SLVERR if refused else RESPONSE_OKAY)
                await ctx.tick()
                assert pulses == ([value & 7] if value & 7 and strobes & 1 and not refused else [])

    run(dut, bench, background=[watch])


def test_converts_to_verilog():
    text = verilog.convert(Host(Architecture()), name="tcu_host")
    assert "module tcu_host(" in text and "[9:0] araddr" in text
