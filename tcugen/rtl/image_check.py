"""Whether program and weights are what the compiler wrote, found while they come over the bus."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import Architecture
from tcugen.program_format import BLOCK_BYTES
from tcugen.registers import ErrorCode
from tcugen.rtl.beat_crc import CRC_BITS, BeatCrc
from tcugen.rtl.control import error_report
from tcugen.rtl.header_check import HeaderCheck

PROGRAM, WEIGHTS, LOADED = range(3)
"""Numbers of the sums; the last one exists in machines with depthwise convolutions alone."""


class ImageCheck(wiring.Component):
    """Checks headers and sums of `program_format` on the beats that the reader hands to fetch and weight stream.

    A block of the program is `verified` when its sum holds and neither header has a flaw; fetch hands on nothing of a
    block before. The weights are summed up as they are read for the first time. Their sum is looked at when the program
    has ended: where it does not hold, or not all were read, the run ends in an error instead.

    Latency: 3 cycles from the last beat of a block to `verified`.

    Members:
        fetch_en: The beat is fetch's.
        fresh_en: The beat is one of weights that are read for the first time.
        beat: The beat.
        fresh_end: Offset in window WEIGHTS up to which weights were asked for.
        window_bytes: Size of window PROGRAM, stable.
        finished: Pulse: the program has ended, and all beats came 3 cycles ago or longer.
        verified: Pulse: one more block of the program holds.
        program_bytes: Size of the program, from its header; stable from the first `verified` on.
        error: A flaw of a header, at the number of its window; PROGRAM_CHECKSUM at the offset of the block;
            WEIGHTS_CHECKSUM at the offset up to which weights were read. The last one in the cycle of `finished`.
    """

    fetch_en: Signal
    fresh_en: Signal
    loaded_en: Signal
    beat: Signal
    fresh_end: Signal
    window_bytes: Signal
    finished: Signal
    verified: Signal
    program_bytes: Signal
    error: data.View

    def __init__(self, architecture: Architecture):
        self._architecture = architecture
        super().__init__(
            {
                "fetch_en": In(1),
                "fresh_en": In(1),
                # Where LOAD reads weights: `fresh_en` of those. Then `fresh_end` counts them too.
                **({"loaded_en": In(1)} if architecture.depthwise else {}),
                "beat": In(8 * architecture.bus_bytes),
                "fresh_end": In(32),
                "window_bytes": In(32),
                "finished": In(1),
                "verified": Out(1),
                "program_bytes": Out(32),
                "error": Out(error_report(architecture)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus_bytes = self._architecture.bus_bytes
        m.submodules.headers = headers = HeaderCheck(self._architecture)
        loaded = bool(self._architecture.depthwise)
        m.submodules.crc = crc = BeatCrc(bus_bytes, 2 + loaded)
        block_beats = BLOCK_BYTES // bus_bytes
        beat_number = Signal(range(block_beats))
        block = Signal(32 - exact_log2(BLOCK_BYTES))  # that is being verified
        of_program = Signal()
        is_last = Signal()  # the next beat of the program ends its block
        last = Signal()
        written = Signal(CRC_BITS, reset_less=True)  # the sum that the block holds
        ends = Signal(BeatCrc.LATENCY)  # cycles since its last beat
        m.d.comb += [
            headers.en.eq(self.fetch_en),
            headers.beat.eq(self.beat),
            headers.window_bytes.eq(self.window_bytes),
            self.program_bytes.eq(headers.program_bytes),
            of_program.eq(self.fetch_en & headers.of_program),
            last.eq(of_program & is_last),
            crc.en.eq(Cat(of_program, self.fresh_en, *([self.loaded_en] if loaded else []))),
            crc.beat.eq(self.beat),
            crc.cut.eq(last),
        ]
        m.d.sync += [beat_number.eq(beat_number + of_program), ends.eq(Cat(last, ends))]
        with m.If(of_program):
            m.d.sync += is_last.eq(beat_number == block_beats - 2)
        with m.If(last):
            m.d.sync += written.eq(self.beat[-CRC_BITS:])

        holds = Signal()
        wrong = Signal()  # stays
        m.d.comb += holds.eq(crc.crc[PROGRAM] == written)
        m.d.sync += self.verified.eq(ends[-1] & holds & ~headers.flawed & ~wrong)
        with m.If(ends[-1]):
            with m.If(holds):
                m.d.sync += block.eq(block + 1)
            with m.Else():
                m.d.sync += wrong.eq(1)

        complete = Signal()
        weights_crc = crc.crc[WEIGHTS] ^ crc.crc[LOADED] if loaded else crc.crc[WEIGHTS]
        m.d.sync += complete.eq((weights_crc == headers.weights_crc) & (self.fresh_end == headers.weights_bytes))
        if loaded:
            # Beside both together: changes of both parts could cancel.
            with m.If(crc.crc[LOADED] != headers.loaded_crc):
                m.d.sync += complete.eq(0)
        with m.If(headers.flawed):
            m.d.comb += [
                self.error.valid.eq(1),
                self.error.code.eq(headers.code),
                self.error.address.eq(headers.window),
            ]
        with m.Elif(wrong):
            m.d.comb += [
                self.error.valid.eq(1),
                self.error.code.eq(ErrorCode.PROGRAM_CHECKSUM),
                self.error.address.eq(Cat(Const(0, exact_log2(BLOCK_BYTES)), block)),
            ]
        with m.Else():
            m.d.comb += [
                self.error.valid.eq(self.finished & ~complete),
                self.error.code.eq(ErrorCode.WEIGHTS_CHECKSUM),
                self.error.address.eq(self.fresh_end),
            ]
        return m
