"""How much an instruction reaches, from its loops alone: known before anything of that size is made."""

from tcugen.access.pool import output_columns
from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode

MOST_TIMES = 16
"""An instruction that moves each byte once reaches no more than the activation memory has; some slack on top."""


def reach(architecture: Architecture, instruction: Instruction) -> int:
    """Most bytes of the activation memory that an instruction reads or writes; what it reaches twice counts twice."""
    rows = architecture.rows
    match instruction.opcode:
        case Opcode.LOAD | Opcode.STORE:
            return instruction["segments"] * instruction["segment_bytes"]
        case Opcode.COMPUTE:
            columns = min(instruction["row_bytes"], instruction["n_x"] * instruction["n_kx"] * rows)
            return instruction["n_groups"] * _covered(instruction, "y", "height") * columns
        case Opcode.DRAIN:
            steps = (instruction["n_columns"] - 1) * architecture.output_steps + instruction["last_steps"]
            pixels = instruction["n_y"] * instruction["n_x"]
            return steps * pixels * architecture.output_lanes * (4 if instruction["int32"] else 1)
        case Opcode.POOL:
            read = _covered(instruction, "y", "height") * _covered(instruction, "x", "width")
            written = instruction["n_y"] * output_columns(instruction)
            return instruction["n_groups"] * max(read, written) * rows
        case Opcode.WEIGHT | Opcode.END:
            return 0


def _covered(instruction: Instruction, axis: str, extent: str) -> int:
    """Rows or columns under windows, at most those that the input has."""
    outputs, kernel, stride = (instruction[name.format(axis)] for name in ("n_{}", "n_k{}", "stride_{}"))
    return min(instruction[extent], outputs * kernel, (outputs - 1) * stride + kernel)
