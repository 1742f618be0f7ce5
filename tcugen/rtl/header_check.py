"""The headers of weights and program against what this machine is, word by word as they come."""

from dataclasses import dataclass

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
    LOADED_CRC_WORD,
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


@dataclass(frozen=True)
class _Demand:
    """What a word of the headers must be, and the error if it is not; or the register that takes it."""

    value: int | Signal | None = None
    code: ErrorCode = ErrorCode.NONE
    taken_by: Signal | None = None


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
        loaded_crc: The same, in machines with depthwise convolutions alone.
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
    loaded_crc: Signal

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
                **({"loaded_crc": Out(32)} if architecture.depthwise else {}),
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
        """One word of every beat; the lowest lane's flaw wins.

        What the word of a beat must be is chosen while the beat before comes.
        """
        word = self.beat.word_select(lane, 8 * WORD_BYTES)
        demands = [self._demand(beat * lanes + lane) for beat in range(beats)]
        first = demands[0] or _Demand()
        assert not isinstance(first.value, Signal), "the first beat has words of the weights only"
        expected = Signal(8 * WORD_BYTES, name=f"expected_{lane}", init=first.value or 0)
        compared = Signal(name=f"compared_{lane}", init=first.value is not None)
        codes = code_shape(self._architecture)
        code = Signal(codes, name=f"code_{lane}", init=codes(first.code.value))
        with m.If(self.en):
            m.d.sync += compared.eq(0)
            with m.Switch(number):
                for beat, (now, then) in enumerate(zip(demands, [*demands[1:], None], strict=True)):
                    with m.Case(beat):
                        if now is not None and now.taken_by is not None:
                            m.d.sync += now.taken_by.eq(word)
                        if then is not None and then.value is not None:
                            # What is taken in this beat can be asked of the next one.
                            value = word if now is not None and then.value is now.taken_by else then.value
                            m.d.sync += [compared.eq(1), expected.eq(value), code.eq(then.code)]
        with m.If(self.en & compared & (word != expected) & ~self.flawed):
            m.d.sync += [
                self.flawed.eq(1),
                self.code.eq(code),
                self.window.eq(Mux(self.of_program, Window.PROGRAM, Window.WEIGHTS)),
            ]

    def _demand(self, place: int) -> "_Demand | None":
        """Of word number `place` of both headers; None beyond them."""
        if place >= _HEADER_WORDS:
            return None
        in_program = place >= _WEIGHTS_WORDS
        at = place - _WEIGHTS_WORDS if in_program else place
        name = WORDS[at] if at < len(WORDS) else ""
        if place == STREAMED_BYTES_WORD and self._architecture.depthwise:
            return None  # for who checks the file: here the sums and sizes of what is read count
        if place == LOADED_CRC_WORD and self._architecture.depthwise:
            return _Demand(taken_by=self.loaded_crc)
        fixed = constants(PROGRAM_MAGIC if in_program else WEIGHTS_MAGIC, self._architecture)
        stored = {"weights_bytes": self.weights_bytes, "weights_crc": self.weights_crc}
        if name in fixed:
            return _Demand(fixed[name], ErrorCode[FLAW_OF_WORD[name].name])
        if name in stored and in_program:
            return _Demand(stored[name], ErrorCode[Flaw.WEIGHTS.name])
        if name in stored or in_program:
            return _Demand(taken_by=stored.get(name, self.program_bytes))
        return _Demand(0, ErrorCode[Flaw.FORMAT.name])
