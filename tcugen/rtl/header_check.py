"""The headers of weights and program against what this machine is, word by word as they come."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import Architecture
from tcugen.isa import Window
from tcugen.program_format import (
    BLOCK_BYTES,
    FLAW_OF_WORD,
    HEADER_BYTES,
    PROGRAM_MAGIC,
    STREAMED_BYTES_WORD,
    WEIGHTS_HEADER_BYTES,
    WEIGHTS_MAGIC,
    WORDS,
    Flaw,
    constants,
)
from tcugen.registers import ErrorCode
from tcugen.rtl.control import code_shape

WORD_BYTES = 4
_WEIGHTS_WORDS = WEIGHTS_HEADER_BYTES // WORD_BYTES
_HEADER_WORDS = _WEIGHTS_WORDS + HEADER_BYTES // WORD_BYTES
"""Both headers: that of the weights and the zeros after it, then that of the program."""


class HeaderCheck(wiring.Component):
    """Looks at the first beats that fetch receives: the whole header of the weights, then that of the program.

    A word that must be what this machine is gives the error of that word; `weights_bytes` and `weights_crc` of the
    program must be those of the weights, else WEIGHTS; `program_bytes` must be whole blocks, not none, and fit its
    window, else LENGTH; anything else must be 0, else FORMAT. The first flaw stays.

    Latency: 1 cycle from a beat to `flawed`, 2 for LENGTH.

    Members:
        en, beat: A beat that fetch receives.
        window_bytes: Size of window PROGRAM, stable.
        of_program: The beat is one of the program's, with or after its header.
        flawed, code, window: The first flaw, and in what window.
        program_bytes, weights_bytes, weights_crc: From the headers, once they have come.
    """

    en: Signal
    beat: Signal
    window_bytes: Signal
    of_program: Signal
    flawed: Signal
    code: Signal
    window: Signal
    program_bytes: Signal
    weights_bytes: Signal
    weights_crc: Signal

    def __init__(self, architecture: Architecture):
        self._architecture = architecture
        super().__init__(
            {
                "en": In(1),
                "beat": In(8 * architecture.bus_bytes),
                "window_bytes": In(32),
                "of_program": Out(1),
                "flawed": Out(1),
                "code": Out(code_shape(architecture)),
                "window": Out(Window),
                "program_bytes": Out(32),
                "weights_bytes": Out(32),
                "weights_crc": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes = self._architecture.bus_bytes // WORD_BYTES
        beats = -(-_HEADER_WORDS // lanes)
        number = Signal(range(beats + 1))  # of the beat; stays at `beats` when the headers have come
        complete = Signal()
        m.d.sync += complete.eq(self.en & (number == beats - 1))
        with m.If(self.en & (number != beats)):
            m.d.sync += number.eq(number + 1)
        with m.If(self.en & (number == _WEIGHTS_WORDS // lanes - 1)):
            m.d.sync += self.of_program.eq(1)

        # A program that does not fit is found when its header has come; later words must not hide earlier ones.
        block_bits = exact_log2(BLOCK_BYTES)
        whole_blocks = (self.program_bytes[:block_bits] == 0) & (self.program_bytes[block_bits:] != 0)
        with m.If(complete & ~self.flawed & (~whole_blocks | (self.program_bytes > self.window_bytes))):
            m.d.sync += [self.flawed.eq(1), self.code.eq(ErrorCode.LENGTH), self.window.eq(Window.PROGRAM)]
        for lane in reversed(range(lanes)):
            self._lane(m, lane, lanes, beats, number)
        return m

    def _lane(self, m: Module, lane: int, lanes: int, beats: int, number: Signal) -> None:
        """One word of every beat; the lowest lane's flaw wins."""
        word = self.beat.word_select(lane, 8 * WORD_BYTES)
        expected = Signal(8 * WORD_BYTES, name=f"expected_{lane}")
        compared = Signal(name=f"compared_{lane}")
        code = Signal(code_shape(self._architecture), name=f"code_{lane}")
        with m.Switch(number):
            for beat in range(beats):
                place = beat * lanes + lane
                if place >= _HEADER_WORDS:
                    continue
                with m.Case(beat):
                    self._word(m, place, word, expected, compared, code)
        with m.If(self.en & compared & (word != expected) & ~self.flawed):
            m.d.sync += [
                self.flawed.eq(1),
                self.code.eq(code),
                self.window.eq(Mux(self.of_program, Window.PROGRAM, Window.WEIGHTS)),
            ]

    def _word(self, m: Module, place: int, word, expected: Signal, compared: Signal, code: Signal) -> None:
        """What word number `place` of both headers must be, or which register takes it."""
        in_program = place >= _WEIGHTS_WORDS
        at = place - _WEIGHTS_WORDS if in_program else place
        name = WORDS[at] if at < len(WORDS) else ""
        if place == STREAMED_BYTES_WORD and self._architecture.depthwise:
            return  # for who checks the file: here the sums and sizes of what is read count
        fixed = constants(PROGRAM_MAGIC if in_program else WEIGHTS_MAGIC, self._architecture)
        stored = {"weights_bytes": self.weights_bytes, "weights_crc": self.weights_crc}
        if name in fixed:
            m.d.comb += [compared.eq(1), expected.eq(fixed[name]), code.eq(ErrorCode[FLAW_OF_WORD[name].name])]
        elif name in stored and in_program:
            m.d.comb += [compared.eq(1), expected.eq(stored[name]), code.eq(ErrorCode[Flaw.WEIGHTS.name])]
        elif name in stored or in_program:
            with m.If(self.en):
                m.d.sync += stored.get(name, self.program_bytes).eq(word)
        else:
            m.d.comb += [compared.eq(1), expected.eq(0), code.eq(ErrorCode[Flaw.FORMAT.name])]
