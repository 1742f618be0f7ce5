# amaranth: UnusedElaboratable=no
import random

import pytest
from amaranth.back import verilog

from tcugen.arch import Architecture
from tcugen.registers import ErrorCode
from tcugen.rtl.control import SETTLE_CYCLES, Control
from tests.rtl.streams import run

SOURCES = 4
OUTPUTS = ("core_reset", "fetch_start", "halt", "running", "startable", "busy", "done", "failed", "interrupt")


def control() -> Control:
    return Control(Architecture(), SOURCES)


async def tick(ctx, dut, **inputs: int) -> set[str]:
    """One cycle with these inputs, back to 0 afterwards. Returns the names of the outputs that were 1 in it."""
    for name, value in inputs.items():
        ctx.set(getattr(dut, name), value)
    _, _, *values = await ctx.tick().sample(*(getattr(dut, name) for name in OUTPUTS))
    for name in inputs:
        ctx.set(getattr(dut, name), 0)
    return {name for name, value in zip(OUTPUTS, values, strict=True) if value}


async def prepare(ctx, dut, *, watchdog: int = 0, interrupt_enable: int = 1) -> None:
    ctx.set(dut.watchdog, watchdog)
    ctx.set(dut.interrupt_enable, interrupt_enable)
    ctx.set(dut.core_activity, 1)
    await bus(ctx, dut, True)


async def bus(ctx, dut, idle: bool) -> None:
    ctx.set(dut.reader_idle, idle)
    ctx.set(dut.writer_idle, idle)


async def start(ctx, dut) -> None:
    """Start, with the exact sequence of cycles that the module documents."""
    assert "startable" in await tick(ctx, dut, start=1)
    assert await tick(ctx, dut) == {"core_reset", "halt", "busy"}
    assert await tick(ctx, dut) == {"fetch_start", "running", "busy"}
    assert await tick(ctx, dut) == {"running", "busy"}


async def fail(ctx, dut, source: int, code: ErrorCode, address: int, **inputs: int) -> None:
    report = ctx.get(dut.errors)
    reports = [{"valid": 0, "code": 0, "address": 0} for _ in range(len(report))]
    reports[source] = {"valid": 1, "code": code, "address": address}
    ctx.set(dut.errors, reports)
    assert "running" in await tick(ctx, dut, **inputs)
    ctx.set(dut.errors, [{"valid": 0, "code": 0, "address": 0}] * len(report))


def error(ctx, dut) -> tuple[int, int]:
    return ctx.get(dut.error_code), ctx.get(dut.error_address)


def test_run_to_done_and_again():
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut)
        assert await tick(ctx, dut) == {"startable"}
        for _ in range(3):
            await start(ctx, dut)
            assert "running" in await tick(ctx, dut, start=1)  # ignored
            assert await tick(ctx, dut, finished=1) == {"running", "busy"}
            assert await tick(ctx, dut) == {"startable", "done", "interrupt"}
            await tick(ctx, dut, clear_interrupt=1)
            assert await tick(ctx, dut) == {"startable", "done"}

    run(dut, bench)


def test_a_start_clears_the_interrupt_and_a_disabled_one_stays_low():
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut, interrupt_enable=0)
        await start(ctx, dut)
        await tick(ctx, dut, finished=1)
        assert "interrupt" not in await tick(ctx, dut)
        assert "interrupt" in await tick(ctx, dut, interrupt_enable=1)
        ctx.set(dut.interrupt_enable, 1)
        await start(ctx, dut)

    run(dut, bench)


@pytest.mark.parametrize("silent", range(0, 20, 7))
def test_an_error_halts_until_the_bus_is_idle_and_keeps_the_first_report(silent):
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut)
        await start(ctx, dut)
        await bus(ctx, dut, False)
        await fail(ctx, dut, 2, ErrorCode.WINDOW, 0x12_3456_7890, finished=1)
        for _ in range(silent):
            assert await tick(ctx, dut) == {"halt", "busy"}
        await bus(ctx, dut, True)
        assert await tick(ctx, dut) == {"halt", "busy"}
        await bus(ctx, dut, False)
        assert await tick(ctx, dut, finished=1, start=1) == {"halt", "busy"}
        ctx.set(dut.errors, [{"valid": 1, "code": ErrorCode.OPCODE, "address": 64}] * SOURCES)  # too late
        await bus(ctx, dut, True)
        for _ in range(SETTLE_CYCLES):
            assert await tick(ctx, dut) == {"halt", "busy"}
        assert await tick(ctx, dut) == {"halt", "failed", "startable", "interrupt"}
        assert error(ctx, dut) == (ErrorCode.WINDOW, 0x12_3456_7890)
        await tick(ctx, dut, clear_interrupt=1)
        assert await tick(ctx, dut) == {"halt", "failed", "startable"}
        ctx.set(dut.errors, [{"valid": 0, "code": 0, "address": 0}] * SOURCES)
        await start(ctx, dut)
        assert error(ctx, dut) == (ErrorCode.NONE, 0)

    run(dut, bench)


