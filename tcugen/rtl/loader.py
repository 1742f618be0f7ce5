"""From the weight ring to the shadow plane: one row per cycle, right after the wave that frees it."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.rtl.passes import tile_layout


class WeightLoader(Component):
    """Brings the tiles of `i_tile` into the shadow plane, each as soon as its predecessor has begun to leave it.

    Members:
        i_tile: Tiles in the order of the passes; they are in the ring.
        pass_started: A pass has been taken: the tile in the shadow plane leaves it from the third cycle on.
        ready: A tile is in the shadow plane, or its rows are on the way there, for the next pass.
        read_en, read_item, read_unit: Read of one row from the ring.
        weight_en, weight_row: The ring's data of this cycle are that row of the shadow plane.
        release: The tile just read may be overwritten.

    A pass taken in cycle s requests its first operand in s + 1 and swaps in s + 3. Row 0 of the next tile is read in
    s + 2 at the earliest and stored in s + 3, which the array allows. A pass may be taken two cycles after the read of
    row 0 of its tile, so that passes begin at least 4 cycles apart however few pixels they have: the accumulators need
    that where two add to the same pixel.
    """

    i_tile: stream.Interface
    pass_started: Signal
    ready: Signal
    read_en: Signal
    read_item: Signal
    read_unit: Signal
    weight_en: Signal
    weight_row: Signal
    release: Signal

    def __init__(self, architecture: Architecture):
        self.rows = architecture.rows
        super().__init__(
            {
                "i_tile": In(stream.Signature(tile_layout(architecture))),
                "pass_started": In(1),
                "ready": Out(1),
                "read_en": Out(1),
                "read_item": Out(bits_for(architecture.weight_tiles)),
                "read_unit": Out(bits_for(self.rows)),
                "weight_en": Out(1),
                "weight_row": Out(bits_for(self.rows)),
                "release": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        row = Signal(bits_for(self.rows))
        begun = Signal()
        last = Signal()
        allowed = Signal()
        just_started = Signal()
        m.d.comb += [
            # Between two tiles the plane must have been left by the previous one.
            allowed.eq((row != 0) | (~self.ready & ~just_started)),
            begun.eq(self.i_tile.valid & allowed),
            last.eq(row == self.rows - 1),
            self.read_en.eq(begun),
            self.read_item.eq(self.i_tile.payload.place),
            self.read_unit.eq(row),
            self.i_tile.ready.eq(begun & last),
            self.release.eq(begun & last & self.i_tile.payload.release),
        ]
        m.d.sync += [self.weight_en.eq(begun), self.weight_row.eq(row), just_started.eq(self.pass_started)]
        with m.If(begun):
            m.d.sync += row.eq(row + 1)
        with m.If(self.pass_started):
            m.d.sync += self.ready.eq(0)
        with m.If(begun & (row == 1)):
            m.d.sync += self.ready.eq(1)
        return m
