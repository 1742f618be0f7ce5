"""Host, control, fetch, dispatch, counters and reader together, seen through the registers only.

The units are stand-ins that take every instruction at once and complete it in the next cycle.
"""

import random

import pytest
from amaranth.hdl import Cat, DomainRenamer, Module, ResetInserter, Signal
from amaranth.lib import wiring

from tcugen.arch import Architecture
from tcugen.isa import PART_BYTES, Instruction, Opcode, Unit, Window, encode_program
from tcugen.program_format import BLOCK_BYTES, BLOCK_PARTS, WEIGHTS_HEADER_BYTES, seal_weights
from tcugen.registers import BY_NAME, ErrorCode, Stall
from tcugen.rtl.control import Control
from tcugen.rtl.counters import Counters
from tcugen.rtl.decode import header
from tcugen.rtl.dispatch import QUEUES, Dispatch
from tcugen.rtl.fetch import Fetch
from tcugen.rtl.host import Host
from tcugen.rtl.image_check import ImageCheck
from tcugen.rtl.longest_wait import LongestWait
from tcugen.rtl.reader import Reader
from tests.rtl.axi_lite import read, write
from tests.rtl.axi_memory import ReadMemory
from tests.rtl.streams import run
from tests.rtl.test_dispatch import make_program
from tests.rtl.test_fetch import offset_of, sealed

BASE = 0x3000
WEIGHTS_BASE = 0x1000