@pytest.mark.parametrize("valid", range(1, 1 << SOURCES))
def test_the_lowest_source_wins(valid):
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut)
        await start(ctx, dut)
        reports = [{"valid": valid >> k & 1, "code": 1 + k, "address": 100 + k} for k in range(SOURCES)]
        ctx.set(dut.errors, reports)
        await tick(ctx, dut)
        lowest = (valid & -valid).bit_length() - 1
        assert error(ctx, dut) == (1 + lowest, 100 + lowest)

    run(dut, bench)


@pytest.mark.parametrize("from_state", ["IDLE", "RUNNING", "DONE", "ERROR", "STOPPING"])
def test_soft_reset_waits_for_the_bus_and_leads_to_idle(from_state):
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut)
        if from_state != "IDLE":
            await start(ctx, dut)
        if from_state == "DONE":
            await tick(ctx, dut, finished=1)
        if from_state in ("ERROR", "STOPPING"):
            await fail(ctx, dut, 0, ErrorCode.OPCODE, 128)
        if from_state == "ERROR":
            while "failed" not in await tick(ctx, dut):
                pass
        await tick(ctx, dut, soft_reset=1, start=1)
        await bus(ctx, dut, False)
        for _ in range(5):
            assert await tick(ctx, dut) == {"halt", "busy"}
        await bus(ctx, dut, True)
        for _ in range(SETTLE_CYCLES):
            assert await tick(ctx, dut) == {"halt", "busy"}
        assert "core_reset" in await tick(ctx, dut)
        for _ in range(5):
            assert await tick(ctx, dut) == {"startable"}
        assert error(ctx, dut) == (ErrorCode.NONE, 0)
        await start(ctx, dut)

    run(dut, bench)


@pytest.mark.parametrize("limit", [1, 2, 17])
def test_the_watchdog_counts_silent_cycles_in_a_row(limit):
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut, watchdog=limit)
        await start(ctx, dut)
        for _ in range(2 * limit):
            assert "running" in await tick(ctx, dut)  # nothing due: nothing to wait for
        await bus(ctx, dut, False)
        for _ in range(3):
            assert "running" in await tick(ctx, dut, bus_activity=1)
            for _ in range(limit - 1):
                assert "running" in await tick(ctx, dut)
        assert "running" in await tick(ctx, dut, bus_activity=1)
        for _ in range(limit):
            assert "running" in await tick(ctx, dut)
        assert "running" in await tick(ctx, dut)  # counted, not yet acted upon
        assert await tick(ctx, dut) == {"halt", "failed", "interrupt"}
        assert error(ctx, dut) == (ErrorCode.BUS_HUNG, 0)
        # A start is refused as long as memory owes an answer; a soft reset ends in the same error.
        await tick(ctx, dut, start=1)
        assert await tick(ctx, dut) == {"halt", "failed", "interrupt"}
        await tick(ctx, dut, soft_reset=1)
        assert await tick(ctx, dut) == {"halt", "busy"}
        assert await tick(ctx, dut) == {"halt", "failed", "interrupt"}
        await bus(ctx, dut, True)
        await tick(ctx, dut)
        await start(ctx, dut)

    run(dut, bench)


def test_a_watchdog_of_zero_never_fires_and_a_hang_while_stopping_is_reported():
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut)
        await start(ctx, dut)
        await bus(ctx, dut, False)
        for _ in range(300):
            assert "running" in await tick(ctx, dut)
        ctx.set(dut.watchdog, 40)
        assert "running" in await tick(ctx, dut)
        await fail(ctx, dut, 1, ErrorCode.READ_RESPONSE, 4096)
        for _ in range(39):
            assert await tick(ctx, dut) == {"halt", "busy"}
        await tick(ctx, dut)
        assert await tick(ctx, dut) == {"halt", "failed", "interrupt"}
        assert error(ctx, dut) == (ErrorCode.BUS_HUNG, 4096)

    run(dut, bench)


@pytest.mark.parametrize("limit", [1, 2, 17])
def test_a_core_in_which_nothing_moves_is_an_error_at_the_instruction_that_waits(limit):
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut, watchdog=limit)
        ctx.set(dut.waiting, 0x1234)
        await start(ctx, dut)
        for _ in range(3 * limit):
            assert "running" in await tick(ctx, dut)
        for _ in range(3):
            ctx.set(dut.core_activity, 0)
            for _ in range(limit - 1):
                assert "running" in await tick(ctx, dut)
            ctx.set(dut.core_activity, 1)
            assert "running" in await tick(ctx, dut)
        ctx.set(dut.core_activity, 0)
        for _ in range(limit + 1):
            assert "running" in await tick(ctx, dut)
        for _ in range(SETTLE_CYCLES):
            assert await tick(ctx, dut) == {"halt", "busy"}
        assert await tick(ctx, dut) == {"halt", "failed", "startable", "interrupt"}
        assert error(ctx, dut) == (ErrorCode.CORE_HUNG, 0x1234)
        for _ in range(3 * limit):
            assert "failed" in await tick(ctx, dut)
        ctx.set(dut.core_activity, 1)
        await start(ctx, dut)

    run(dut, bench)


