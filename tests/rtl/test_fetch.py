import random

import pytest
from amaranth.back import verilog

from tcugen.arch import Architecture
from tcugen.isa import INSTRUCTION_BYTES, PART_BYTES, Instruction, Opcode, Window, encode_program, layout
from tcugen.program_format import (
    BLOCK_BYTES,
    BLOCK_PARTS,
    WEIGHTS_HEADER_BYTES,
    part_offset,
    seal_program,
    seal_weights,
)
from tcugen.registers import ErrorCode
from tcugen.rtl.fetch import BUFFER_BYTES, BURST_BYTES, Fetch
from tests.rtl.streams import run as simulate


def make_program(generator: random.Random, length: int) -> list[Instruction]:
    """`length` instructions, some of which use the shared part of an earlier one, END last."""
    shared = {
        Opcode.COMPUTE: "row_bytes",
        Opcode.DRAIN: "out_y_step",
        Opcode.POOL: "row_step",
        Opcode.WEIGHT: "offset",
    }
    program = []
    for _ in range(length - 1):
        opcode = generator.choice(list(shared))
        fields = {"layer": generator.getrandbits(12), "wait_load": generator.getrandbits(20)}
        program.append(Instruction(opcode, fields | {shared[opcode]: generator.randrange(2)}))
    return [*program, Instruction(Opcode.END, {})]


def in_memory(program: list[Instruction], architecture: Architecture | None = None) -> bytes:
    return sealed(b"".join(encode_program(program)), architecture)


def sealed(parts: bytes, architecture: Architecture | None = None) -> bytes:
    """What stands in window PROGRAM, for weights that are their header alone."""
    architecture = architecture or Architecture()
    return seal_program(parts, seal_weights(bytes(WEIGHTS_HEADER_BYTES), architecture), architecture)


