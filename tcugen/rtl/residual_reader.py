"""Fetches the residual operand of a DRAIN instruction, word by word, a few words ahead of the output path."""

import math

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture, bits_for
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode
from tcugen.rtl.column_groups import column_step
from tcugen.rtl.decode import INSTRUCTION_BITS, DrainFields, fields
from tcugen.rtl.loops import Level, Loops

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
        word_bits = (8 + a.parity) * a.rows  # with their parity bits, if they have any
        super().__init__(
            {
                "start": In(1),
                "word": In(INSTRUCTION_BITS),
                "active": Out(1),
                "request": Out(stream.Signature(ACTIVATION_ADDRESS_BITS - self.byte_bits)),
                "response_valid": In(1),
                "response": In(word_bits),
                "valid": Out(1),
                "operand": Out(word_bits),
                "pop": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        a = self.architecture
        f = fields(Opcode.DRAIN, self.word)
        m.submodules.words = words = SyncFIFO(width=len(self.response), depth=WORDS_AHEAD)
        owned = Signal(range(WORDS_AHEAD + 1))
        taken = Signal()
        m.d.comb += [
            taken.eq(self.request.valid & self.request.ready),
            self.request.valid.eq(self.active & (owned != WORDS_AHEAD)),
            words.w_en.eq(self.response_valid),
            words.w_data.eq(self.response),
            self.operand.eq(words.r_data),
            words.r_en.eq(self.pop),
        ]
        # As the queue's own `r_rdy`, from a register.
        m.d.sync += self.valid.eq(self.response_valid | (words.r_level > self.pop))
        with m.If(taken & ~self.pop):
            m.d.sync += owned.eq(owned + 1)
        with m.If(~taken & self.pop):
            m.d.sync += owned.eq(owned - 1)

        column_byte = Signal(self.byte_bits)
        next_step, next_byte = column_step(a, column_byte, f.residual_plane_step)
        # Column groups begin at multiples of `grain` bytes; those that begin last in a word touch the most words.
        grain = math.gcd(a.rows, a.columns)
        words_per_pixel = (a.rows - grain + a.columns - 1) // a.rows + 1
        x_step, y_step = f.out_x_step, f.out_y_step
        if a.per_channel:
            x_step, y_step = (Mux(f.per_channel, 0, step) for step in (x_step, y_step))
        levels = {"column": Level(f.n_columns), "y": Level(f.n_y), "x": Level(f.n_x)}
        steps: dict[str, Value] = {"column": next_step, "y": y_step, "x": x_step}
        next_parts = Signal(bits_for(words_per_pixel + 1))
        if words_per_pixel > 1:
            parts = self._parts(f, f.channel0, f.n_columns == 1, words_per_pixel)
            levels["part"] = Level(parts[: len(next_parts)], next_parts)
            steps["part"] = f.residual_plane_step
        begin = self.start & f.residual
        loops = Loops(m, begin, taken, levels)
        word_at = loops.address("{}_at", f.residual_base, steps)
        m.d.comb += self.request.payload.eq(word_at[self.byte_bits :])
        turns = loops.turns["column"]
        next_last = Mux(turns, loops.next_last["column"], loops.last["column"])
        byte = Mux(turns, next_byte, column_byte) if a.columns % a.rows else column_byte
        m.d.comb += next_parts.eq(self._parts(f, byte, next_last, words_per_pixel))
        with m.If(begin):
            m.d.sync += [self.active.eq(1), column_byte.eq(f.channel0)]
        with m.Elif(taken & turns):
            m.d.sync += self.active.eq(~loops.last["column"])
            if a.columns % a.rows:
                m.d.sync += column_byte.eq(next_byte)
        return m

    def _parts(self, f: DrainFields, byte: Value, last_column: Value, words_per_pixel: int) -> Value:
        """Words that the steps of a pixel touch, of a column group that begins at `byte` of a word."""
        a = self.architecture
        steps_per_word = a.rows // a.output_lanes
        last_step, words_of_a_group = f.last_steps - 1, words_per_pixel
        if math.gcd(a.rows, a.columns) not in (a.rows, a.columns):
            first_step = byte[: self.byte_bits] >> (a.output_lanes - 1).bit_length()
            last_step += first_step
            words_of_a_group = (first_step + a.output_steps - 1 >> (steps_per_word - 1).bit_length()) + 1
        return Mux(last_column, (last_step >> (steps_per_word - 1).bit_length()) + 1, words_of_a_group)
