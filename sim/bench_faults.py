"""cocotb benches: what goes wrong on the bus or in the program stops the machine cleanly, and the next run is right.

Written for jobs of two images that use all windows but SCRATCH. Each test starts from reset.
"""

import random
from dataclasses import replace
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp

from sim.bench import TIMEOUT, Bench
from sim.driver import CONTROL_START, Run
from tcugen.arch import BURST_BEATS
from tcugen.isa import HEADER, Opcode, Window, encode_program
from tcugen.program_format import BLOCK_BYTES, WEIGHTS_HEADER_BYTES, seal_program
from tcugen.registers import BY_NAME, IDENTIFICATION, ErrorCode, WindowFlaw
from tcugen.simulator.memory_image import PAGE_BYTES, Area

RESETS = 6
WATCHDOG_CYCLES = 500
OPCODE_BITS = HEADER[0].bits


async def ready(dut: Any, pausing: bool = True) -> Bench:
    bench = Bench(dut)
    await bench.begin(pausing)
    return bench


async def expect_error(bench: Bench, code: ErrorCode, low: int, high: int) -> None:
    """Runs an image that must fail with `code` at an address in low .. high, without breaking a rule of the bus."""
    run = await bench.run_image(0)
    check_error(bench, run, code, low, high)


def check_error(bench: Bench, run: Run, code: ErrorCode, low: int, high: int) -> None:
    bench.check_bus()
    assert not run.done, f"the run ended well, but must fail with {code.name}"
    found, address = run.error
    assert found == code, f"the error is {found.name} at 0x{address:x}, but must be {code.name}"
    assert low <= address <= high, f"the error is at 0x{address:x}, but must be in 0x{low:x} .. 0x{high:x}"


@cocotb.test(**TIMEOUT)
async def registers_answer(dut: Any) -> None:
    """Identification reads back; registers that do not exist or cannot be written are refused."""
    bench = await ready(dut)
    driver, architecture = bench.driver, bench.job.program.architecture
    assert await driver.read("IDENTIFICATION") == IDENTIFICATION
    assert await driver.read("ARCHITECTURE") == architecture.fingerprint
    for name, register in BY_NAME.items():
        if register.access == "r":
            assert await driver.try_write(name, 0xFFFF_FFFF) == AxiResp.SLVERR, name
    for window, area in driver.areas.items():
        assert await driver.read(f"{window.name}_SIZE") == area.size
        assert await driver.read(f"{window.name}_BASE_LOW") == area.base & 0xFFFF_FFFF
        assert await driver.read(f"{window.name}_BASE_HIGH") == area.base >> 32
    beyond = max(register.address for register in BY_NAME.values()) + 4
    assert (await driver.master.read(beyond, 4)).resp == AxiResp.SLVERR
    assert (await driver.master.write(beyond, bytes(4))).resp == AxiResp.SLVERR
    await bench.check_image(0)