def offset_of(parts: list[bytes], number: int) -> int:
    """Of instruction `number` in a sealed program."""
    return part_offset(sum(map(len, parts[:number])) // PART_BYTES)


def run(
    architecture: Architecture,
    image: bytes,
    window_bytes: int,
    *,
    seed: int = 1,
    request_ready: float = 1.0,
    beat_rate: float = 1.0,
    ready: float = 1.0,
    latency: int = 20,
    limit: int = 20_000,
) -> dict:
    """Fetch from `image` until nothing is outstanding, or an error is shown and all beats have arrived.

    Every block is verified some cycles after its last beat.
    """
    generator = random.Random(seed)
    dut = Fetch(architecture)
    size = architecture.bus_bytes
    result = {"instructions": [], "requests": [], "delivery_cycles": [], "error": None}
    own_bytes = int.from_bytes(image[20:24], "little")

    async def bench(ctx):
        due = []  # (earliest cycle, beat)
        buffered = 0  # bytes requested that are in no block before that of the instruction that left last
        arrived, verdicts, verified, parts_left = -WEIGHTS_HEADER_BYTES, [], 0, 0
        held, ended_at = None, None
        ctx.set(dut.window_bytes, window_bytes)
        ctx.set(dut.program_bytes, own_bytes)
        for cycle in range(limit):
            beat = None
            if due and due[0][0] <= cycle and generator.random() < beat_rate:
                beat = due.pop(0)[1]
            if beat is not None:
                arrived += size
                if arrived > 0 and arrived % BLOCK_BYTES == 0:
                    verdicts.append(cycle + generator.randint(1, 5))
            good = bool(verdicts) and verdicts[0] <= cycle
            if good:
                verdicts.pop(0)
                verified += 1
            ctx.set(dut.verified, good)
            ctx.set(dut.start, cycle == 2)
            ctx.set(dut.request.ready, generator.random() < request_ready)
            ctx.set(dut.o.ready, generator.random() < ready)
            ctx.set(dut.beat_valid, beat is not None)
            data = generator.randbytes(size) if beat is None else beat
            ctx.set(dut.beat_data, int.from_bytes(data, "little"))
            _, _, request_valid, request_taken, request, valid, out_ready, word, error, busy = await ctx.tick().sample(
                dut.request.valid, dut.request.ready, dut.request.payload, dut.o.valid, dut.o.ready, dut.o.payload,
                dut.error, dut.busy,
            )  # fmt: skip
            assert busy or (not due and beat is None), "beats are on their way"
            if ended_at is not None and request_valid and cycle > ended_at:
                assert held is not None, "no new request after END"
            if valid and ended_at is None and word & 15 == Opcode.END:
                ended_at = cycle
            if held is not None:
                assert request_valid and (request.offset, request.beats) == held, "changed before it was taken"
            held = (request.offset, request.beats) if request_valid and not request_taken else None
            if request_valid and request_taken and not result.setdefault("header", False):
                result["header"] = True
                assert request.window == Window.WEIGHTS and request.offset == 0
                assert request.beats * size == WEIGHTS_HEADER_BYTES
                due += [(cycle + 1 + latency, b"\xee" * size)] * request.beats
            elif request_valid and request_taken:
                assert request.window == Window.PROGRAM and 1 <= request.beats <= 32
                assert request.beats * size <= BURST_BYTES
                assert request.offset + request.beats * size <= window_bytes
                assert request.offset // BURST_BYTES == (request.offset + request.beats * size - 1) // BURST_BYTES
                result["requests"].append((request.offset, request.beats))
                buffered += request.beats * size
                earliest = cycle + 1 + latency
                for k in range(request.beats):
                    at = request.offset + k * size
                    due.append((earliest, image[at : at + size].ljust(size, b"\xee")))
            if valid and out_ready:
                assert result["error"] is None
                instruction = Instruction.decode(word.to_bytes(INSTRUCTION_BYTES, "little"))
                result["instructions"].append(instruction)
                result["delivery_cycles"].append(cycle)
                has_shared_part = word >> layout(Opcode.END)["shared"].offset & 1
                parts_left += 1 + has_shared_part
                last = part_offset(parts_left - 1)
                assert last // BLOCK_BYTES < verified, "of a block that is not verified"
            # Own and shared part in registers, a beat that is being cut, and framing, beside the buffer.
            left = part_offset(parts_left - 1) + PART_BYTES if parts_left else 0
            assert buffered - left <= BUFFER_BYTES + 4 * PART_BYTES + size
            if error.valid:
                result["error"] = (int(error.code), error.address)
            if cycle > 4 and not due and (not busy or error.valid):
                if not result.setdefault("cycles", None):
                    result["cycles"] = cycle
                if cycle > result["cycles"] + 50:  # nothing may follow
                    return
        raise AssertionError(f"not done after {limit} cycles: {result}")

    simulate(dut, bench)
    return result


@pytest.mark.parametrize("bus_bytes", [4, 8, 16, 32, 64])
@pytest.mark.parametrize("length", [1, 2, 4, 36, 37])
@pytest.mark.parametrize("slow", [False, True])
def test_delivers_the_program_in_order(bus_bytes, length, slow):
    generator = random.Random(length)
    program = make_program(generator, length)
    code = in_memory(program)
    image = code + generator.randbytes(6400)
    rates = {"request_ready": 0.3, "beat_rate": 0.5, "ready": 0.1, "latency": 7} if slow else {}
    result = run(Architecture(bus_bytes=bus_bytes), image, len(image), seed=length, **rates)
    assert result["instructions"] == whole(program)
    assert result["error"] is None
    read = sum(beats for _, beats in result["requests"]) * bus_bytes
    assert read <= len(code) + BUFFER_BYTES + BURST_BYTES


def whole(program: list[Instruction]) -> list[Instruction]:
    """The same with every field named."""
    return [Instruction.decode(instruction.encode()) for instruction in program]


@pytest.mark.parametrize("bus_bytes", [4, 8, 64])
def test_a_program_that_fills_its_window_is_read_exactly_once(bus_bytes):
    program = make_program(random.Random(3), 21)
    code = in_memory(program)
    result = run(Architecture(bus_bytes=bus_bytes), code, len(code) + BLOCK_BYTES - 1)
    assert result["instructions"] == whole(program) and result["error"] is None
    offset = 0
    for at, beats in result["requests"]:
        assert at == offset
        offset += beats * bus_bytes
    assert offset == len(code)


@pytest.mark.parametrize("bus_bytes", [4, 8, 64])
@pytest.mark.parametrize("blocks", [1, 2, 4])
@pytest.mark.parametrize("ready", [1.0, 0.2])
def test_a_program_without_end_is_an_error_behind_its_last_instruction(bus_bytes, blocks, ready):
    program = [Instruction(Opcode.WEIGHT, {"layer": k % 7}) for k in range(blocks * (BLOCK_PARTS - 1) - 1)]
    code = in_memory(program)
    assert len(code) == blocks * BLOCK_BYTES
    more = code + random.Random(1).randbytes(BLOCK_BYTES)  # in the window, not in the program
    result = run(Architecture(bus_bytes=bus_bytes), more, len(more), ready=ready)
    assert result["instructions"] == whole(program)
    assert result["error"] == (ErrorCode.OPCODE, len(code))


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1])
def test_a_window_without_a_whole_block_is_an_error(size):
    result = run(Architecture(), bytes(BLOCK_BYTES), size)
    assert result["instructions"] == [] and result["requests"] == []
    assert result["error"] == (ErrorCode.LENGTH, 0)


