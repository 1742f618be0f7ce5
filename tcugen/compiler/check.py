"""Static check of a finished program, from its instructions alone."""

from tcugen.access.extent import MOST_TIMES, reach
from tcugen.arch import DEPTHWISE_COLUMNS, DEPTHWISE_ROWS, Architecture
from tcugen.compiler.deadlock import Execution
from tcugen.compiler.hazards import Hazards
from tcugen.isa import WRITABLE_WINDOWS, Instruction, Opcode, Window
from tcugen.mapping.errors import CompileError
from tcugen.program import Program
from tcugen.program_format import WEIGHTS_HEADER_BYTES, streamed_bytes

_LOOPS = {
    Opcode.WEIGHT: ("n_columns",),
    Opcode.LOAD: ("segments", "segment_bytes"),
    Opcode.STORE: ("segments", "segment_bytes", "row_step"),
    Opcode.COMPUTE: ("n_columns", "n_y", "block_rows", "n_x", "n_groups", "n_ky", "n_kx", "stride_y"),
    Opcode.DRAIN: ("n_columns", "n_y", "block_rows", "n_x", "last_steps"),
    Opcode.POOL: ("n_groups", "n_y", "n_x", "n_ky", "n_kx", "stride_y", "stride_x"),
    Opcode.END: (),
}


def weights_end(instruction: Instruction, architecture: Architecture) -> int:
    """Offset in window WEIGHTS after the last byte that a WEIGHT reads."""
    column = architecture.parameter_group_bytes + instruction["n_tiles"] * architecture.tile_bytes
    return instruction["offset"] + instruction["n_columns"] * column


def padded_byte(instruction: Instruction, architecture: Architecture) -> int:
    """Byte within its word after the padding of the last column group of a DRAIN."""
    lanes = architecture.output_lanes
    channel = instruction["channel0"] + (instruction["n_columns"] - 1) * architecture.columns
    last = (channel + (instruction["last_steps"] - 1) * lanes) % architecture.rows
    return last + (1 + instruction["pad_steps"]) * lanes


def _rules(
    instruction: Instruction, architecture: Architecture, windows: dict[int, int], n_layers: int
) -> list[tuple[bool, str]]:
    """(holds, rule) of one instruction's fields."""
    rules = [
        (instruction[name] >= 1, f"{name} is 0, but loops run at least once") for name in _LOOPS[instruction.opcode]
    ]
    bus = architecture.bus_bytes
    rules.append((instruction["layer"] < n_layers, f"layer {instruction['layer']} is not one of {n_layers}"))
    reached, most = reach(architecture, instruction), MOST_TIMES * architecture.activation_bytes
    rules.append((reached <= most, f"reaches {reached:,} bytes of a memory that has {architecture.activation_bytes:,}"))
    if instruction.opcode == Opcode.WEIGHT:
        end = weights_end(instruction, architecture)
        rules += [
            (instruction["offset"] % bus == 0, f"offset {instruction['offset']} is not a multiple of {bus}"),
            (instruction["n_tiles"] >= 1 or architecture.tables == 1, "n_tiles is 0, but this machine has no tables"),
            (end <= windows[Window.WEIGHTS], f"reads up to {end} in a window of {windows[Window.WEIGHTS]} bytes"),
        ]
    if instruction.opcode in (Opcode.LOAD, Opcode.STORE):
        window, alignment = instruction["window"], min(bus, architecture.rows)
        end = instruction["offset"] + (instruction["segments"] - 1) * instruction["memory_step"]
        end += instruction["segment_bytes"]
        loads = (Window.INPUT, *WRITABLE_WINDOWS)  # an output may be read again
        loads += (Window.WEIGHTS,) if architecture.depthwise else ()
        allowed = WRITABLE_WINDOWS if instruction.opcode == Opcode.STORE else loads
        rules += [
            (window in allowed, f"uses window {window}"),
            (end <= windows.get(window, 0), f"reaches byte {end} of a window of {windows.get(window, 0)} bytes"),
            *(
                (instruction[name] % unit == 0, f"{name} {instruction[name]} is not a multiple of {unit}")
                for name, unit in (
                    ("offset", bus), ("segment_bytes", bus), ("memory_step", bus),
                    ("activation", alignment), ("activation_step", alignment),
                )
            ),
        ]  # fmt: skip
    if instruction.opcode == Opcode.STORE:
        row, segment = max(1, instruction["row_step"]), instruction["segment_bytes"]
        rules += [
            (row % bus == 0, f"row_step {row} is not a multiple of {bus}"),
            (segment % row == 0, f"segment_bytes {segment} is not a multiple of row_step {row}"),
        ]
    if instruction.opcode in (Opcode.COMPUTE, Opcode.DRAIN):
        pixels = min(instruction["block_rows"], instruction["n_y"]) * instruction["n_x"]
        rules.append(
            (
                pixels <= architecture.accumulator_depth,
                f"blocks of {pixels} pixels exceed {architecture.accumulator_depth}",
            )
        )
    if instruction.opcode == Opcode.COMPUTE:
        n_tiles = instruction["n_groups"] * instruction["n_ky"] * instruction["n_kx"]
        held = n_tiles * (instruction["n_columns"] if instruction["keep"] else 1)
        rereads = instruction["keep"] or instruction["block_rows"] < instruction["n_y"]
        several = instruction["n_columns"] > 1 or instruction["block_rows"] < instruction["n_y"]
        rules += [
            (
                not rereads or held <= architecture.weight_tiles,
                f"{held} tiles exceed a ring of {architecture.weight_tiles}",
            ),
            (instruction["finish"] == 1 or not several, "several tiles cannot stay with the array"),
        ]
    if instruction.opcode == Opcode.DRAIN:
        steps, groups = instruction["last_steps"], instruction["n_columns"] if instruction["keep"] else 1
        last_byte = padded_byte(instruction, architecture)
        rules += [
            (
                architecture.tables == 1 or not (instruction["table"] or instruction["load_table"]),
                "uses a table, but this machine has none",
            ),
            (
                not instruction["multiply"] or (architecture.multiply == 1 and instruction["residual"] == 1),
                "multiplies by a residual operand, but there is none or this machine cannot",
            ),
            (
                not instruction["per_channel"] or architecture.per_channel == 1,
                "reads one value per channel, but this machine cannot",
            ),
            (
                not instruction["unrounded"]
                or (architecture.unrounded_add == 1 and instruction["residual"] == 1 and instruction["multiply"] == 0),
                "adds to sums that are not rounded, but there is no operand or this machine cannot",
            ),
            (steps <= architecture.output_steps, f"last_steps {steps} exceeds {architecture.output_steps}"),
            (last_byte <= architecture.rows, f"pads up to byte {last_byte} in words of {architecture.rows} bytes"),
            (
                groups <= architecture.parameter_groups,
                f"{groups} parameter groups exceed a ring of {architecture.parameter_groups}",
            ),
        ]
    if instruction.opcode == Opcode.POOL and instruction["depthwise"]:
        word, columns = architecture.rows, instruction["n_x"] - DEPTHWISE_COLUMNS
        rules += [
            (architecture.depthwise >= 1, "is a depthwise convolution, but this machine has none"),
            (instruction["n_kx"] == instruction["stride_x"] == 1, "walks over other columns than one after the other"),
            (instruction["n_ky"] <= DEPTHWISE_ROWS, f"n_ky {instruction['n_ky']} exceeds {DEPTHWISE_ROWS}"),
            (instruction["step_x"] >= 1, "step_x is 0"),
            (
                columns >= 0 and columns % max(1, instruction["step_x"]) == 0,
                f"n_x {instruction['n_x']} is not {DEPTHWISE_COLUMNS} and a multiple of step_x",
            ),
            (instruction["weights"] % word == 0, f"weights {instruction['weights']} is not a multiple of {word}"),
        ]
    return rules


