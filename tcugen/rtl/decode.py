"""The decoder: slices of an instruction word, taken from the table of the instruction set.

The classes name the fields of the table once more, so that a misspelt one is found before the hardware is made.
`header` and `fields` refuse to run if the two differ.
"""

from dataclasses import dataclass
from typing import Literal, overload

from amaranth.hdl import Format, Signal, Value, ValueLike

from tcugen.isa import HEADER, INSTRUCTION_BYTES, PART_BYTES, Opcode, layout

INSTRUCTION_BITS = 8 * INSTRUCTION_BYTES
PART_BITS = 8 * PART_BYTES
OPCODE_BITS = HEADER[0].bits


@dataclass(frozen=True)
class Header:
    """The header, the same in every instruction."""

    opcode: Value
    shared: Value
    layer: Value
    wait_load: Value
    wait_store: Value
    wait_compute: Value
    wait_drain: Value
    wait_pool: Value


@dataclass(frozen=True)
class WeightFields:
    """Fields of WEIGHT."""

    offset: Value
    n_columns: Value
    n_tiles: Value


@dataclass(frozen=True)
class LoadFields:
    """Fields of LOAD."""

    window: Value
    offset: Value
    activation: Value
    segment_bytes: Value
    segments: Value
    activation_step: Value
    memory_step: Value


@dataclass(frozen=True)
class StoreFields(LoadFields):
    """Fields of STORE."""

    row_step: Value
    row_bytes: Value


@dataclass(frozen=True)
class ComputeFields:
    """Fields of COMPUTE."""

    base: Value
    offset0: Value
    iy0: Value
    n_columns: Value
    n_y: Value
    block_rows: Value
    n_x: Value
    n_groups: Value
    accumulate: Value
    finish: Value
    keep: Value
    column_step: Value
    group_step: Value
    ky_step: Value
    y_step: Value
    kx_step: Value
    x_step: Value
    row_bytes: Value
    height: Value
    stride_y: Value
    n_ky: Value
    n_kx: Value
    pad: Value


@dataclass(frozen=True)
class DrainFields:
    """Fields of DRAIN."""

    out_base: Value
    residual_base: Value
    n_columns: Value
    n_y: Value
    block_rows: Value
    n_x: Value
    channel0: Value
    last_steps: Value
    pad_steps: Value
    keep: Value
    table: Value
    load_table: Value
    multiply: Value
    per_channel: Value
    out_plane_step: Value
    out_y_step: Value
    out_x_step: Value
    residual_plane_step: Value
    byte_step: Value
    zero_point: Value
    clamp_low: Value
    clamp_high: Value
    add_multiplier: Value
    residual_multiplier: Value
    add_shift: Value
    residual_zero_point: Value
    add_zero_point: Value
    add_clamp_low: Value
    add_clamp_high: Value
    residual: Value
    int32: Value
    unrounded: Value


@dataclass(frozen=True)
class PoolFields:
    """Fields of POOL."""

    base: Value
    out_base: Value
    n_groups: Value
    n_y: Value
    iy0: Value
    height: Value
    weights: Value
    group_step: Value
    row_step: Value
    out_group_step: Value
    out_row_step: Value
    n_x: Value
    n_ky: Value
    n_kx: Value
    stride_y: Value
    stride_x: Value
    ix0: Value
    width: Value
    depthwise: Value
    step_x: Value
    pad: Value
    zero_point: Value
    clamp_low: Value
    clamp_high: Value


Fields = WeightFields | LoadFields | StoreFields | ComputeFields | DrainFields | PoolFields

_CLASSES: dict[Opcode, type[Fields]] = {
    Opcode.WEIGHT: WeightFields,
    Opcode.LOAD: LoadFields,
    Opcode.STORE: StoreFields,
    Opcode.COMPUTE: ComputeFields,
    Opcode.DRAIN: DrainFields,
    Opcode.POOL: PoolFields,
}
_HEADER_NAMES = frozenset(field.name for field in HEADER)


def header(word: ValueLike) -> Header:
    """The header of `word`, an instruction or its own part; see `fields`."""
    return Header(**{name: value for name, value in _slices(Opcode.END, word).items() if name in _HEADER_NAMES})


@overload
def fields(opcode: Literal[Opcode.WEIGHT], word: ValueLike) -> WeightFields: ...
@overload
def fields(opcode: Literal[Opcode.LOAD], word: ValueLike) -> LoadFields: ...
@overload
def fields(opcode: Literal[Opcode.STORE], word: ValueLike) -> StoreFields: ...
@overload
def fields(opcode: Literal[Opcode.COMPUTE], word: ValueLike) -> ComputeFields: ...
@overload
def fields(opcode: Literal[Opcode.DRAIN], word: ValueLike) -> DrainFields: ...
@overload
def fields(opcode: Literal[Opcode.POOL], word: ValueLike) -> PoolFields: ...
def fields(opcode: Opcode, word: ValueLike) -> Fields:
    """Fields of `word` beyond the header, read as an instruction of `opcode`, which is not END.

    Unsigned fields are plain slices of `word`; signed ones are slices `as_signed()`, so that they extend by themselves.
    Nothing is checked in hardware: the caller knows the opcode.

    Raises:
        ValueError: If `word` is not as wide as an instruction.
    """
    own = {name: value for name, value in _slices(opcode, word).items() if name not in _HEADER_NAMES}
    return _CLASSES[opcode](**own)


def _slices(opcode: Opcode, word: ValueLike) -> dict[str, Value]:
    value = Value.cast(word)
    if len(value) != INSTRUCTION_BITS and not (opcode is Opcode.END and len(value) == PART_BITS):
        raise ValueError(f"the word is {len(value)} bits wide, but an instruction has {INSTRUCTION_BITS}")
    _name(value, opcode)
    slices = {name: value[p.offset : p.offset + p.field.bits] for name, p in layout(opcode).items()}
    return {name: slices[name].as_signed() if p.field.signed else slices[name] for name, p in layout(opcode).items()}


_FORMAT = "_format"
"""Where Amaranth keeps what a signal is made of. It is private, but a layout as shape would make every word a view."""


def _name(value: Value, opcode: Opcode) -> None:
    """Tell a signal the fields that are read from it, so that the Verilog has their names."""
    known = isinstance(getattr(value, _FORMAT, None), Format.Struct)
    if isinstance(value, Signal) and not (known and opcode is Opcode.END):
        opcodes = {int(one): one.name for one in Opcode}
        formats = {name: Format("{}", value[p.offset : p.offset + p.field.bits]) for name, p in layout(opcode).items()}
        formats |= {HEADER[0].name: Format.Enum(value[:OPCODE_BITS], opcodes, name=Opcode.__name__)}
        setattr(value, _FORMAT, Format.Struct(value, formats))