@pytest.mark.parametrize("ready", [1.0, 0.2])
def test_a_body_behind_the_program_is_an_error_at_its_head(ready):
    program = [Instruction(Opcode.WEIGHT, {"layer": 3})] * (BLOCK_PARTS - 3) + [Instruction(Opcode.COMPUTE, {"pad": 1})]
    code = sealed(b"".join(encode_program(program))[:-PART_BYTES])
    result = run(Architecture(), code, len(code), ready=ready)
    assert result["instructions"] == whole(program[:-1])
    assert result["error"] == (ErrorCode.OPCODE, BLOCK_BYTES - 2 * PART_BYTES)


@pytest.mark.parametrize("bus_bytes", [4, 64])
@pytest.mark.parametrize("ready", [1.0, 0.2])
def test_an_instruction_whose_body_never_came_is_an_error_at_its_offset(bus_bytes, ready):
    program = [Instruction(Opcode.DRAIN, {"layer": 1}), Instruction(Opcode.POOL, {"layer": 2})]
    without_body = encode_program([program[1], program[1]])[1]
    parts = [*encode_program(program[:1]), without_body, *encode_program([Instruction(Opcode.END, {})])]
    code = sealed(b"".join(parts))
    result = run(Architecture(bus_bytes=bus_bytes), code, len(code), ready=ready)
    assert result["instructions"] == whole(program[:1])
    assert result["error"] == (ErrorCode.OPCODE, offset_of(parts, 1))


@pytest.mark.parametrize("code", range(7, 16))
@pytest.mark.parametrize("position", [0, 9])
def test_an_unknown_opcode_is_an_error_at_its_offset(code, position):
    program = make_program(random.Random(9), 20)
    parts = list(encode_program(program))
    parts[position] = bytes([parts[position][0] & 0xF0 | code]) + parts[position][1:]
    image = sealed(b"".join(parts))
    result = run(Architecture(), image, len(image))
    assert result["instructions"] == whole(program[:position])
    assert result["error"] == (ErrorCode.OPCODE, offset_of(parts, position))


@pytest.mark.parametrize("bus_bytes", [4, 8, 16, 32, 64])
def test_one_beat_per_cycle_up_to_one_part(bus_bytes):
    program = make_program(random.Random(5), 60)
    code = in_memory(program)
    result = run(Architecture(bus_bytes=bus_bytes), code, len(code), latency=1)
    span = result["delivery_cycles"][-1] - result["delivery_cycles"][3]
    # An instruction takes two cycles, also one that is a head alone.
    assert span <= (1.3 if bus_bytes < PART_BYTES else 1.7) * len(code) / min(bus_bytes, PART_BYTES), span


def test_converts_to_verilog():
    text = verilog.convert(Fetch(Architecture()), name="tcu_fetch")
    assert "module tcu_fetch(" in text
    assert "output request__valid" in text.replace("wire ", "") and "beat_data" in text
