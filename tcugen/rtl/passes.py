"""From a COMPUTE instruction to passes: one pass streams one block of output pixels over one weight tile.

Loops, outermost first: column group, block of output rows, input channel group, kernel row, kernel column.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode, layout
from tcugen.rtl.decode import INSTRUCTION_BITS, fields


def _bits(field: str) -> int:
    return layout(Opcode.COMPUTE)[field].field.bits


class Pass(data.Struct):
    """One pass, self-contained: the walker may already be in the next instruction.

    Attributes:
        layer: Layer number.
        row: Address of offset 0 in the input row of the block's first output row (this channel group and tap).
        iy: That input row.
        offset: Offset of the first pixel in the input row.
        rows, n_x: Output rows and pixels per row of the block.
        y_step, x_step, stride_y, row_bytes, height, pad: As in the instruction.
        first: The accumulators start from zero with this pass.
        opens: The pass takes a fresh accumulator bank.
        closes: The tile is complete after this pass and goes to the output path.
        ends: Last pass of a tile of this instruction, complete or not.
    """

    layer: _bits("layer")
    row: ACTIVATION_ADDRESS_BITS
    iy: signed(_bits("iy0") + 1)
    offset: signed(ACTIVATION_ADDRESS_BITS)
    rows: _bits("block_rows")
    n_x: _bits("n_x")
    y_step: ACTIVATION_ADDRESS_BITS
    x_step: ACTIVATION_ADDRESS_BITS
    stride_y: _bits("stride_y")
    row_bytes: ACTIVATION_ADDRESS_BITS
    height: _bits("height")
    pad: signed(8)
    first: 1
    opens: 1
    closes: 1
    ends: 1


def tile_position_bits(architecture: Architecture) -> int:
    """Width of positions in the weight ring: one more bit than the ring needs, so that full and empty differ."""
    return bits_for(architecture.weight_tiles) + 1


def tile_layout(architecture: Architecture) -> data.StructLayout:
    """A weight tile to be brought into the shadow plane: its place in the ring, and whether its space is then free."""
    return data.StructLayout({"place": bits_for(architecture.weight_tiles), "release": 1})


class PassWalker(Component):
    """Walks a COMPUTE instruction and emits each pass together with the weight tile it needs.

    Members:
        instruction: COMPUTE instructions.
        tiles_written: Position behind the last complete tile of the weight ring; a pass is emitted only when its tile
            is there.
        o_pass, o_tile: The passes, and their tiles in the same order.
        waiting_for_weights: A pass is due, its tile is not in the ring.
        busy: An instruction is being walked.

    Rate: one pass per cycle, plus three cycles per instruction.
    """

    def __init__(self, architecture: Architecture):
        self.position_bits = tile_position_bits(architecture)
        super().__init__(
            {
                "instruction": In(stream.Signature(INSTRUCTION_BITS)),
                "tiles_written": In(self.position_bits),
                "o_pass": Out(stream.Signature(Pass)),
                "o_tile": Out(stream.Signature(tile_layout(architecture))),
                "waiting_for_weights": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word = Signal(INSTRUCTION_BITS)
        f = fields(Opcode.COMPUTE, word)
        address, row_index = ACTIVATION_ADDRESS_BITS, signed(len(f.iy0) + 1)

        # Where the loops stand: addresses of the current column group, block, channel group and kernel row.
        column_at, block_at, group_at, row_at = (
            Signal(address, name=f"{level}_at") for level in ("column", "block", "group", "row")
        )
        block_iy = Signal(row_index)
        iy = Signal(row_index)
        offset = Signal(signed(address))
        column, y0, group, ky, kx = (
            Signal.like(limit, name=name)
            for name, limit in (
                ("column", f.n_columns), ("y0", f.n_y), ("group", f.n_groups), ("ky", f.n_ky), ("kx", f.n_kx)
            )
        )
        block_step = Signal(address)
        block_iy_step = Signal(len(f.iy0))
        tile, strip, start = (
            Signal(self.position_bits, name=f"{name}_position") for name in ("tile", "strip", "start")
        )

        last_kx = Signal()
        last_ky = Signal()
        last_group = Signal()
        last_block = Signal()
        last_column = Signal()
        rows_left = Signal(len(f.n_y))
        m.d.comb += [
            last_kx.eq(kx + 1 == f.n_kx),
            last_ky.eq(ky + 1 == f.n_ky),
            last_group.eq(group + 1 == f.n_groups),
            rows_left.eq(f.n_y - y0),
            last_block.eq(rows_left <= f.block_rows),
            last_column.eq(column + 1 == f.n_columns),
        ]
        tile_starts = Signal()
        tile_ends = Signal()
        go = Signal()
        m.d.comb += [
            tile_starts.eq((group == 0) & (ky == 0) & (kx == 0)),
            tile_ends.eq(last_group & last_ky & last_kx),
        ]
        one = self.o_pass.payload
        m.d.comb += [
            one.layer.eq(f.layer),
            one.row.eq(row_at),
            one.iy.eq(iy),
            one.offset.eq(offset),
            one.rows.eq(Mux(last_block, rows_left, f.block_rows)),
            *(
                getattr(one, name).eq(getattr(f, name))
                for name in ("n_x", "y_step", "x_step", "stride_y", "row_bytes", "height", "pad")
            ),
            one.first.eq(tile_starts & ~f.accumulate),
            one.opens.eq(tile_starts & ~f.accumulate),
            one.closes.eq(tile_ends & f.finish),
            one.ends.eq(tile_ends),
            self.o_tile.payload.place.eq(tile),
            self.o_tile.payload.release.eq(last_block & ~f.keep),
        ]

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.instruction.ready.eq(1)
                m.d.sync += word.eq(self.instruction.payload)
                with m.If(self.instruction.valid):
                    m.next = "PREPARE"
            with m.State("PREPARE"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += [
                    block_step.eq(f.block_rows * f.y_step),
                    block_iy_step.eq(f.block_rows * f.stride_y),
                    *(at.eq(f.base) for at in (column_at, block_at, group_at, row_at)),
                    *(index.eq(f.iy0) for index in (block_iy, iy)),
                    offset.eq(f.offset0),
                    *(counter.eq(0) for counter in (column, y0, group, ky, kx)),
                    start.eq(tile),
                    strip.eq(tile),
                ]
                m.next = "WALK"
            with m.State("WALK"):
                m.d.comb += self.busy.eq(1)
                m.d.comb += self.waiting_for_weights.eq(tile == self.tiles_written)
                both_ready = self.o_pass.ready & self.o_tile.ready
                m.d.comb += go.eq(~self.waiting_for_weights & both_ready)
                m.d.comb += [self.o_pass.valid.eq(go), self.o_tile.valid.eq(go)]
                with m.If(go):
                    self._advance(m, f, locals())
        return m

    @staticmethod
    def _advance(m: Module, f, at: dict) -> None:
        """Step the loops, innermost first; each level that wraps resets what lies inside it."""
        row_at, group_at, block_at, column_at = at["row_at"], at["group_at"], at["block_at"], at["column_at"]
        iy, block_iy, offset = at["iy"], at["block_iy"], at["offset"]
        tile, strip, start = at["tile"], at["strip"], at["start"]
        m.d.sync += tile.eq(tile + 1)
        with m.If(~at["last_kx"]):
            m.d.sync += [at["kx"].eq(at["kx"] + 1), offset.eq(offset + f.kx_step)]
        with m.Else():
            m.d.sync += [at["kx"].eq(0), offset.eq(f.offset0)]
            with m.If(~at["last_ky"]):
                m.d.sync += [at["ky"].eq(at["ky"] + 1), row_at.eq(row_at + f.ky_step), iy.eq(iy + 1)]
            with m.Else():
                m.d.sync += at["ky"].eq(0)
                with m.If(~at["last_group"]):
                    next_group = (group_at + f.group_step)[: len(group_at)]
                    m.d.sync += [at["group"].eq(at["group"] + 1), iy.eq(block_iy)]
                    m.d.sync += [group_at.eq(next_group), row_at.eq(next_group)]
                with m.Else():
                    m.d.sync += at["group"].eq(0)
                    with m.If(~at["last_block"]):
                        next_block = (block_at + at["block_step"])[: len(block_at)]
                        next_iy = (block_iy + at["block_iy_step"])[: len(iy)].as_signed()
                        m.d.sync += [at["y0"].eq(at["y0"] + f.block_rows), tile.eq(strip)]
                        m.d.sync += [a.eq(next_block) for a in (block_at, group_at, row_at)]
                        m.d.sync += [block_iy.eq(next_iy), iy.eq(next_iy)]
                    with m.Else():
                        next_column = (column_at + f.column_step)[: len(column_at)]
                        m.d.sync += [at["y0"].eq(0), at["column"].eq(at["column"] + 1), strip.eq(tile + 1)]
                        m.d.sync += [a.eq(next_column) for a in (column_at, block_at, group_at, row_at)]
                        m.d.sync += [block_iy.eq(f.iy0), iy.eq(f.iy0)]
                        with m.If(at["last_column"]):
                            with m.If(f.keep):
                                m.d.sync += tile.eq(start)
                            m.next = "IDLE"
