"""What an FPGA holds, and what of it comes with its family; checked when it is read."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
Positive = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=300)]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Family(_Keys):
    """What all parts of one kind have in common.

    Attributes:
        vendor: Who makes them.
        lut_inputs: Inputs of a look-up table.
        dsp: The multiplier as the data sheet calls it; None if the family has none.
        dsp_operands: Widths of its two operands, in bits.
        bram: The block RAM as the data sheet calls it.
        bram_shapes: Width in bits and depth in words of every shape that a block takes with one read and one write
            port. Its bits are those of the largest.
        ultra_ram: The second, larger kind of memory; None if there is none.
        ultra_ram_shapes: Likewise.
        source: The document that says so.
    """

    vendor: Text
    lut_inputs: Annotated[int, Field(strict=True, ge=2, le=8)]
    dsp: Text | None = None
    dsp_operands: tuple[Positive, Positive] | None = None
    bram: Text
    bram_shapes: Annotated[tuple[tuple[Positive, Positive], ...], Field(min_length=1)]
    ultra_ram: Text | None = None
    ultra_ram_shapes: tuple[tuple[Positive, Positive], ...] = ()
    source: Text

    @property
    def bram_bits(self) -> int:
        """Bits of one block."""
        return max(width * depth for width, depth in self.bram_shapes)


class Board(_Keys):
    """A board that carries a part.

    Attributes:
        name: As its maker calls it.
        memory: Its memory and how that is attached.
        peak_mb_per_s: Bytes per microsecond that the memory's pins can move: width times transfers.
        source: The document that says so.
    """

    name: Text
    memory: Text
    peak_mb_per_s: Positive
    source: Text


class Part(_Keys):
    """One FPGA.

    Attributes:
        name: As it is asked for.
        family: Key of the family.
        luts: Look-up tables.
        flip_flops: Flip-flops.
        dsps: Multipliers of the family's kind; one of them takes one 8x8 product.
        brams: Blocks of RAM of the family's kind.
        ultra_rams: Blocks of the second kind.
        nextpnr: What nextpnr calls the device and its package; None where it has no such device.
        boards: Boards that carry it.
        source: The document that has these counts.
    """

    name: Text
    family: Text
    luts: Positive
    flip_flops: Positive
    dsps: Count
    brams: Count
    ultra_rams: Count = 0
    nextpnr: tuple[Text, ...] | None = None
    boards: tuple[Board, ...] = ()
    source: Text
