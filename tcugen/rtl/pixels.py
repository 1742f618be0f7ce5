"""From passes to operands: one operand word per cycle, and a tag for its sums."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import Opcode, layout
from tcugen.rtl.accumulators import ACCUMULATE
from tcugen.rtl.activation import OPERAND_REQUEST
from tcugen.rtl.loops import Level, Loops
from tcugen.rtl.passes import PASS

LAYER_BITS = layout(Opcode.COMPUTE)["layer"].field.bits


class PixelWalker(Component):
    """Streams the pixels of each pass, row by row, without a gap between two passes.

    Members:
        i_pass: The passes.
        shadow_ready: The tile of the next pass is in the shadow plane or on its way there.
        bank_released: The output path has emptied a bank.
        active: A pixel is walked; its request follows in the next cycle.
        request_en, request: One operand read.
        tag, pixel: What to do with its sums, in the same cycle as the request.
        swap: The request is the first of a pass.
        pass_started: Pulse when a pass is taken; its tile leaves the shadow plane.
        tile_read: Pulse with the request of the last operand of a tile.
        layer: Layer of the pixel, or of the last one.
        waiting_for_bank, waiting_for_weights: Why the next pass does not start.

    Reset: idle, both banks free.
    """

    i_pass: stream.Interface
    shadow_ready: Signal
    bank_released: Signal
    active: Signal
    request_en: Signal
    request: data.View
    tag: data.View
    pixel: Signal
    swap: Signal
    pass_started: Signal
    tile_read: Signal
    layer: Signal
    waiting_for_bank: Signal
    waiting_for_weights: Signal

    def __init__(self, architecture: Architecture):
        self.depth = architecture.accumulator_depth
        super().__init__(
            {
                "i_pass": In(stream.Signature(PASS)),
                "shadow_ready": In(1),
                "bank_released": In(1),
                "active": Out(1),
                "request_en": Out(1),
                "request": Out(OPERAND_REQUEST),
                "tag": Out(ACCUMULATE),
                "pixel": Out(bits_for(self.depth)),
                "swap": Out(1),
                "pass_started": Out(1),
                "tile_read": Out(1),
                "layer": Out(LAYER_BITS),
                "waiting_for_bank": Out(1),
                "waiting_for_weights": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = Signal(PASS, name="current")
        active = self.active
        begins = Signal()
        pixel = Signal.like(self.pixel)
        bank = Signal()
        banks_taken = Signal(range(3))

        take = Signal()
        new = self.i_pass.payload
        loops = Loops(m, take, active, {"y": Level(new.rows, p.rows), "x": Level(new.n_x, p.n_x)})
        last_pixel = loops.ends["y"]
        row = loops.address("row", new.row, {"y": p.y_step})
        iy = loops.address("iy", new.iy, {"y": p.stride_y}, bits=len(p.iy) + 1)
        offset = loops.address("offset", new.offset, {"x": p.x_step}, again=p.offset)
        m.d.comb += self.layer.eq(p.layer)
        m.d.sync += [
            self.request_en.eq(active),
            self.request.address.eq(row + offset),
            self.request.offset.eq(offset),
            self.request.row_bytes.eq(p.row_bytes),
            self.request.outside.eq((iy < 0) | (iy >= p.height)),
            self.request.pad.eq(p.pad),
            self.tag.valid.eq(active),
            self.tag.bank.eq(bank),
            self.tag.first.eq(p.first),
            self.tag.last.eq(last_pixel & p.closes),
            self.pixel.eq(pixel),
            self.swap.eq(active & begins),
        ]

        # The next pass is taken when none runs or in the last cycle of the one that runs.
        due = Signal()
        bank_free = Signal()
        m.d.comb += [
            due.eq(self.i_pass.valid & (~active | last_pixel)),
            bank_free.eq(~new.opens | (banks_taken != 2)),
            self.waiting_for_bank.eq(due & ~bank_free),
            self.waiting_for_weights.eq(due & bank_free & ~self.shadow_ready),
            take.eq(due & bank_free & self.shadow_ready),
            self.i_pass.ready.eq(take),
            self.pass_started.eq(take),
        ]
        m.d.sync += begins.eq(take)
        m.d.sync += self.tile_read.eq(active & last_pixel & p.ends)
        with m.If(take & new.opens & ~self.bank_released):
            m.d.sync += banks_taken.eq(banks_taken + 1)
        with m.If(self.bank_released & ~(take & new.opens)):
            m.d.sync += banks_taken.eq(banks_taken - 1)
        with m.If(active & last_pixel & p.closes):
            m.d.sync += bank.eq(~bank)

        with m.If(take):
            m.d.sync += [p.eq(new), active.eq(1), pixel.eq(0)]
        with m.Elif(active):
            m.d.sync += [pixel.eq(pixel + 1), active.eq(~last_pixel)]
        return m
