"""From passes to operands: one operand word per cycle, and a tag for its sums."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode, layout
from tcugen.rtl.accumulators import ACCUMULATE
from tcugen.rtl.activation import OPERAND_REQUEST
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
        row = Signal(ACTIVATION_ADDRESS_BITS)
        iy = Signal(signed(len(p.iy) + 1))
        offset = Signal(signed(ACTIVATION_ADDRESS_BITS))
        x_left = Signal(len(p.n_x))
        y_left = Signal(len(p.rows))
        bank = Signal()
        banks_taken = Signal(range(3))

        last_x = Signal()
        last_pixel = Signal()
        take = Signal()
        m.d.comb += [
            last_x.eq(x_left == 1),
            last_pixel.eq(last_x & (y_left == 1)),
            self.layer.eq(p.layer),
        ]
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
        new = self.i_pass.payload
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
            m.d.sync += [
                p.eq(new),
                active.eq(1),
                row.eq(new.row),
                iy.eq(new.iy),
                offset.eq(new.offset),
                x_left.eq(new.n_x),
                y_left.eq(new.rows),
                pixel.eq(0),
            ]
        with m.Elif(active):
            m.d.sync += [pixel.eq(pixel + 1), x_left.eq(x_left - 1), offset.eq(offset + p.x_step)]
            with m.If(last_x):
                m.d.sync += [
                    x_left.eq(p.n_x),
                    y_left.eq(y_left - 1),
                    offset.eq(p.offset),
                    row.eq(row + p.y_step),
                    iy.eq(iy + p.stride_y),
                ]
            with m.If(last_pixel):
                m.d.sync += active.eq(0)
        return m