class Machine(wiring.Component):
    """`host` and `bus` are the outer interfaces."""

    interrupt: Signal

    def __init__(self, architecture: Architecture):
        self.architecture = architecture
        self.host, self.reader = Host(architecture), Reader(architecture, clients=1)
        self.control = Control(architecture, sources=3)
        super().__init__({"interrupt": wiring.Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.host, m.submodules.control = host, control = self.host, self.control
        reset = ResetInserter(control.core_reset)
        fetch, dispatch = Fetch(self.architecture), Dispatch()
        counters, reader = Counters(self.architecture), self.reader
        core = Module()
        core.submodules.image_check = image_check = ImageCheck(self.architecture)
        core.submodules.fetch, core.submodules.dispatch = fetch, dispatch
        core.submodules.counters, core.submodules.reader = counters, reader
        wiring.connect(core, fetch.request, reader.request[0])
        wiring.connect(core, fetch.o, dispatch.i)
        busy = Signal(len(QUEUES))
        core.d.comb += dispatch.unit_busy.eq(busy)
        core.submodules.longest_wait = longest_wait = LongestWait()
        core.d.comb += longest_wait.busy.eq(busy)
        for index, opcode in enumerate(QUEUES):
            entered = fetch.o.valid & fetch.o.ready & (header(fetch.o.payload).opcode == opcode)
            core.d.comb += longest_wait.entered[index].eq(entered)
            stream = getattr(dispatch, f"o_{opcode.name.lower()}")
            core.d.comb += [
                stream.ready.eq(1),
                longest_wait.taken[index].eq(stream.valid),
                longest_wait.gate_layer[index].eq(header(stream.payload).layer),
            ]
            core.d.sync += busy[index].eq(stream.valid)
            if opcode != Opcode.WEIGHT:
                core.d.comb += getattr(dispatch, f"done_{opcode.name.lower()}").eq(busy[index])
        core.d.comb += [
            fetch.start.eq(control.fetch_start),
            fetch.window_bytes.eq(host.windows[Window.PROGRAM].size),
            fetch.verified.eq(image_check.verified),
            fetch.program_bytes.eq(image_check.program_bytes),
            image_check.fetch_en.eq(fetch.beat_valid),
            image_check.beat.eq(reader.beat_data),
            image_check.fresh_end.eq(WEIGHTS_HEADER_BYTES),
            image_check.window_bytes.eq(host.windows[Window.PROGRAM].size),
            image_check.finished.eq(dispatch.finished),
            fetch.beat_valid.eq(reader.beat_valid[0]),
            fetch.beat_data.eq(reader.beat_data),
            reader.windows.eq(host.windows),
            reader.halt.eq(control.halt),
            dispatch.bus_idle.eq(reader.idle & ~fetch.busy),
            counters.running.eq(control.running),
            counters.busy.eq(dispatch.o_compute.valid),
            counters.busy_layer.eq(dispatch.compute_layer),
            counters.stall_reason.eq(dispatch.compute_wait_unit),
            counters.stall_layer.eq(dispatch.compute_layer),
            counters.read_beat.eq(reader.beat),
            counters.layer.eq(host.layer),
            counters.counter.eq(host.counter),
        ]
        m.submodules.core = DomainRenamer("sync")(reset(core))
        m.d.comb += [
            Cat(control.start, control.soft_reset, control.clear_interrupt).eq(
                Cat(host.start, host.soft_reset, host.clear_interrupt)
            ),
            control.interrupt_enable.eq(host.interrupt_enable),
            control.watchdog.eq(host.watchdog),
            control.finished.eq(dispatch.finished),
            control.errors[0].eq(image_check.error),
            control.errors[1].eq(fetch.error),
            control.errors[2].eq(Cat(reader.error_valid, reader.error_code, reader.error_address)),
            control.reader_idle.eq(reader.idle),
            control.writer_idle.eq(1),
            control.core_activity.eq(fetch.o.valid & fetch.o.ready),
            control.waiting.eq(longest_wait.o),
            control.bus_activity.eq((reader.bus.arvalid & reader.bus.arready) | reader.bus.rvalid),
            host.totals.eq(counters.totals),
            host.layer_count.eq(counters.layer_count),
            self.interrupt.eq(control.interrupt),
        ]
        for name in ("busy", "done", "failed", "startable", "error_code", "error_address"):
            m.d.comb += getattr(host, name).eq(getattr(control, name))
        return m


class Driver:
    """What a host does, by the names of the registers."""

    def __init__(self, ctx, machine: Machine):
        self.ctx, self.machine = ctx, machine

    async def write(self, name: str, value: int) -> int:
        return await write(self.ctx, self.machine.host, BY_NAME[name].address, value)

    async def read(self, name: str) -> int:
        response, value = await read(self.ctx, self.machine.host, BY_NAME[name].address)
        assert response == 0
        return value

    async def configure(self, size: int, watchdog: int = 0) -> None:
        settings = {"PROGRAM_BASE_LOW": BASE, "PROGRAM_SIZE": size, "WATCHDOG": watchdog, "INTERRUPT_ENABLE": 1}
        settings |= {"WEIGHTS_BASE_LOW": WEIGHTS_BASE, "WEIGHTS_SIZE": WEIGHTS_HEADER_BYTES}
        for name, value in settings.items():
            assert await self.write(name, value) == 0

    async def run(self) -> int:
        """Start, wait for the interrupt, clear it; returns STATUS."""
        assert await self.write("CONTROL", 1) == 0
        for _ in range(5000):
            *_, interrupt = await self.ctx.tick().sample(self.machine.interrupt)
            if interrupt:
                assert await self.write("CONTROL", 4) == 0
                assert not self.ctx.get(self.machine.interrupt)
                return await self.read("STATUS")
        raise AssertionError("no interrupt")

    async def counters(self, layers: list[int]) -> dict[str, int]:
        """All totals; checks that the counts of `layers` add up to them."""
        names = ["CYCLES", "BUSY", *(f"STALL_{stall.name}" for stall in Stall), "BYTES_READ"]
        values = {name: await self.read(f"{name}_LOW") + (await self.read(f"{name}_HIGH") << 32) for name in names}
        assert values["CYCLES"] == sum(value for name, value in values.items() if name.startswith(("BUSY", "STALL")))
        for name in names[1:-1]:
            total = 0
            for layer in layers:
                await self.write("LAYER_SELECT", layer)
                total += await self.read(f"LAYER_{name}")
            assert total == values[name], name
        return values

    async def error(self) -> tuple[int, int]:
        address = await self.read("ERROR_ADDRESS_LOW") + (await self.read("ERROR_ADDRESS_HIGH") << 32)
        return await self.read("ERROR_CODE"), address


def program(length: int, seed: int = 1) -> tuple[list[bytes], list[int]]:
    """The instructions of a program as they are written, and its layers.

    Layer 0 is counted before the first instruction arrives.
    """
    instructions = []
    for index, instruction in enumerate(make_program(random.Random(seed), length)):
        fields = {} if instruction.opcode == Opcode.END else instruction.fields | {"layer": 1 + index // 4}
        instructions.append(Instruction(instruction.opcode, fields))
    layers = sorted({0, *(i["layer"] for i in instructions if i.opcode == Opcode.COMPUTE)})
    return list(encode_program(instructions)), layers


def image(code: bytes, architecture: Architecture) -> bytes:
    """Memory from address 0: the weights, which are their header alone, and a sealed program."""
    weights = seal_weights(bytes(WEIGHTS_HEADER_BYTES), architecture)
    return (bytes(WEIGHTS_BASE) + weights).ljust(BASE, b"\0") + code


def simulate(parts: list[bytes], bench, *, bus_bytes: int = 16, cycles: int = 60_000, **memory_settings) -> ReadMemory:
    """Runs `bench(driver, memory, code)` on a machine whose memory holds the sealed program of `parts`."""
    architecture = Architecture(bus_bytes=bus_bytes)
    machine = Machine(architecture)
    code = sealed(b"".join(parts), architecture)
    memory = ReadMemory(machine.reader.bus, image(code, architecture), bus_bytes, **memory_settings)

    async def host(ctx):
        await bench(Driver(ctx, machine), memory, code)

    run(machine, host, background=[memory.run], cycles=cycles)
    return memory


@pytest.mark.parametrize("bus_bytes", [4, 16, 64])
def test_two_runs_are_the_same_and_counters_add_up(bus_bytes):
    parts, layers = program(30)

    async def bench(driver, memory, code):
        await driver.configure(len(code))
        results = []
        for _ in range(2):
            assert await driver.run() == 2
            assert await driver.error() == (ErrorCode.NONE, 0)
            results.append(await driver.counters(layers))
        assert results[0] == results[1]
        assert results[0]["BYTES_READ"] == len(code) + WEIGHTS_HEADER_BYTES
        assert results[0]["BUSY"] > 0 and results[0]["CYCLES"] > 100

    simulate(parts, bench, bus_bytes=bus_bytes)


@pytest.mark.parametrize("position", [0, 11, 29])
def test_a_broken_program_is_reported_and_leaves_no_trace(position):
    parts, layers = program(30)
    at = offset_of(parts, position)
    broken = [*parts[:position], b"\x0f" + parts[position][1:], *parts[position + 1 :]]

    async def bench(driver, memory, code):
        architecture = driver.machine.architecture
        await driver.configure(len(code))
        assert await driver.run() == 2
        good = await driver.counters(layers)
        # Sealed as it is; then changed after it was sealed.
        memory.contents = image(sealed(b"".join(broken), architecture), architecture)
        assert await driver.run() == 4
        assert await driver.error() == (ErrorCode.OPCODE, at)
        memory.contents = image(code[:at] + b"\x0f" + code[at + 1 :], architecture)
        assert await driver.run() == 4
        assert await driver.error() == (ErrorCode.PROGRAM_CHECKSUM, at // BLOCK_BYTES * BLOCK_BYTES)
        memory.contents = image(code, architecture)
        assert await driver.run() == 2
        assert await driver.error() == (ErrorCode.NONE, 0)
        assert await driver.counters(layers) == good

    simulate(parts, bench)


def test_a_program_without_end_a_cut_one_and_a_read_error_are_reported():
    parts, _ = program(20)
    endless = [*parts[:-1], *[bytes([Opcode.WEIGHT]).ljust(PART_BYTES, b"\0")] * 100]
    blocks = -(-len(b"".join(parts[:-1])) // PART_BYTES // (BLOCK_PARTS - 1)) + 1
    whole = b"".join(endless)[: (blocks * (BLOCK_PARTS - 1) - 1) * PART_BYTES]

    async def bench(driver, memory, code):
        architecture = driver.machine.architecture
        await driver.configure(len(code) - 1)
        assert await driver.run() == 4
        assert await driver.error() == (ErrorCode.LENGTH, 0)
        memory.contents = image(sealed(whole, architecture), architecture)
        await driver.configure(blocks * BLOCK_BYTES)
        assert await driver.run() == 4
        assert await driver.error() == (ErrorCode.OPCODE, blocks * BLOCK_BYTES)
        memory.contents = image(code, architecture)
        await driver.configure(len(code))
        memory.errors = {BASE + 512}
        assert await driver.run() == 4
        assert await driver.error() == (ErrorCode.READ_RESPONSE, BASE + 512)
        memory.errors = ()
        assert await driver.run() == 2

    simulate(parts, bench, idle=0.2)


def test_an_instruction_that_waits_for_ever_is_named():
    waiting = Instruction(Opcode.POOL, {"layer": 77, "wait_load": 1})
    parts = list(encode_program([Instruction(Opcode.DRAIN, {}), waiting, Instruction(Opcode.END, {})]))

    async def bench(driver, memory, code):
        await driver.configure(len(code), watchdog=200)
        assert await driver.run() == 4
        assert await driver.error() == (ErrorCode.CORE_HUNG, 77 << 4 | Opcode.POOL)

    simulate(parts, bench)


@pytest.mark.parametrize("cycles", [1, 30, 150, 210])
def test_a_soft_reset_waits_for_memory_and_the_next_run_is_as_good_as_the_first(cycles):
    parts, layers = program(30)

    async def bench(driver, memory, code):
        await driver.configure(len(code))
        assert await driver.run() == 2
        good = await driver.counters(layers)
        assert await driver.write("CONTROL", 1) == 0
        await driver.ctx.tick().repeat(cycles)
        assert await driver.write("PROGRAM_SIZE", 0) == 2  # refused while running
        assert await driver.write("CONTROL", 2) == 0
        while await driver.read("STATUS"):
            pass
        assert not memory.pending
        assert await driver.run() == 2
        assert await driver.counters(layers) == good

    simulate(parts, bench)


def test_a_memory_that_never_answers_is_reported_and_a_late_one_forgiven():
    parts, _ = program(20)

    async def bench(driver, memory, code):
        await driver.configure(len(code), watchdog=300)
        memory.answering = False
        assert await driver.run() == 4
        assert await driver.error() == (ErrorCode.BUS_HUNG, 0)
        assert await driver.write("CONTROL", 1) == 2  # refused: memory still owes beats
        memory.answering = True
        await driver.ctx.tick().repeat(200)
        assert not memory.pending
        assert await driver.run() == 2

    simulate(parts, bench)


def test_the_stand_in_units_cover_all_units():
    assert {opcode.name for opcode in QUEUES if opcode != Opcode.WEIGHT} == {unit.name for unit in Unit}
