"""From a COMPUTE instruction to passes: one pass streams one block of output pixels over one weight tile.

Loops, outermost first: column group, block of output rows, input channel group, kernel row, kernel column.
"""

from amaranth.hdl import Module, Mux, Signal, ValueLike, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode, layout
from tcugen.rtl.decode import INSTRUCTION_BITS, ComputeFields, fields, header
from tcugen.rtl.product import SerialProduct


def _bits(field: str) -> int:
    return layout(Opcode.COMPUTE)[field].field.bits


PASS = data.StructLayout(
    {
        "layer": _bits("layer"),
        "row": ACTIVATION_ADDRESS_BITS,
        "iy": signed(_bits("iy0") + 1),
        "offset": signed(ACTIVATION_ADDRESS_BITS),
        "rows": _bits("block_rows"),
        "n_x": _bits("n_x"),
        "y_step": ACTIVATION_ADDRESS_BITS,
        "x_step": ACTIVATION_ADDRESS_BITS,
        "stride_y": _bits("stride_y"),
        "row_bytes": ACTIVATION_ADDRESS_BITS,
        "height": _bits("height"),
        "pad": signed(8),
        "first": 1,
        "opens": 1,
        "closes": 1,
        "ends": 1,
    }
)
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
        tiles_written: Position after the last complete tile of the weight ring; a pass is emitted only when its tile
            is there.
        o_pass, o_tile: The passes, and their tiles in the same order.
        waiting_for_weights: A pass is due, its tile is not in the ring.
        busy: An instruction is being walked.

    Rate: one pass per cycle, plus three cycles per instruction. The last pass of the first tile waits for the products
    that lead to the next block, see SerialProduct.
    """

    instruction: stream.Interface
    tiles_written: Signal
    o_pass: stream.Interface
    o_tile: stream.Interface
    waiting_for_weights: Signal
    busy: Signal

    def __init__(self, architecture: Architecture):
        self.position_bits = tile_position_bits(architecture)
        super().__init__(
            {
                "instruction": In(stream.Signature(INSTRUCTION_BITS)),
                "tiles_written": In(self.position_bits),
                "o_pass": Out(stream.Signature(PASS)),
                "o_tile": Out(stream.Signature(tile_layout(architecture))),
                "waiting_for_weights": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word = Signal(INSTRUCTION_BITS)
        f = fields(Opcode.COMPUTE, word)
        loops = _Loops(m, f, self.position_bits)
        go = Signal()
        m.submodules.block_product = product = loops.block_product
        next_fields = fields(Opcode.COMPUTE, self.instruction.payload)
        m.d.comb += [
            product.start.eq(self.instruction.ready),
            product.factor.eq(next_fields.block_rows),
            product.operands.address.eq(next_fields.y_step),
            product.operands.iy.eq(next_fields.stride_y),
        ]
        one = self.o_pass.payload
        m.d.comb += [
            one.layer.eq(header(word).layer),
            one.row.eq(loops.row_at),
            one.iy.eq(loops.iy),
            one.offset.eq(loops.offset),
            one.rows.eq(Mux(loops.last_block, loops.rows_left, f.block_rows)),
            *(
                getattr(one, name).eq(getattr(f, name))
                for name in ("n_x", "y_step", "x_step", "stride_y", "row_bytes", "height", "pad")
            ),
            one.first.eq(loops.tile_starts & ~f.accumulate),
            one.opens.eq(loops.tile_starts & ~f.accumulate),
            one.closes.eq(loops.tile_ends & f.finish),
            one.ends.eq(loops.tile_ends),
            self.o_tile.payload.place.eq(loops.tile),
            self.o_tile.payload.release.eq(loops.last_block & ~f.keep),
        ]
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += self.instruction.ready.eq(1)
                with m.If(self.instruction.valid):
                    m.d.sync += word.eq(self.instruction.payload)
                    m.next = "PREPARE"
            with m.State("PREPARE"):
                m.d.sync += loops.begin()
                m.next = "WALK"
            with m.State("WALK"):
                m.d.comb += [
                    self.waiting_for_weights.eq(loops.tile == self.tiles_written),
                    go.eq(
                        (product.ready | ~loops.tile_ends)
                        & (~self.waiting_for_weights & self.o_pass.ready & self.o_tile.ready)
                    ),
                    self.o_pass.valid.eq(go),
                    self.o_tile.valid.eq(go),
                ]
                with m.If(go):
                    loops.advance(m)
                    with m.If(loops.tile_ends & loops.last_block & loops.last_column):
                        m.next = "IDLE"
        return m


class _Loops:
    """Registers of the five loops: counters, and the address and input row at which each level stands.

    `block_product` makes the steps of address and input row from block to block; the owner starts it.
    `tile` is the position of the pass's tile in the weight ring, `panel` that of the column group's first one and
    `start` that of the instruction's.
    """

    def __init__(self, m: Module, f: ComputeFields, position_bits: int):
        self.f = f
        self.column_at, self.block_at, self.group_at, self.row_at = (
            Signal(ACTIVATION_ADDRESS_BITS, name=f"{level}_at") for level in ("column", "block", "group", "row")
        )
        self.block_iy, self.iy = (Signal(signed(len(f.iy0) + 1), name=name) for name in ("block_iy", "iy"))
        self.offset = Signal(signed(ACTIVATION_ADDRESS_BITS), name="offset")
        limits = {"column": f.n_columns, "y0": f.n_y, "group": f.n_groups, "ky": f.n_ky, "kx": f.n_kx}
        self.column, self.y0, self.group, self.ky, self.kx = (
            Signal.like(limit, name=name) for name, limit in limits.items()
        )
        self.block_product = SerialProduct(len(f.block_rows), address=ACTIVATION_ADDRESS_BITS, iy=len(f.iy0))
        self.tile, self.panel, self.start = (
            Signal(position_bits, name=f"{name}_position") for name in ("tile", "panel", "start")
        )
        self.rows_left = Signal(len(f.n_y), name="rows_left")
        self.last_kx, self.last_ky, self.last_group, self.last_block, self.last_column = (
            Signal(name=f"last_{level}") for level in ("kx", "ky", "group", "block", "column")
        )
        self.tile_starts, self.tile_ends = (Signal(name=name) for name in ("tile_starts", "tile_ends"))
        m.d.comb += [
            self.last_kx.eq(self.kx + 1 == f.n_kx),
            self.last_ky.eq(self.ky + 1 == f.n_ky),
            self.last_group.eq(self.group + 1 == f.n_groups),
            self.rows_left.eq(f.n_y - self.y0),
            self.last_block.eq(self.rows_left <= f.block_rows),
            self.last_column.eq(self.column + 1 == f.n_columns),
            self.tile_starts.eq((self.group == 0) & (self.ky == 0) & (self.kx == 0)),
            self.tile_ends.eq(self.last_group & self.last_ky & self.last_kx),
        ]

    def begin(self) -> list:
        """Stand at the first pass of the instruction."""
        f = self.f
        return [
            *self._stand_at(f.base, self.column_at, self.block_at, self.group_at, self.row_at),
            *self._stand_at(f.iy0, self.block_iy, self.iy),
            *self._stand_at(0, self.column, self.y0, self.group, self.ky, self.kx),
            self.offset.eq(f.offset0),
            *self._stand_at(self.tile, self.start, self.panel),
        ]

    @staticmethod
    def _stand_at(value: ValueLike, *levels: Signal) -> list:
        return [level.eq(value) for level in levels]

    def advance(self, m: Module) -> None:
        """Step the innermost loop; each level that wraps resets what lies inside it and steps the next."""
        f = self.f
        m.d.sync += [self.tile.eq(self.tile + 1), self.kx.eq(self.kx + 1), self.offset.eq(self.offset + f.kx_step)]
        with m.If(self.last_kx):
            m.d.sync += [self.kx.eq(0), self.offset.eq(f.offset0)]
            m.d.sync += [self.ky.eq(self.ky + 1), self.iy.eq(self.iy + 1), self.row_at.eq(self.row_at + f.ky_step)]
        with m.If(self.last_kx & self.last_ky):
            group_at = (self.group_at + f.group_step)[:ACTIVATION_ADDRESS_BITS]
            m.d.sync += [self.ky.eq(0), self.iy.eq(self.block_iy), self.group.eq(self.group + 1)]
            m.d.sync += self._stand_at(group_at, self.group_at, self.row_at)
        with m.If(self.tile_ends):
            block_at = (self.block_at + self.block_product.products.address)[:ACTIVATION_ADDRESS_BITS]
            block_iy = (self.block_iy + self.block_product.products.iy)[: len(self.iy)].as_signed()
            m.d.sync += [self.group.eq(0), self.y0.eq(self.y0 + f.block_rows), self.tile.eq(self.panel)]
            m.d.sync += self._stand_at(block_at, self.block_at, self.group_at, self.row_at)
            m.d.sync += self._stand_at(block_iy, self.block_iy, self.iy)
        with m.If(self.tile_ends & self.last_block):
            column_at = (self.column_at + f.column_step)[:ACTIVATION_ADDRESS_BITS]
            m.d.sync += [self.y0.eq(0), self.column.eq(self.column + 1)]
            m.d.sync += self._stand_at(self.tile + 1, self.tile, self.panel)
            m.d.sync += self._stand_at(column_at, self.column_at, self.block_at, self.group_at, self.row_at)
            m.d.sync += self._stand_at(f.iy0, self.block_iy, self.iy)
        with m.If(self.tile_ends & self.last_block & self.last_column & f.keep):
            m.d.sync += self.tile.eq(self.start)
