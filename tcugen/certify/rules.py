"""What the instruction set asks of the fields of one instruction, see docs/instruction-set.md."""

from tcugen.arch import DEPTHWISE_ROWS, FRACTION_BITS, Architecture
from tcugen.certify.errors import NotCertified
from tcugen.isa import Instruction, Opcode

_AT_LEAST_ONE = {
    Opcode.END: (),
    Opcode.WEIGHT: ("n_columns",),
    Opcode.LOAD: ("segments", "segment_bytes"),
    Opcode.STORE: ("segments", "segment_bytes", "row_step"),
    Opcode.COMPUTE: ("n_columns", "n_y", "block_rows", "n_x", "n_groups", "n_ky", "n_kx", "stride_y"),
    Opcode.DRAIN: ("n_columns", "n_y", "block_rows", "n_x", "last_steps"),
    Opcode.POOL: ("n_groups", "n_y", "n_x", "n_ky", "n_kx", "stride_y", "stride_x"),
}


def blocks(instruction: Instruction) -> list[tuple[int, int]]:
    """First row and number of rows of each block of a COMPUTE or DRAIN."""
    rows, total = instruction["block_rows"], instruction["n_y"]
    return [(y, min(rows, total - y)) for y in range(0, total, rows)]


def passes(instruction: Instruction) -> int:
    """Weight tiles of one column group of a COMPUTE."""
    return instruction["n_groups"] * instruction["n_ky"] * instruction["n_kx"]


def check_fields(instruction: Instruction, architecture: Architecture) -> None:
    """Raises NotCertified if a field breaks a rule that concerns this instruction alone."""
    for name in _AT_LEAST_ONE[instruction.opcode]:
        _require(instruction[name] >= 1, f"{name} is 0")
    if instruction.opcode in (Opcode.COMPUTE, Opcode.DRAIN):
        pixels = min(instruction["block_rows"], instruction["n_y"]) * instruction["n_x"]
        depth = architecture.accumulator_depth
        _require(pixels <= depth, f"a block has {pixels} pixels, and an accumulator bank holds {depth}")
    if instruction.opcode == Opcode.WEIGHT:
        _require(instruction["offset"] % architecture.bus_bytes == 0, "offset is not a multiple of the bus width")
        _require(instruction["n_tiles"] >= 1 or architecture.tables == 1, "brings a table to a machine without tables")
    if instruction.opcode == Opcode.COMPUTE:
        _check_compute(instruction, architecture)
    if instruction.opcode == Opcode.POOL and instruction["depthwise"]:
        _check_depthwise(instruction, architecture)
    if instruction.opcode == Opcode.DRAIN:
        _check_drain(instruction, architecture)


def _check_compute(one: Instruction, architecture: Architecture) -> None:
    several = one["n_columns"] > 1 or one["block_rows"] < one["n_y"]
    _require(not several or (one["finish"] == 1 and one["accumulate"] == 0), "several tiles stay with the array")
    held = passes(one) * (one["n_columns"] if one["keep"] else 1)
    again = one["keep"] == 1 or one["block_rows"] < one["n_y"]
    _require(
        not again or held <= architecture.weight_tiles,
        f"{held} tiles are read again, and the ring holds {architecture.weight_tiles}",
    )


def _check_depthwise(one: Instruction, architecture: Architecture) -> None:
    _require(architecture.depthwise > 0, "depthwise is set, and this machine does not have it")
    _require(one["n_ky"] <= DEPTHWISE_ROWS, f"n_ky is more than {DEPTHWISE_ROWS}")
    _require(one["weights"] % architecture.rows == 0, f"weights is no multiple of {architecture.rows}")


def _check_drain(one: Instruction, architecture: Architecture) -> None:
    lanes, word = architecture.output_lanes, architecture.rows
    _require(one["last_steps"] <= architecture.output_steps, "last_steps is more than a column group has")
    _require(one["channel0"] % lanes == 0 and one["channel0"] < word, "channel0 is no lane step of a word")
    last = one["channel0"] + (one["n_columns"] - 1) * architecture.columns + (one["last_steps"] - 1) * lanes
    _require(last % word + (1 + one["pad_steps"]) * lanes <= word, "padding does not end within its word")
    _require(not (one["int32"] and (one["residual"] or one["table"])), "32-bit sums are stored as they are")
    for name, there in (("table", architecture.tables), ("load_table", architecture.tables),
                        ("multiply", architecture.multiply), ("per_channel", architecture.per_channel),
                        ("unrounded", architecture.unrounded_add)):  # fmt: skip
        _require(not one[name] or there == 1, f"{name} is set, and this machine does not have it")
    for name in ("multiply", "per_channel", "unrounded"):
        _require(not one[name] or one["residual"] == 1, f"{name} is set without a residual operand")
    fixed = one["multiply"] == one["add_multiplier"] == 0 and one["add_shift"] == FRACTION_BITS
    _require(not one["unrounded"] or fixed, "unrounded is set with a product, another multiplier or another shift")
    _require(not one["residual"] or one["add_shift"] <= _MOST_SHIFT, f"add_shift is more than {_MOST_SHIFT}")
    groups = one["n_columns"] if one["keep"] else 1
    _require(groups <= architecture.parameter_groups, f"{groups} parameter groups are kept, more than the ring holds")


_MOST_SHIFT = 62


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotCertified(otherwise)
