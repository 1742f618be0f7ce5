"""Fetches the residual operand of a DRAIN instruction, word by word, a few words ahead of the output path."""

import math

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode
from tcugen.rtl.column_groups import column_after
from tcugen.rtl.decode import INSTRUCTION_BITS, fields

WORDS_AHEAD = 16
"""Requested or waiting. A word holds its place for 7 cycles at full rate, longer while the array has its bank."""


class ResidualReader(Component):
    """Reads the words that hold the residual operand in the order in which the drain walker uses them.

    Members:
        start, word: Pulse to begin with the instruction in `word`, which must not change until `active` falls.
        active: Not all words have been requested.
        request, response_valid, response: Port of the activation memory: word address; the words in the same order.
        valid, operand: The next word, until `pop`.

    Reset: empty.
    """

    start: Signal
    word: Signal
    active: Signal
    request: stream.Interface
    response_valid: Signal
    response: Signal
    valid: Signal
    operand: Signal
    pop: Signal

    def __init__(self, architecture: Architecture):
        a = self.architecture = architecture
        self.byte_bits = bits_for(a.rows)
        super().__init__(
            {
                "start": In(1),
                "word": In(INSTRUCTION_BITS),
                "active": Out(1),
                "request": Out(stream.Signature(ACTIVATION_ADDRESS_BITS - self.byte_bits)),
                "response_valid": In(1),
                "response": In(8 * a.rows),
                "valid": Out(1),
                "operand": Out(8 * a.rows),
                "pop": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        a = self.architecture
        f = fields(Opcode.DRAIN, self.word)
        m.submodules.words = words = SyncFIFO(width=8 * a.rows, depth=WORDS_AHEAD)
        owned = Signal(range(WORDS_AHEAD + 1))
        taken = Signal()
        m.d.comb += [
            taken.eq(self.request.valid & self.request.ready),
            self.request.valid.eq(self.active & (owned != WORDS_AHEAD)),
            words.w_en.eq(self.response_valid),
            words.w_data.eq(self.response),
            self.valid.eq(words.r_rdy),
            self.operand.eq(words.r_data),
            words.r_en.eq(self.pop),
        ]
        with m.If(taken & ~self.pop):
            m.d.sync += owned.eq(owned + 1)
        with m.If(~taken & self.pop):
            m.d.sync += owned.eq(owned - 1)

        column_at, row_at, pixel_at, word_at = (
            Signal(ACTIVATION_ADDRESS_BITS, name=f"{level}_at") for level in ("column", "row", "pixel", "word")
        )
        column_byte = Signal(self.byte_bits)
        column, y, x = (
            Signal.like(limit, name=name) for name, limit in (("column", f.n_columns), ("y", f.n_y), ("x", f.n_x))
        )
        # Column groups begin at multiples of `grain` bytes; those that begin last in a word touch the most words.
        grain = math.gcd(a.rows, a.columns)
        words_per_pixel = (a.rows - grain + a.columns - 1) // a.rows + 1
        part = Signal(bits_for(words_per_pixel))
        parts = Signal(bits_for(words_per_pixel + 1))
        last_column, last_y, last_x, last_part = (
            Signal(name=name) for name in ("last_column", "last_y", "last_x", "last_part")
        )
        x_step, y_step = f.out_x_step, f.out_y_step
        if a.per_channel:
            x_step, y_step = (Mux(f.per_channel, 0, step) for step in (x_step, y_step))
        steps_per_word = a.rows // a.output_lanes
        last_step, words_of_a_group = f.last_steps - 1, words_per_pixel
        if grain not in (a.rows, a.columns):
            first_step = column_byte >> (a.output_lanes - 1).bit_length()
            last_step += first_step
            words_of_a_group = (first_step + a.output_steps - 1 >> (steps_per_word - 1).bit_length()) + 1
        m.d.comb += [
            self.request.payload.eq(word_at[self.byte_bits :]),
            last_column.eq(column + 1 == f.n_columns),
            last_y.eq(y + 1 == f.n_y),
            last_x.eq(x + 1 == f.n_x),
            # Words that the steps of a pixel touch; a column group narrower than a word touches one.
            parts.eq(Mux(last_column, (last_step >> (steps_per_word - 1).bit_length()) + 1, words_of_a_group)),
            last_part.eq(part + 1 == parts),
        ]
        if words_per_pixel == 1:
            m.d.comb += last_part.eq(1)
        with m.If(self.start & f.residual):
            m.d.sync += [
                self.active.eq(1),
                *(at.eq(f.residual_base) for at in (column_at, row_at, pixel_at, word_at)),
                column_byte.eq(f.channel0),
                *(counter.eq(0) for counter in (column, y, x, part)),
            ]
        with m.If(taken):
            m.d.sync += [part.eq(part + 1), word_at.eq(word_at + f.residual_plane_step)]
            with m.If(last_part):
                next_pixel = (pixel_at + x_step)[:ACTIVATION_ADDRESS_BITS]
                m.d.sync += [part.eq(0), x.eq(x + 1), pixel_at.eq(next_pixel), word_at.eq(next_pixel)]
            with m.If(last_part & last_x):
                next_row = (row_at + y_step)[:ACTIVATION_ADDRESS_BITS]
                m.d.sync += [x.eq(0), y.eq(y + 1), row_at.eq(next_row), pixel_at.eq(next_row), word_at.eq(next_row)]
            with m.If(last_part & last_x & last_y):
                next_column = Signal(ACTIVATION_ADDRESS_BITS)
                next_at, next_byte = column_after(a, column_at, column_byte, f.residual_plane_step)
                m.d.comb += next_column.eq(next_at)
                if a.columns % a.rows:
                    m.d.sync += column_byte.eq(next_byte)
                m.d.sync += [y.eq(0), column.eq(column + 1), self.active.eq(~last_column)]
                m.d.sync += [at.eq(next_column) for at in (column_at, row_at, pixel_at, word_at)]
        return m