def test_silence_of_the_core_and_of_the_bus_do_not_add_up():
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut, watchdog=10)
        await start(ctx, dut)
        ctx.set(dut.core_activity, 0)
        for _ in range(6):
            for idle in (True, False):
                await bus(ctx, dut, idle)
                for _ in range(8):
                    assert "running" in await tick(ctx, dut)

    run(dut, bench)


@pytest.mark.parametrize("reset", [False, True])
def test_beats_that_never_come_after_a_wrong_rlast_are_given_up(reset):
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut, watchdog=20)
        await start(ctx, dut)
        ctx.set(dut.reader_idle, 0)
        await fail(ctx, dut, 1, ErrorCode.READ_LAST, 4096)
        for _ in range(15):
            assert await tick(ctx, dut) == {"halt", "busy"}
        await tick(ctx, dut, bus_activity=1)
        for _ in range(20):
            assert await tick(ctx, dut, **({"soft_reset": 1} if reset else {})) == {"halt", "busy"}
        await tick(ctx, dut)
        if not reset:
            assert await tick(ctx, dut) == {"halt", "failed", "interrupt"}
            assert error(ctx, dut) == (ErrorCode.READ_LAST, 4096)
            await tick(ctx, dut, start=1)  # refused: beats are still due
            assert await tick(ctx, dut) == {"halt", "failed", "interrupt"}
            await tick(ctx, dut, soft_reset=1)
            await tick(ctx, dut)
        assert "core_reset" in await tick(ctx, dut)  # which takes the reader back to the beginning
        await bus(ctx, dut, True)
        assert await tick(ctx, dut) == {"startable"}
        await start(ctx, dut)

    run(dut, bench)


def test_a_write_that_is_due_is_never_given_up():
    """After a wrong RLAST too: the code stays, and no soft reset is done before its answer has come."""
    dut = control()

    async def bench(ctx):
        await prepare(ctx, dut, watchdog=20)
        await start(ctx, dut)
        await bus(ctx, dut, False)
        await fail(ctx, dut, 1, ErrorCode.READ_LAST, 4096)
        for _ in range(3):
            seen = [await tick(ctx, dut, soft_reset=int(first == 0)) for first in range(60)]
            assert not any("core_reset" in one for one in seen)
            assert "failed" in seen[-1] and error(ctx, dut) == (ErrorCode.READ_LAST, 4096)
        ctx.set(dut.writer_idle, 1)
        seen = [await tick(ctx, dut, soft_reset=int(first == 0)) for first in range(60)]
        assert sum("core_reset" in one for one in seen) == 1

    run(dut, bench)


@pytest.mark.parametrize("seed", range(3))
def test_never_reset_with_bursts_in_flight_and_never_started_without_a_reset(seed):
    """Random requests from the host, errors and a bus that is busy only while the machine runs or winds down."""
    generator = random.Random(seed)
    dut = control()
    seen = set()

    async def bench(ctx):
        await prepare(ctx, dut, watchdog=12)
        idle, last, accepted = True, set(), False
        for _ in range(1500):
            inputs = {
                name: generator.random() < rate
                for name, rate in {"start": 0.2, "soft_reset": 0.01, "finished": 0.05, "bus_activity": 0.2}.items()
            }
            if "running" in last and idle:
                idle = generator.random() < 0.6
            elif not idle:
                idle = generator.random() < 0.15
            await bus(ctx, dut, idle)
            ctx.set(dut.errors[0].valid, generator.random() < 0.01)
            now = await tick(ctx, dut, **{name: value for name, value in inputs.items() if value})
            seen.update(now)
            if "core_reset" in now:
                assert idle and "core_reset" not in last and "running" not in last
            if "fetch_start" in now:
                assert "core_reset" in last and accepted
            assert ("running" in now and "running" not in last) == ("fetch_start" in now)
            assert len(now & {"busy", "done", "failed"}) <= 1
            assert "halt" not in now or "running" not in now
            if "core_reset" not in now:
                accepted = False
            if "startable" in now and inputs["start"] and not inputs["soft_reset"]:
                accepted = True
            last = now
        assert seen == set(OUTPUTS)

    run(dut, bench)


def test_refuses_to_have_no_source_of_errors():
    with pytest.raises(ValueError, match="sources is 0"):
        Control(Architecture(), 0)


def test_converts_to_verilog():
    assert "module tcu_control(" in verilog.convert(control(), name="tcu_control")