def _check_weight_order(program: Program) -> None:
    """The machine sums up the weights as they are first read: from the header on, without gaps, to the end of those
    that are streamed. Those after them are loaded, in order too."""
    end, streamed = WEIGHTS_HEADER_BYTES, streamed_bytes(program.weights.tobytes(), program.architecture)
    loaded = streamed
    for index, instruction in enumerate(program.instructions):
        if instruction.opcode == Opcode.WEIGHT:
            first, last = instruction["offset"], weights_end(instruction, program.architecture)
            if first != end and not WEIGHTS_HEADER_BYTES <= first < last <= end:
                raise CompileError(
                    f"instruction {index} (WEIGHT, layer {instruction['layer']}): reads bytes {first} to {last} when "
                    f"those up to {end} were read, but weights are first read in order; this is a fault of the compiler"
                )
            end = max(end, last)
        elif instruction.opcode == Opcode.LOAD and instruction["window"] == Window.WEIGHTS:
            first = instruction["offset"]
            if first != loaded or instruction["segments"] != 1:
                raise CompileError(
                    f"instruction {index} (LOAD, layer {instruction['layer']}): loads weights from byte {first} "
                    f"when those up to {loaded} were loaded, but this is done in order; this is a fault of the compiler"
                )
            loaded += instruction["segment_bytes"]
    if unread := program.weights.size - loaded + streamed - end:
        raise CompileError(f"program: {unread} bytes of weights are not read; this is a fault of the compiler")


def check_program(program: Program) -> None:
    """Check that a program keeps the rules of the instruction set on its architecture.

    Checked: field values and their relations, windows and memory in bounds, every byte that reaches a result is written
    before it is read, on chip and in memory, all weights are read, at first in order, every output is stored, no byte
    of memory is stored twice, every pair of conflicting accesses is ordered by waits, rings and banks hold what is kept
    in them, and the program ends however slowly memory answers.

    Raises:
        CompileError: At the first rule broken; names the instruction and the rule.
    """
    instructions = program.instructions
    if not instructions or any((i.opcode == Opcode.END) != (i is instructions[-1]) for i in instructions):
        raise CompileError(f"program of {len(instructions)} instructions: END must be the last and only the last")
    windows: dict[int, int] = {
        Window.WEIGHTS: program.weights.size,
        Window.INPUT: program.input_bytes,
        Window.OUTPUT: program.output_bytes,
        Window.SCRATCH: program.scratch_bytes,
    }
    for index, instruction in enumerate(instructions):
        for holds, rule in _rules(instruction, program.architecture, windows, len(program.layers)):
            if not holds:
                raise CompileError(
                    f"instruction {index} ({instruction.opcode.name}, layer {instruction['layer']}): {rule}; "
                    "this is a fault of the compiler"
                )
    written = {index for index, i in enumerate(instructions) if i.opcode in (Opcode.DRAIN, Opcode.POOL)}
    if {observation.instruction for observation in program.observations} != written:
        raise CompileError("program: every DRAIN and POOL needs one observation; this is a fault of the compiler")
    _check_weight_order(program)
    Hazards(program).run()
    Execution(instructions, program.architecture).run()
