"""From a COMPUTE instruction to passes: one pass streams one block of output pixels over one weight tile.

Loops, outermost first: column group, block of output rows, input channel group, kernel row, kernel column.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode, layout
from tcugen.rtl.decode import INSTRUCTION_BITS, ComputeFields, fields, header
from tcugen.rtl.loops import Level, Loops
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
        instruction: COMPUTE instructions; what follows the header stays until `ready` is 1 again.
        tiles_written: Position after the last complete tile of the weight ring; a pass is emitted only when its tile
            is there.
        o_pass, o_tile: The passes, and their tiles in the same order.
        waiting_for_weights: A pass is due, its tile was not in the ring in the cycle before.
        busy: An instruction is being walked.

    Rate: one pass in two cycles, as whether its tile is in the ring is found out in the cycle before; plus four cycles
    per instruction. The last pass of the first tile waits for the products that lead to the next block, see
    SerialProduct.
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
        f = fields(Opcode.COMPUTE, self.instruction.payload)
        layer = Signal(_bits("layer"))
        begin = Signal()
        go = Signal()
        product = self._block_product(m)
        loops = Loops(
            m,
            begin,
            go,
            {
                "column": Level(f.n_columns),
                "block": Level(f.n_y, unit=f.block_rows),
                "group": Level(f.n_groups),
                "ky": Level(f.n_ky),
                "kx": Level(f.n_kx),
            },
        )
        tile_starts = Signal()
        tile_ends = loops.ends["group"]
        with m.If(begin | go):
            m.d.sync += tile_starts.eq(begin | tile_ends)
        tile = self._tile(m, f, begin, go, loops)
        walking = Signal()
        due = Signal()  # the products that lead to the next block are there, or are not needed for this pass
        waits = Signal()  # its tile is not there
        stands = walking & ~go & (product.ready | ~tile_ends)
        tile_there = tile != self.tiles_written  # and stays until its pass is emitted
        m.d.sync += [due.eq(stands & tile_there), waits.eq(stands & ~tile_there)]
        last_block = loops.last["block"]
        steps = {"column": f.column_step, "block": product.products.address, "group": f.group_step, "ky": f.ky_step}
        one = self.o_pass.payload
        m.d.comb += [
            one.layer.eq(layer),
            one.row.eq(loops.address("{}_at", f.base, steps)),
            one.iy.eq(loops.address("{}_iy", f.iy0, {"block": product.products.iy, "ky": 1}, bits=len(one.iy))),
            one.offset.eq(loops.address("offset", f.offset0, {"kx": f.kx_step})),
            one.rows.eq(Mux(last_block, loops.left["block"], f.block_rows)),
            *(
                getattr(one, name).eq(getattr(f, name))
                for name in ("n_x", "y_step", "x_step", "stride_y", "row_bytes", "height", "pad")
            ),
            one.first.eq(tile_starts & ~f.accumulate),
            one.opens.eq(tile_starts & ~f.accumulate),
            one.closes.eq(tile_ends & f.finish),
            one.ends.eq(tile_ends),
            go.eq(due & self.o_pass.ready & self.o_tile.ready),
            self.o_pass.valid.eq(go),
            self.o_tile.valid.eq(go),
            self.waiting_for_weights.eq(waits),
            self.o_tile.payload.place.eq(tile),
            self.o_tile.payload.release.eq(last_block & ~f.keep),
        ]
        # A register of its own: it goes to all loops and addresses.
        m.d.sync += begin.eq(0)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += self.instruction.ready.eq(1)
                with m.If(self.instruction.valid):
                    m.d.sync += [layer.eq(header(self.instruction.payload).layer), begin.eq(1)]
                    m.next = "PREPARE"
            with m.State("PREPARE"):
                m.next = "WALK"
            with m.State("WALK"):
                m.d.comb += walking.eq(1)
                with m.If(go & loops.ends["column"]):
                    m.next = "IDLE"
        return m

    def _block_product(self, m: Module) -> SerialProduct:
        """Steps of address and input row from block to block, of the instruction that was taken last."""
        f = fields(Opcode.COMPUTE, self.instruction.payload)
        m.submodules.block_product = product = SerialProduct(
            len(f.block_rows), address=ACTIVATION_ADDRESS_BITS, iy=len(f.iy0)
        )
        m.d.comb += [
            product.start.eq(self.instruction.ready),
            product.factor.eq(f.block_rows),
            product.operands.address.eq(f.y_step),
            product.operands.iy.eq(f.stride_y),
        ]
        return product

    def _tile(self, m: Module, f: ComputeFields, begin: Signal, go: Signal, loops: Loops) -> Signal:
        """Position of the pass's tile in the weight ring; the tiles of a column group serve all of its blocks."""
        tile, panel, start = (
            Signal(self.position_bits, name=f"{name}_position") for name in ("tile", "panel", "start")
        )
        with m.If(begin):
            m.d.sync += [panel.eq(tile), start.eq(tile)]
        with m.Elif(go):
            m.d.sync += tile.eq(tile + 1)
            with m.If(loops.ends["group"]):
                m.d.sync += tile.eq(panel)
            with m.If(loops.ends["block"]):
                m.d.sync += [tile.eq(tile + 1), panel.eq(tile + 1)]
            with m.If(loops.ends["column"] & f.keep):
                m.d.sync += tile.eq(start)
        return tile
