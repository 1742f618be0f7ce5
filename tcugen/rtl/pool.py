"""The max-pool unit: reads window taps from the activation memory, beside the array, and writes their maximum."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode, layout
from tcugen.rtl.activation import write_layout
from tcugen.rtl.decode import INSTRUCTION_BITS, PoolFields, fields, header
from tcugen.rtl.fifo import Fifo
from tcugen.rtl.product import SerialProduct

TAPS_AHEAD = 8
"""Taps whose words are under way or wait. At full rate a tap holds its place for 6 cycles."""

TAP = data.StructLayout(
    {
        "inside": 1,
        "first": 1,
        "last": 1,
        "final": 1,
        "address": ACTIVATION_ADDRESS_BITS,
    }
)
"""One window tap on its way: what to do with its word.

Attributes:
    inside: It lies inside the input; others do not take part.
    first, last: Of its window.
    final: Of its instruction.
    address: Where the window's maximum goes.
"""


class Pool(Component):
    """Executes POOL instructions on whole `rows`-byte words.

    Members:
        instruction: POOL instructions.
        read, word_valid, word: Port of the activation memory: word addresses; the words in the same order.
        write: Results; `written`: the last one of an instruction is in the memory.
        layer: Layer of the results.
        done: Pulse when the last result of an instruction has been written.
        busy: An instruction is under way.

    Rate: one tap per cycle while the memory serves it and takes the results; the first tap comes 2 cycles after an
    instruction was taken and one more per bit of `stride_y`, see SerialProduct. The next one starts after `done`.
    """

    instruction: stream.Interface
    read: stream.Interface
    word_valid: Signal
    word: Signal
    write: stream.Interface
    written: Signal
    layer: Signal
    done: Signal
    busy: Signal

    def __init__(self, architecture: Architecture):
        self.rows = architecture.rows
        self.byte_bits = bits_for(self.rows)
        super().__init__(
            {
                "instruction": In(stream.Signature(INSTRUCTION_BITS)),
                "read": Out(stream.Signature(ACTIVATION_ADDRESS_BITS - self.byte_bits)),
                "word_valid": In(1),
                "word": In(8 * self.rows),
                "write": Out(stream.Signature(write_layout(self.rows))),
                "written": In(1),
                "layer": Out(layout(Opcode.POOL)["layer"].field.bits),
                "done": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word = Signal(INSTRUCTION_BITS)
        f = fields(Opcode.POOL, word)
        begin = Signal()
        walking = Signal()
        step = Signal()
        tap = Signal(TAP)
        m.submodules.taps = taps = Fifo(TAP, TAPS_AHEAD)
        m.submodules.words = words = Fifo(8 * self.rows, TAPS_AHEAD)
        row_product = self._row_product(m)
        self._walk(m, f, begin, step, walking, tap, row_product.products.address)
        m.d.comb += [
            self.layer.eq(header(word).layer),
            self.done.eq(self.written),
            self.read.valid.eq(walking & tap.inside & taps.i.ready),
            step.eq(walking & taps.i.ready & (~tap.inside | self.read.ready)),
            taps.i.valid.eq(step),
            taps.i.payload.eq(tap),
            words.i.valid.eq(self.word_valid),
            words.i.payload.eq(self.word),
        ]
        self._maximum(m, taps, words)

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += self.instruction.ready.eq(1)
                with m.If(self.instruction.valid):
                    m.d.sync += word.eq(self.instruction.payload)
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += begin.eq(row_product.ready)
                with m.If(begin):
                    m.next = "WALK"
            with m.State("WALK"):
                with m.If(self.done):
                    m.next = "IDLE"
        return m

    def _row_product(self, m: Module) -> SerialProduct:
        """Input bytes from output row to output row, of the instruction that was taken last."""
        f = fields(Opcode.POOL, self.instruction.payload)
        m.submodules.row_product = product = SerialProduct(len(f.stride_y), address=len(f.row_step))
        m.d.comb += [
            product.start.eq(self.instruction.ready),
            product.factor.eq(f.stride_y),
            product.operands.address.eq(f.row_step),
        ]
        return product

    def _walk(
        self,
        m: Module,
        f: PoolFields,
        begin: Signal,
        step: Signal,
        walking: Signal,
        tap: data.View,
        row_advance: Signal,
    ) -> None:
        """Loops: channel group, output row, output pixel, window row, window column."""
        address, coordinate = ACTIVATION_ADDRESS_BITS, signed(len(f.iy0) + 1)
        group, y, x, ky, kx = (
            Signal.like(limit, name=name)
            for name, limit in (("group", f.n_groups), ("y", f.n_y), ("x", f.n_x), ("ky", f.n_ky), ("kx", f.n_kx))
        )
        # Input addresses of the current channel group, output row, window, window row and tap; output likewise.
        group_at, row_at, window_at, line_at, tap_at = ins = [
            Signal(address, name=f"{level}_at") for level in ("group", "row", "window", "line", "tap")
        ]
        out_group_at, out_row_at, out_at = outs = [
            Signal(address, name=f"out_{level}_at") for level in ("group", "row", "window")
        ]
        row_iy, iy, window_ix, ix = (Signal(coordinate, name=name) for name in ("row_iy", "iy", "window_ix", "ix"))
        window_advance = Signal(address)
        last_kx, last_ky, last_x, last_y, last_group = (
            counter + 1 == limit
            for counter, limit in ((kx, f.n_kx), (ky, f.n_ky), (x, f.n_x), (y, f.n_y), (group, f.n_groups))
        )
        m.d.comb += [
            self.read.payload.eq(tap_at[self.byte_bits :]),
            tap.inside.eq((iy >= 0) & (iy < f.height) & (ix >= 0) & (ix < f.width)),
            tap.first.eq((ky == 0) & (kx == 0)),
            tap.last.eq(last_ky & last_kx),
            tap.final.eq(last_ky & last_kx & last_x & last_y & last_group),
            tap.address.eq(out_at),
        ]
        with m.If(begin):
            m.d.sync += [
                walking.eq(1),
                *(counter.eq(0) for counter in (group, y, x, ky, kx)),
                *(at.eq(f.base) for at in ins),
                *(at.eq(f.out_base) for at in outs),
                *(at.eq(f.iy0) for at in (row_iy, iy)),
                *(at.eq(f.ix0) for at in (window_ix, ix)),
                window_advance.eq(f.stride_x * self.rows),
            ]
        with m.If(step):
            m.d.sync += [kx.eq(kx + 1), ix.eq(ix + 1), tap_at.eq(tap_at + self.rows)]
            with m.If(last_kx):
                line = (line_at + f.row_step)[:address]
                m.d.sync += [kx.eq(0), ix.eq(window_ix), ky.eq(ky + 1), iy.eq(iy + 1)]
                m.d.sync += [at.eq(line) for at in (line_at, tap_at)]
            with m.If(tap.last):
                window = (window_at + window_advance)[:address]
                next_ix = (window_ix + f.stride_x)[: len(ix)].as_signed()
                m.d.sync += [ky.eq(0), iy.eq(row_iy), x.eq(x + 1), out_at.eq(out_at + self.rows)]
                m.d.sync += [at.eq(next_ix) for at in (window_ix, ix)]
                m.d.sync += [at.eq(window) for at in (window_at, line_at, tap_at)]
            with m.If(tap.last & last_x):
                row = (row_at + row_advance)[:address]
                out_row = (out_row_at + f.out_row_step)[:address]
                next_iy = (row_iy + f.stride_y)[: len(iy)].as_signed()
                m.d.sync += [x.eq(0), y.eq(y + 1), *(at.eq(f.ix0) for at in (window_ix, ix))]
                m.d.sync += [at.eq(next_iy) for at in (row_iy, iy)]
                m.d.sync += [at.eq(row) for at in (row_at, window_at, line_at, tap_at)]
                m.d.sync += [at.eq(out_row) for at in (out_row_at, out_at)]
            with m.If(tap.last & last_x & last_y):
                plane = (group_at + f.group_step)[:address]
                out_plane = (out_group_at + f.out_group_step)[:address]
                m.d.sync += [y.eq(0), group.eq(group + 1), *(at.eq(f.iy0) for at in (row_iy, iy))]
                m.d.sync += [at.eq(plane) for at in ins]
                m.d.sync += [at.eq(out_plane) for at in outs]
            with m.If(tap.final):
                m.d.sync += walking.eq(0)

    def _maximum(self, m: Module, taps: Fifo, words: Fifo) -> None:
        """Maximum of the words of a window, and the register that holds a result until it is written."""
        signed_bytes = data.ArrayLayout(signed(8), self.rows)
        maximum = Signal(signed_bytes, reset_less=True)
        word = data.View(signed_bytes, words.o.payload)
        tap = taps.o.payload
        take = Signal()
        complete = Signal()  # `maximum` is a window's result
        final = Signal()
        address = Signal(ACTIVATION_ADDRESS_BITS)
        pending = Signal()
        m.d.comb += [
            pending.eq(complete | (self.write.valid & ~self.write.ready)),
            # A window may end only when its result finds the write register empty.
            take.eq(taps.o.valid & (~tap.inside | words.o.valid) & ~(tap.last & pending)),
            taps.o.ready.eq(take),
            words.o.ready.eq(take & tap.inside),
        ]
        with m.If(take):
            for j in range(self.rows):
                with m.If(tap.inside & (tap.first | (word[j] > maximum[j]))):
                    m.d.sync += maximum[j].eq(word[j])
                with m.Elif(tap.first):
                    m.d.sync += maximum[j].eq(-128)
        m.d.sync += complete.eq(take & tap.last)
        with m.If(take & tap.last):
            m.d.sync += [final.eq(tap.final), address.eq(tap.address)]
        with m.If(self.write.ready):
            m.d.sync += self.write.valid.eq(0)
        with m.If(complete):
            m.d.sync += [
                self.write.valid.eq(1),
                self.write.payload.address.eq(address),
                self.write.payload.last.eq(final),
                self.write.payload.data.eq(maximum),
            ]
