"""Reads the program from memory and deals out its instructions in order."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import INSTRUCTION_BYTES, Opcode, Window
from tcugen.registers import ErrorCode
from tcugen.rtl.axi import Request
from tcugen.rtl.control import error_report
from tcugen.rtl.decode import INSTRUCTION_BITS
from tcugen.rtl.fifo import Fifo

BURST_BYTES = 256
"""Longest burst: four instructions, so that little is read in vain behind END."""

BURSTS = 4
"""Bursts in flight or waiting to be decoded."""


class Fetch(wiring.Component):
    """Fetches from offset 0 of window PROGRAM until END has been delivered.

    Members:
        start: Pulse. Exactly one per reset.
        program_bytes: Size of window PROGRAM; stable from `start` on. A last incomplete instruction is not read.
        request: To the bus reader; issued only when the buffer has room for all beats of the burst.
        beat_valid, beat_data: Beats of all requests, in order. No back-pressure.
        o: Instructions, the last one is END.
        error: OPCODE at the offset behind the last instruction, from the cycle after its delivery on if it was not
            END. Nothing is read outside the window.
        busy: Instructions, requests or beats are outstanding. Beats in flight behind END are accepted and dropped.

    Throughput: one beat per cycle, an instruction each INSTRUCTION_BYTES / bus_bytes cycles. Latency: the request
    two cycles after `start`; an instruction at most 4 cycles after its last beat.
    """

    def __init__(self, architecture: Architecture):
        self.bus_bytes = architecture.bus_bytes
        self.burst_beats = min(BURST_BEATS, BURST_BYTES // self.bus_bytes)
        self.beats_per_instruction = INSTRUCTION_BYTES // self.bus_bytes
        super().__init__(
            {
                "start": In(1),
                "program_bytes": In(32),
                "request": Out(stream.Signature(Request)),
                "beat_valid": In(1),
                "beat_data": In(8 * self.bus_bytes),
                "o": Out(stream.Signature(INSTRUCTION_BITS)),
                "error": Out(error_report(architecture)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        capacity = BURSTS * self.burst_beats
        m.submodules.buffer = buffer = Fifo(8 * self.bus_bytes, capacity)
        fetching = Signal()
        undelivered = Signal(32 - exact_log2(INSTRUCTION_BYTES))  # instructions
        is_end = Signal()
        delivered = Signal()
        offset = Signal(32)
        m.d.comb += [
            buffer.i.payload.eq(self.beat_data),
            buffer.i.valid.eq(self.beat_valid),
            is_end.eq(self.o.valid & (self.o.payload[:4] == Opcode.END)),
            delivered.eq(self.o.valid & self.o.ready),
            self.error.valid.eq(fetching & (undelivered == 0)),
            self.error.code.eq(ErrorCode.OPCODE),
            self.error.address.eq(offset),
        ]
        with m.If(self.start):
            m.d.sync += [fetching.eq(1), undelivered.eq(self.program_bytes >> exact_log2(INSTRUCTION_BYTES))]
        with m.Elif(delivered):
            m.d.sync += undelivered.eq(undelivered - 1)
            with m.If(is_end):
                m.d.sync += fetching.eq(0)

        taken = Signal()
        due = self._request(m, capacity, offset, fetching & ~is_end, taken)
        m.d.comb += self.busy.eq(fetching | self.request.valid | (due != 0))
        self._assemble(m, buffer, fetching, taken)
        return m

    def _request(self, m: Module, capacity: int, offset: Signal, wanted, taken: Signal) -> Signal:
        """Bursts as long as there is program left and room for one of full length. Returns the beats due."""
        beat_bits = exact_log2(self.bus_bytes)
        unrequested = Signal(32 - beat_bits)  # beats
        room = Signal(range(capacity + 1), init=capacity)
        due = Signal(range(capacity + 1))
        beats = Signal(range(self.burst_beats + 1))
        issue = Signal()
        m.d.comb += [
            beats.eq(Mux(unrequested >= self.burst_beats, self.burst_beats, unrequested)),
            issue.eq(wanted & ~self.request.valid & (unrequested != 0) & (room >= self.burst_beats)),
            self.request.payload.window.eq(Window.PROGRAM),
        ]
        with m.If(self.request.ready):
            m.d.sync += self.request.valid.eq(0)
        with m.If(self.start):
            whole = self.program_bytes[exact_log2(INSTRUCTION_BYTES) :]
            m.d.sync += unrequested.eq(Cat(Const(0, exact_log2(INSTRUCTION_BYTES) - beat_bits), whole))
        with m.If(issue):
            m.d.sync += [
                self.request.valid.eq(1),
                self.request.payload.offset.eq(offset),
                self.request.payload.beats.eq(beats),
                unrequested.eq(unrequested - beats),
                offset.eq(offset + (beats << beat_bits)),
            ]
        m.d.sync += [
            room.eq(room + taken - Mux(issue, beats, 0)),
            due.eq(due - self.beat_valid + Mux(issue, beats, 0)),
        ]
        return due

    def _assemble(self, m: Module, buffer: Fifo, fetching: Signal, taken: Signal) -> None:
        """Shift beats into one instruction; the first beat ends in the least significant bytes."""
        word = Signal(INSTRUCTION_BITS, reset_less=True)
        beats = Signal(range(self.beats_per_instruction + 1))
        full = Signal()
        m.d.comb += [
            full.eq(beats == self.beats_per_instruction),
            self.o.valid.eq(full & fetching),
            self.o.payload.eq(word),
            buffer.o.ready.eq(fetching & (~full | self.o.ready)),
            taken.eq(buffer.o.valid & buffer.o.ready),
        ]
        with m.If(taken):
            m.d.sync += word.eq(Cat(word, buffer.o.payload)[8 * self.bus_bytes :])
        with m.If(full & self.o.ready):
            m.d.sync += beats.eq(taken)
        with m.Else():
            m.d.sync += beats.eq(beats + taken)
