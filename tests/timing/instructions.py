"""Short instructions, written by hand."""

from tcugen.isa import Instruction, Opcode

BEAT = 8


def make(opcode: Opcode, **fields: int) -> Instruction:
    return Instruction(opcode, fields)


def load(beats: int, segments: int = 1, **fields: int) -> Instruction:
    """A LOAD of `segments` segments of `beats` beats, which lie one after the other."""
    size = BEAT * beats
    return make(Opcode.LOAD, window=2, segment_bytes=size, segments=segments, memory_step=size, **fields)


def store(beats: int, segments: int = 1, **fields: int) -> Instruction:
    size = BEAT * beats
    return make(Opcode.STORE, window=3, segment_bytes=size, segments=segments, memory_step=size, **fields)


def weight(columns: int, tiles: int, **fields: int) -> Instruction:
    return make(Opcode.WEIGHT, n_columns=columns, n_tiles=tiles, **fields)


def convolution(columns: int, rows: int, width: int, tiles: int, block_rows: int, **fields: int) -> list[Instruction]:
    """WEIGHT, COMPUTE and DRAIN of a 1x1 convolution with `tiles` groups of input channels."""
    loop = {"n_columns": columns, "n_y": rows, "block_rows": block_rows, "n_x": width}
    return [
        weight(columns, tiles),
        make(
            Opcode.COMPUTE,
            **loop,
            n_groups=tiles,
            n_ky=1,
            n_kx=1,
            finish=1,
            x_step=16,
            y_step=16 * width,
            row_bytes=16 * width,
            height=rows,
            **fields,
        ),
        make(
            Opcode.DRAIN, **loop, last_steps=4, out_x_step=16, out_y_step=16 * width, out_plane_step=16 * width * rows
        ),
    ]


END = make(Opcode.END)