@cocotb.test(**TIMEOUT)
async def an_access_outside_its_window_is_not_made(dut: Any) -> None:
    """Each window in turn is cut: the machine stops before the first burst that would leave it."""
    bench = await ready(dut)
    driver = bench.driver
    burst_bytes = BURST_BEATS * bench.job.program.architecture.bus_bytes
    for window in (Window.WEIGHTS, Window.INPUT, Window.OUTPUT):
        whole = driver.areas[window]
        for size in (whole.size // 2, 0):
            await driver.set_window(window, Area(whole.base, size))
            # The burst that does not fit begins inside the cut window or at its end.
            first = max(whole.base, whole.base + size - burst_bytes)
            await expect_error(bench, ErrorCode.WINDOW, first, whole.base + whole.size)
        await driver.set_window(window, whole)
        await bench.check_image(1)


@cocotb.test(**TIMEOUT)
async def a_start_with_hostile_windows_is_refused(dut: Any) -> None:
    """Windows that wrap, overlap or cannot be stored: SLVERR, no access to memory, and the next run is right."""
    bench = await ready(dut)
    driver = bench.driver
    top = 1 << bench.job.program.architecture.bus_address_bits
    areas = dict(driver.areas)
    output, program = areas[Window.OUTPUT], areas[Window.PROGRAM]
    hostile = {
        "the last page, longer than it": (Window.SCRATCH, Area(top - PAGE_BYTES, PAGE_BYTES + 1), WindowFlaw.WRAPS),
        "the whole space from the last page": (Window.OUTPUT, Area(top - PAGE_BYTES, 2**32 - 1), WindowFlaw.WRAPS),
        "output in the program": (Window.OUTPUT, Area(program.base, output.size), WindowFlaw.OVERLAP),
        "scratch over the output": (Window.SCRATCH, output, WindowFlaw.OVERLAP),
        "no program": (Window.PROGRAM, Area(program.base, 0), WindowFlaw.EMPTY),
    }
    bursts = dict(bench.rules.bursts)
    for what, (window, area, flaw) in hostile.items():
        await driver.set_window(window, area)
        assert await driver.try_write("CONTROL", CONTROL_START) == AxiResp.SLVERR, what
        assert await driver.read("WINDOWS") >> flaw & 1, what
        assert await driver.read("STATUS") == 0, what
        await driver.set_window(window, areas.get(window, Area(0, 0)))
    for name, value in (("OUTPUT_BASE_LOW", output.base % 2**32 | 8), ("OUTPUT_BASE_HIGH", top >> 32)):
        kept = await driver.read(name)
        assert await driver.try_write(name, value) == AxiResp.SLVERR, name
        assert await driver.read(name) == kept, name
    assert bench.rules.bursts == bursts, "a refused start reached memory"
    driver.memory.areas = areas
    await bench.check_image(1)


def resealed(bench: Bench, parts: list[bytes]) -> bytes:
    """The program of `parts` for the weights of the bench, as its compiler would have written it."""
    program = bench.job.program
    return seal_program(b"".join(parts), program.weights.tobytes(), program.architecture)


@cocotb.test(**TIMEOUT)
async def a_program_cut_short_or_broken_is_refused(dut: Any) -> None:
    """A window that is too small, bits that flipped after it was written, an opcode that was written wrongly."""
    bench = await ready(dut)
    driver, program = bench.driver, bench.job.program
    area, code = driver.areas[Window.PROGRAM], driver.memory.contents[Window.PROGRAM]
    good = bytes(code)
    for size in (area.size - 1, BLOCK_BYTES - 1):
        await driver.set_window(Window.PROGRAM, Area(area.base, size))
        await expect_error(bench, ErrorCode.LENGTH, 0, 0)
    await driver.set_window(Window.PROGRAM, area)
    offsets, written = program.code_offsets, list(encode_program(program.instructions))
    for number in (0, len(offsets) // 2):
        at, block = offsets[number], offsets[number] // BLOCK_BYTES * BLOCK_BYTES
        code[at] |= 0x0F
        await expect_error(bench, ErrorCode.PROGRAM_CHECKSUM, block, block)
        unknown = bytes([written[number][0] | 0x0F]) + written[number][1:]
        code[:] = resealed(bench, [*written[:number], unknown, *written[number + 1 :]])
        await expect_error(bench, ErrorCode.OPCODE, at, at)
        code[:] = good
    await bench.check_image(1)


@cocotb.test(**TIMEOUT)
async def a_program_of_another_machine_is_refused(dut: Any) -> None:
    """Every word of both headers, changed alone; nothing but fetches is asked of memory."""
    bench = await ready(dut)
    driver = bench.driver
    same = [ErrorCode.FORMAT, ErrorCode.FORMAT, ErrorCode.INSTRUCTION_SET, ErrorCode.ARCHITECTURE, ErrorCode.GENERATOR]
    last = {Window.PROGRAM: ErrorCode.LENGTH, Window.WEIGHTS: ErrorCode.FORMAT}
    for window, of_length in last.items():
        content = driver.memory.contents[window]
        for word, code in enumerate([*same, of_length, ErrorCode.WEIGHTS, ErrorCode.WEIGHTS]):
            content[4 * word + 1] ^= 1
            address = 0 if code == ErrorCode.WEIGHTS else window
            await expect_error(bench, code, address, address)
            content[4 * word + 1] ^= 1
    await bench.check_image(1)


@cocotb.test(**TIMEOUT)
async def weights_that_changed_end_in_an_error(dut: Any) -> None:
    """In the first and the last byte after the header; the run goes to its end, and is not done."""
    bench = await ready(dut)
    weights = bench.driver.memory.contents[Window.WEIGHTS]
    for at in (WEIGHTS_HEADER_BYTES, len(weights) - 1):
        weights[at] ^= 0x10
        await expect_error(bench, ErrorCode.WEIGHTS_CHECKSUM, len(weights), len(weights))
        weights[at] ^= 0x10
    await bench.check_image(1)


@cocotb.test(**TIMEOUT)
async def an_instruction_that_waits_for_ever_is_reported(dut: Any) -> None:
    """A LOAD, then a DRAIN that wait for work that never comes: CORE_HUNG with opcode and layer, no hang."""
    bench = await ready(dut)
    driver, program = bench.driver, bench.job.program
    code = driver.memory.contents[Window.PROGRAM]
    good = bytes(code)
    await driver.write("WATCHDOG", WATCHDOG_CYCLES)
    for opcode in (Opcode.LOAD, Opcode.DRAIN):
        number = next(k for k, i in enumerate(program.instructions) if i.opcode == opcode)
        stuck = replace(
            program.instructions[number], fields=program.instructions[number].fields | {"wait_pool": 1 << 19}
        )
        changed = [*program.instructions[:number], stuck, *program.instructions[number + 1 :]]
        code[:] = resealed(bench, list(encode_program(changed)))
        waiting = stuck["layer"] << OPCODE_BITS | opcode
        await expect_error(bench, ErrorCode.CORE_HUNG, waiting, waiting)
        code[:] = good
        await bench.check_image(1)


@cocotb.test(**TIMEOUT)
async def an_error_response_to_a_read_is_reported(dut: Any) -> None:
    """In each window that is read; a soft reset follows and the next run is right."""
    bench = await ready(dut)
    driver = bench.driver
    bus_bytes = bench.job.program.architecture.bus_bytes
    for window in (Window.PROGRAM, Window.WEIGHTS, Window.INPUT):
        area = driver.areas[window]
        failing = area.base + area.size // 3 // bus_bytes * bus_bytes
        driver.memory.failing_reads = {failing}
        # The address reported is that of the burst.
        await expect_error(bench, ErrorCode.READ_RESPONSE, failing - (BURST_BEATS - 1) * bus_bytes, failing)
        driver.memory.failing_reads = set()
        await driver.soft_reset()
        await bench.check_image(1)


@cocotb.test(**TIMEOUT)
async def an_error_response_to_a_write_is_reported(dut: Any) -> None:
    """The next run is right without a reset in between."""
    bench = await ready(dut)
    driver = bench.driver
    area, bus_bytes = driver.areas[Window.OUTPUT], bench.job.program.architecture.bus_bytes
    for offset in (0, area.size // 2 // bus_bytes * bus_bytes):
        failing = area.base + offset
        driver.memory.failing_writes = {failing}
        await expect_error(bench, ErrorCode.WRITE_RESPONSE, failing - (BURST_BEATS - 1) * bus_bytes, failing)
        driver.memory.failing_writes = set()
        await bench.check_image(1)


@cocotb.test(**TIMEOUT)
async def settings_cannot_change_under_way(dut: Any) -> None:
    """Windows, watchdog and a second start are refused while busy, and the run does not notice."""
    bench = await ready(dut)
    driver = bench.driver
    bench.load_image(0)
    await driver.start()
    for name in ("OUTPUT_BASE_LOW", "OUTPUT_SIZE", "PROGRAM_BASE_HIGH", "WEIGHTS_SIZE", "WATCHDOG", "CONTROL"):
        assert await driver.try_write(name, 1) == AxiResp.SLVERR, name
    await driver.write("LAYER_SELECT", 0)
    await bench.check_run(await driver.finish(bench.job.max_cycles), 0)


@cocotb.test(**TIMEOUT)
async def a_soft_reset_in_the_middle_leaves_nothing_behind(dut: Any) -> None:
    """The run is cut at random places; memory is left in peace and the next run is right."""
    bench = await ready(dut)
    driver, rng = bench.driver, random.Random(bench.job.seed)
    length = (await bench.check_image(0)).counters["CYCLES"]
    for _ in range(RESETS):
        await driver.start()
        await ClockCycles(dut.aclk, rng.randrange(1, length))
        await driver.soft_reset()
        bench.check_bus()
        driver.load()
        await bench.check_image(1)


@cocotb.test(**TIMEOUT)
async def a_hard_reset_in_the_middle_leaves_nothing_behind(dut: Any) -> None:
    """Both sides of both buses are reset at random places; the settings are gone and the next run is right."""
    bench = await ready(dut)
    driver, rng = bench.driver, random.Random(bench.job.seed)
    length = (await bench.check_image(0)).counters["CYCLES"]
    for _ in range(RESETS):
        await driver.start()
        await ClockCycles(dut.aclk, rng.randrange(1, length))
        bench.check_bus()
        await driver.pulse_reset()
        assert await driver.read("PROGRAM_SIZE") == 0
        driver.load()
        await driver.configure()
        await bench.check_image(1)


@cocotb.test(**TIMEOUT)
async def a_run_leaves_nothing_behind(dut: Any) -> None:
    """The same image again takes the same cycles, to the last counter."""
    bench = await ready(dut, pausing=False)
    runs = [await bench.check_image(0), await bench.check_image(1), await bench.check_image(0)]
    assert runs[0].counters == runs[2].counters, f"{runs[0].counters} became {runs[2].counters}"


@cocotb.test(**TIMEOUT)
async def a_memory_that_falls_silent_is_reported(dut: Any) -> None:
    """Each response channel and each request channel stops for ever; when it goes on the next run is right."""
    bench = await ready(dut, pausing=False)
    driver = bench.driver
    length = (await bench.check_image(0)).counters["CYCLES"]
    await driver.write("WATCHDOG", WATCHDOG_CYCLES)
    read, write = driver.slave.read_if, driver.slave.write_if
    for channel in (read.ar_channel, read.r_channel, write.aw_channel, write.w_channel, write.b_channel):
        bench.load_image(0)
        await driver.start()
        await ClockCycles(dut.aclk, length // 3)
        channel.pause = True
        check_error(bench, await driver.finish(bench.job.max_cycles), ErrorCode.BUS_HUNG, 0, 0)
        channel.pause = False
        await ClockCycles(dut.aclk, WATCHDOG_CYCLES)
        await bench.check_image(1)
