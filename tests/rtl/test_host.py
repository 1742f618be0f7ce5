import random

import pytest
from amaranth.back import verilog

from tcugen.arch import Architecture
from tcugen.isa import Window
from tcugen.registers import ADDRESS_BITS, BY_NAME, IDENTIFICATION, REGISTERS, ErrorCode, Stall
from tcugen.rtl.counters import BUSY, LAYER_READ_CYCLES
from tcugen.rtl.host import RESPONSE_OKAY, RESPONSE_SLVERR, Host
from tests.rtl.axi_lite import read, write
from tests.rtl.streams import run

SETTINGS = [register.name for register in REGISTERS if register.access == "rw"]


def expected_setting(name: str, value: int, address_bits: int) -> int:
    if name.endswith("BASE_LOW"):
        return value & 0xFFFFF000
    if name.endswith("BASE_HIGH"):
        return value & ((1 << address_bits - 32) - 1)
    return value & {"INTERRUPT_ENABLE": 1, "LAYER_SELECT": 0xFFF}.get(name, 0xFFFFFFFF)


@pytest.mark.parametrize("address_bits", [32, 40, 64])
def test_settings_are_stored_by_byte_and_reach_the_machine(address_bits):
    generator = random.Random(address_bits)
    dut = Host(Architecture(bus_address_bits=address_bits))
    model = dict.fromkeys(SETTINGS, 0)

    async def bench(ctx):
        for _ in range(4 * len(SETTINGS)):
            name, value, strobes = generator.choice(SETTINGS), generator.getrandbits(32), generator.getrandbits(4)
            order, wait = generator.randint(-5, 5), generator.randint(0, 5)
            assert await write(ctx, dut, BY_NAME[name].address, value, strobes, order, wait) == RESPONSE_OKAY
            mask = sum(255 << 8 * k for k in range(4) if strobes >> k & 1)
            model[name] = expected_setting(name, (model[name] & ~mask) | (value & mask), address_bits)
            name = generator.choice(SETTINGS)
            assert await read(ctx, dut, BY_NAME[name].address, generator.randint(0, 8)) == (RESPONSE_OKAY, model[name])
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
            assert await read(ctx, dut, BY_NAME[name].address) == (RESPONSE_OKAY, 0)

    run(dut, bench)


def test_the_settings_of_a_run_cannot_change_while_it_runs():
    dut = Host(Architecture())
    free = {"INTERRUPT_ENABLE", "LAYER_SELECT"}

    async def bench(ctx):
        ctx.set(dut.busy, 1)
        for name in SETTINGS:
            response = await write(ctx, dut, BY_NAME[name].address, 0xFFFFFFFF)
            assert response == (RESPONSE_OKAY if name in free else RESPONSE_SLVERR), name
            _, stored = await read(ctx, dut, BY_NAME[name].address)
            assert (stored != 0) == (name in free), name

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
