"""The instruction set: one table that the decoder, the compiler, the emulator and the reference page are derived from.

An instruction is a part of its own of 32 bytes and a shared part of 32 bytes, little-endian. The own part holds the
header below, then what differs from work item to work item of a layer, from bit `OWN_BIT`; the shared part holds what
these have in common, from bit `SHARED_BIT`. Where the bit `shared` of the header is 0, no shared part follows in the
program: that of the last instruction of the same opcode that brought one holds again. The first COMPUTE, DRAIN and
depthwise POOL of a layer always bring theirs: they hold its integers, and the size of a program follows from its shapes
alone. All addresses inside the activation memory are byte addresses; their arithmetic is modulo 2**24, so a base may
lie before the tensor it reads ("negative" padding rows). R, C and L below are rows, columns and output lanes of the
architecture.

**Order.** The program is fetched in order and issued to one queue per unit (load, store, weight, compute, drain, pool).
Units run side by side. Each unit counts what it has completed since the start: load and store count instructions,
pool counts instructions, compute and drain count tiles (one tile = one column group of one block). An
instruction starts when, for every unit, completed >= its `wait_*` field. `compute` counts a tile when its last
operand has been read, `drain` and `pool` when the last result is in the activation memory, `load` when its last byte
is there, `store` when memory has answered its last write.

**Windows.** Memory is reached through windows whose base and size the host sets; offsets are multiples of the bus
width, and every burst is checked against its window.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

PART_BYTES = 32
"""Of the own part, and of the shared part."""

INSTRUCTION_BYTES = 2 * PART_BYTES
OWN_BIT = 128
SHARED_BIT = 8 * PART_BYTES
ACTIVATION_ADDRESS_BITS = 24
COUNT_BITS = 20
"""Width of the completion counters and of the `wait_*` fields."""


class Window(IntEnum):
    """Address windows of the memory, in the order of their registers. The machine writes OUTPUT and SCRATCH only."""

    PROGRAM = 0
    WEIGHTS = 1
    INPUT = 2
    OUTPUT = 3
    SCRATCH = 4


WRITABLE_WINDOWS = (Window.OUTPUT, Window.SCRATCH)


class Unit(IntEnum):
    """Units whose completed work an instruction can wait for, in the order of the `wait_*` fields."""

    LOAD = 0
    STORE = 1
    COMPUTE = 2
    DRAIN = 3
    POOL = 4


class Opcode(IntEnum):
    """What an instruction does; one unit executes each but END."""

    END = 0
    WEIGHT = 1
    LOAD = 2
    STORE = 3
    COMPUTE = 4
    DRAIN = 5
    POOL = 6


@dataclass(frozen=True)
class Field:
    """One bit field: `bits` wide, two's complement if `signed`.

    Without the architecture's parameter `option` no hardware has the field and programs hold 0 there. It stands after
    all others of its part and is no part of INSTRUCTION_SET: machines with it have another fingerprint.
    """

    name: str
    bits: int
    doc: str
    signed: bool = False
    option: str = ""


_ADDRESS = ACTIVATION_ADDRESS_BITS

HEADER = (
    Field("opcode", 4, "what to do; see the table of opcodes"),
    Field("shared", 1, "a shared part follows in the program"),
    Field("layer", 12, "layer number, for counters and traces"),
    *(Field(f"wait_{unit.name.lower()}", COUNT_BITS, f"{unit.name.lower()} work completed first") for unit in Unit),
)

_TILE_LOOP = (
    Field("n_columns", 12, "column groups (outermost loop)"),
    Field("n_y", 12, "output rows in all"),
    Field("block_rows", 12, "output rows per block; the last block may have fewer"),
    Field("n_x", 12, "output pixels per row; block_rows * n_x <= accumulator depth"),
)

_TRANSFER_OWN = (
    Field("window", 3, "window of the memory side"),
    Field("offset", 32, "byte offset in that window, a multiple of the bus width"),
    Field("activation", _ADDRESS, "activation address, a multiple of min(bus width, R)"),
    Field("segment_bytes", _ADDRESS, "bytes per contiguous segment, a multiple of the bus width, not 0"),
    Field("segments", 12, "number of segments"),
    Field("activation_step", _ADDRESS, "bytes from segment to segment in the activation memory"),
)
_TRANSFER_SHARED = (Field("memory_step", 32, "bytes from segment to segment in memory"),)
_STORE_SHARED = (
    *_TRANSFER_SHARED,
    Field(
        "row_step", _ADDRESS, "bytes of a row, padding included, a multiple of the bus width; segments hold whole rows"
    ),
    Field("row_bytes", _ADDRESS, "bytes of a row that hold pixels; those after them are sent as 0"),
)

OWN_FIELDS: dict[Opcode, tuple[Field, ...]] = {
    Opcode.END: (),
    Opcode.WEIGHT: (
        Field("offset", 32, "byte offset in window WEIGHTS"),
        Field("n_columns", 12, "column groups; each is C * 8 bytes of parameters, then n_tiles weight tiles"),
        Field("n_tiles", 16, "weight tiles (R * C bytes, row after row) per column group; 0 brings a table"),
    ),
    Opcode.LOAD: _TRANSFER_OWN,
    Opcode.STORE: _TRANSFER_OWN,
    Opcode.COMPUTE: (
        Field("base", _ADDRESS, "address of row iy0, offset 0 of the first plane"),
        Field("offset0", _ADDRESS, "offset in the input row of the first tap of the first pixel", signed=True),
        Field("iy0", 16, "input row of the first tap of output row 0", signed=True),
        *_TILE_LOOP,
        Field("n_groups", 12, "input channel groups"),
        Field("accumulate", 1, "add to what the accumulators hold instead of starting from zero"),
        Field("finish", 1, "hand each tile to the output path; if 0 the bank stays with the array"),
        Field("keep", 1, "rewind the weight ring to this instruction's first tile at the end; nothing is freed"),
    ),
    Opcode.DRAIN: (
        Field("out_base", _ADDRESS, "address of the first pixel's word of the first plane"),
        Field("residual_base", _ADDRESS, "the same for the residual operand; row and pixel steps are the output's"),
        *_TILE_LOOP,
        Field("channel0", 5, "byte within the R-byte word at which column group 0 starts"),
        Field("last_steps", 6, "lane steps of the last column group: ceil(channels / L), 1 .. C / L"),
        Field("pad_steps", 6, "lane steps of zeros after the last one of a pixel, in the same word"),
        Field("keep", 1, "rewind the parameter ring to this instruction's first group at the end"),
        Field("table", 1, "each result is replaced by its entry in the table"),
        Field("load_table", 1, "take a table from the parameter ring first: 256 bytes, entry x + 128, in whole groups"),
        Field("multiply", 1, "with residual: multiply sums of -255 .. 255 by the residual operand, add nothing"),
        Field("per_channel", 1, "the residual operand is a single pixel: it has no row and pixel steps"),
    ),
    Opcode.POOL: (
        Field("base", _ADDRESS, "address of the word at input row iy0, column ix0 of the first plane"),
        Field("out_base", _ADDRESS, "address of the first output word"),
        Field("n_groups", 12, "channel groups (outermost loop)"),
        Field("n_y", 12, "output rows"),
        Field("iy0", 16, "input row of the first tap of output row 0", signed=True),
        Field("height", 16, "input rows; taps outside are left out of the maximum"),
        Field("weights", _ADDRESS, "depthwise: address of the weights and parameters", option="depthwise"),
    ),
}

SHARED_FIELDS: dict[Opcode, tuple[Field, ...]] = {
    Opcode.END: (),
    Opcode.WEIGHT: (),
    Opcode.LOAD: _TRANSFER_SHARED,
    Opcode.STORE: _STORE_SHARED,
    Opcode.COMPUTE: (
        Field("column_step", _ADDRESS, "added to base per column group (0 unless the convolution is grouped)"),
        Field("group_step", _ADDRESS, "added per input channel group"),
        Field("ky_step", _ADDRESS, "added per kernel row"),
        Field("y_step", _ADDRESS, "added per output row"),
        Field("kx_step", _ADDRESS, "added to the offset per kernel column (or folded segment)"),
        Field("x_step", _ADDRESS, "added to the offset per output pixel"),
        Field("row_bytes", _ADDRESS, "bytes of an input row; offsets outside 0 .. row_bytes - 1 read as pad"),
        Field("height", 16, "input rows; rows outside 0 .. height - 1 read as pad"),
        Field("stride_y", 4, "input rows per output row"),
        Field("n_ky", 8, "kernel rows"),
        Field("n_kx", 8, "kernel columns, or folded segments of R bytes per kernel row"),
        Field("pad", 8, "padding value (the input's zero point)", signed=True),
    ),
    Opcode.DRAIN: (
        Field("out_plane_step", _ADDRESS, "added per R channels"),
        Field("out_y_step", _ADDRESS, "added per output row"),
        Field("out_x_step", _ADDRESS, "added per output pixel"),
        Field("residual_plane_step", _ADDRESS, "residual operand: added per R channels"),
        Field("byte_step", _ADDRESS, "int32 results: from byte plane to byte plane"),
        Field("zero_point", 8, "z_y of the convolution", signed=True),
        Field("clamp_low", 8, "lo of the convolution", signed=True),
        Field("clamp_high", 8, "hi of the convolution", signed=True),
        Field("add_multiplier", 24, "m of the convolution's result in the residual add"),
        Field("residual_multiplier", 24, "m of the residual operand"),
        Field("add_shift", 6, "s of the residual add"),
        Field("residual_zero_point", 8, "zero point of the residual operand", signed=True),
        Field("add_zero_point", 8, "z_y of the residual add", signed=True),
        Field("add_clamp_low", 8, "lo of the residual add", signed=True),
        Field("add_clamp_high", 8, "hi of the residual add", signed=True),
        Field("residual", 1, "add the residual operand to the requantised, clamped result"),
        Field("int32", 1, "store the 32-bit sums as four byte planes, least significant first, not requantised"),
        Field("unrounded", 1, "add the sum times M in 1/2**16; add_multiplier 0, add_shift 16", option="unrounded_add"),
    ),
    Opcode.POOL: (
        Field("group_step", _ADDRESS, "input bytes per channel group"),
        Field("row_step", _ADDRESS, "input bytes per row"),
        Field("out_group_step", _ADDRESS, "output bytes per channel group"),
        Field("out_row_step", _ADDRESS, "output bytes per row; pixels are R bytes apart on both sides"),
        Field("n_x", 12, "output pixels per row"),
        Field("n_ky", 8, "window rows"),
        Field("n_kx", 8, "window columns (innermost loop)"),
        Field("stride_y", 4, "input rows per output row"),
        Field("stride_x", 4, "input pixels per output pixel"),
        Field("ix0", 16, "input column of the first tap of output column 0", signed=True),
        Field("width", 16, "input columns; taps outside are left out of the maximum"),
        Field("depthwise", 1, "convolve; n_x counts input columns, n_kx and stride_x are 1", option="depthwise"),
        Field("step_x", 4, "depthwise: input columns per output pixel", option="depthwise"),
        Field("pad", 8, "depthwise: value of taps outside (the input's zero point)", signed=True, option="depthwise"),
        Field("zero_point", 8, "depthwise: z_y", signed=True, option="depthwise"),
        Field("clamp_low", 8, "depthwise: lo", signed=True, option="depthwise"),
        Field("clamp_high", 8, "depthwise: hi", signed=True, option="depthwise"),
    ),
}


PER_LAYER = (Opcode.COMPUTE, Opcode.DRAIN)
"""Their shared parts hold integers of a layer and are written anew with each; so does that of a depthwise POOL."""


class EncodingError(ValueError):
    """A field value that its bits cannot hold, or a field name that the opcode does not have."""


@dataclass(frozen=True)
class Placed:
    """A field at its place: bits `offset` .. `offset + field.bits - 1` of the instruction."""

    field: Field
    offset: int


def _place(fields: tuple[Field, ...], start: int) -> dict[str, Placed]:
    placed: dict[str, Placed] = {}
    offset = start
    for field in fields:
        placed[field.name] = Placed(field, offset)
        offset += field.bits
    return placed


def layout(opcode: Opcode) -> dict[str, Placed]:
    """All fields of an opcode, header first, by name."""
    return _place(HEADER, 0) | _place(OWN_FIELDS[opcode], OWN_BIT) | _place(SHARED_FIELDS[opcode], SHARED_BIT)


def hardware_layout(opcode: Opcode, options: frozenset[str]) -> dict[str, Placed]:
    """As `layout`, but only fields of a machine whose optional parameters that are not 0 are `options`."""
    return {name: placed for name, placed in layout(opcode).items() if placed.field.option in options | {""}}


_LAYOUTS = {opcode: layout(opcode) for opcode in Opcode}
assert sum(field.bits for field in HEADER) <= OWN_BIT
for _opcode in Opcode:
    assert len(_LAYOUTS[_opcode]) == len(HEADER) + len(OWN_FIELDS[_opcode]) + len(SHARED_FIELDS[_opcode]), _opcode
    assert sum(field.bits for field in OWN_FIELDS[_opcode]) <= SHARED_BIT - OWN_BIT, _opcode
    assert sum(field.bits for field in SHARED_FIELDS[_opcode]) <= 8 * PART_BYTES, _opcode


def _hash() -> int:
    """32 bits of a hash over all that decides what an instruction means by where its bits are."""
    described = [
        [PART_BYTES, COUNT_BITS, ACTIVATION_ADDRESS_BITS],
        [[member.name, member.value] for group in (Window, Unit, Opcode) for member in group],
        [
            [opcode.name, name, placed.offset, placed.field.bits, placed.field.signed]
            for opcode in Opcode
            for name, placed in hardware_layout(opcode, frozenset()).items()
        ],
    ]
    return int.from_bytes(hashlib.sha256(json.dumps(described).encode()).digest()[:4], "big")


INSTRUCTION_SET = _hash()
"""Identification of this instruction set; register INSTRUCTION_SET reads the same value, and programs hold it."""


@dataclass(frozen=True)
class Instruction:
    """One decoded instruction, whole.

    `fields` holds the fields of the opcode except `opcode` and `shared`, which say how it is written; absent ones: 0.
    """

    opcode: Opcode
    fields: dict[str, int]

    def __post_init__(self):
        known = _LAYOUTS[self.opcode]
        for name, value in self.fields.items():
            if name not in known or name in _WRITTEN:
                raise EncodingError(f"{self.opcode.name} has no field {name!r}; it has {', '.join(known)}")
            field = known[name].field
            low = -(1 << field.bits - 1) if field.signed else 0
            high = low + (1 << field.bits) - 1
            if not low <= value <= high:
                raise EncodingError(f"{self.opcode.name}.{name} = {value} does not fit its range {low} .. {high}")

    def __getitem__(self, name: str) -> int:
        if name not in _LAYOUTS[self.opcode]:
            raise KeyError(name)
        written = {"opcode": int(self.opcode), "shared": int(bool(SHARED_FIELDS[self.opcode]))}
        return written[name] if name in written else self.fields.get(name, 0)

    def encode(self) -> bytes:
        """Both parts, INSTRUCTION_BYTES in all, whether the opcode has a shared one or not: what the units receive."""
        word = 0
        for name, placed in _LAYOUTS[self.opcode].items():
            word |= (self[name] & ((1 << placed.field.bits) - 1)) << placed.offset
        return word.to_bytes(INSTRUCTION_BYTES, "little")

    @classmethod
    def decode(cls, data: bytes) -> "Instruction":
        """Inverse of `encode`. Raises EncodingError on an unknown opcode or a wrong length."""
        if len(data) != INSTRUCTION_BYTES:
            raise EncodingError(f"an instruction is {INSTRUCTION_BYTES} bytes, not {len(data)}")
        word = int.from_bytes(data, "little")
        opcode = _opcode_of(word)
        fields: dict[str, int] = {}
        for name, placed in _LAYOUTS[opcode].items():
            value = word >> placed.offset & ((1 << placed.field.bits) - 1)
            if placed.field.signed and value >> placed.field.bits - 1:
                value -= 1 << placed.field.bits
            if name not in _WRITTEN:
                fields[name] = value
        return cls(opcode, fields)


def layer_of_shared(instruction: Instruction) -> int:
    """Number of the layer whose integers the shared part holds, which is written anew with each; 0 if it holds none."""
    get = instruction.fields.get
    return get("layer", 0) if instruction.opcode in PER_LAYER or get("depthwise", 0) else 0


def encode_program(instructions: Iterable[Instruction]) -> tuple[bytes, ...]:
    """The instructions as they are written in a program.

    The shared part is there only where it differs from the opcode's last one; where it holds integers of a layer also
    where that one was of another layer.
    """
    written: list[bytes] = []
    last: dict[Opcode, tuple[bytes, int]] = {}
    for instruction in instructions:
        data = instruction.encode()
        own, shared = data[:PART_BYTES], data[PART_BYTES:]
        if not SHARED_FIELDS[instruction.opcode]:
            written.append(own)
            continue
        key = shared, layer_of_shared(instruction)
        again = last.get(instruction.opcode) == key
        last[instruction.opcode] = key
        written.append(bytes([own[0] & ~_SHARED_MASK, *own[1:]]) if again else data)
    return tuple(written)


def decode_program(code: bytes) -> tuple[Instruction, ...]:
    """Inverse of `encode_program`, joined; nothing is read after END.

    Raises:
        EncodingError: If an opcode is unknown, a shared part is missing, or the code ends before END.
    """
    instructions: list[Instruction] = []
    shared_parts: dict[Opcode, bytes] = {}
    at = 0
    while not (instructions and instructions[-1].opcode == Opcode.END):
        if at >= len(code):
            raise EncodingError(f"the code of {len(code)} bytes ends before END")
        own = code[at : at + PART_BYTES]
        opcode = _opcode_of(own[0])
        start, at = at, at + PART_BYTES
        if own[0] & _SHARED_MASK:
            shared_parts[opcode] = code[at : at + PART_BYTES]
            at += PART_BYTES
        shared = shared_parts.get(opcode, None if SHARED_FIELDS[opcode] else bytes(PART_BYTES))
        if shared is None or len(own) + len(shared) != INSTRUCTION_BYTES:
            raise EncodingError(f"the {opcode.name} at byte {start} has no whole shared part, and none came before it")
        instructions.append(Instruction.decode(own + shared))
    return tuple(instructions)


_WRITTEN = ("opcode", "shared")
_SHARED_MASK = 1 << _LAYOUTS[Opcode.END]["shared"].offset


def _opcode_of(word: int) -> Opcode:
    code = word & 15
    if code not in list(Opcode):
        raise EncodingError(f"opcode {code} is not one of {', '.join(f'{o.value} {o.name}' for o in Opcode)}")
    return Opcode(code)
