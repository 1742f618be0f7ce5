"""Reads the program from memory and hands on its instructions in order, each with the shared part that holds for it."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import PART_BYTES, SHARED_FIELDS, Opcode, Window
from tcugen.program_format import BLOCK_BYTES, BLOCK_PARTS, WEIGHTS_HEADER_BYTES
from tcugen.registers import ErrorCode
from tcugen.rtl.axi import REQUEST
from tcugen.rtl.control import error_report
from tcugen.rtl.decode import INSTRUCTION_BITS, OPCODE_BITS, PART_BITS, header
from tcugen.rtl.fifo import Fifo
from tcugen.rtl.parity import protected, wrong_lanes
from tcugen.rtl.queue import StreamRegister

BURST_BYTES = 256
"""Longest burst: eight own parts, so that little is read in vain after END."""

BUFFER_BYTES = 1024
"""Of the program in flight or waiting to be decoded: two blocks, so that one comes while the other is worked off."""

_CODES = (ErrorCode.OPCODE, ErrorCode.LENGTH)


class Fetch(wiring.Component):
    """Fetches the header of the weights, then the program from offset 0 of window PROGRAM until END has been delivered.

    Nothing of a block of the program is handed on before it is verified; its header and sums never are.

    Members:
        start: Pulse. Exactly one per reset.
        window_bytes: Size of window PROGRAM; stable from `start` on. A last incomplete block is not read.
        verified: Pulse: one more block of the program is as the compiler wrote it; see `ImageCheck`.
        program_bytes: Size of the program, at most `window_bytes`; stable from the first `verified` on.
        request: To the bus reader; issued only when the buffer has room for all beats of the burst.
        beat_valid, beat_data: Beats of all requests, in order. No back-pressure.
        o: Instructions, own and shared part; the last one is END.
        error: OPCODE at the offset of an instruction that the program does not hold whole: its opcode is unknown, its
            shared part is missing and none came before, or the program ends before it; LENGTH at 0 if the window has
            no whole block. Nothing is delivered from there on.
        busy: Instructions, requests or beats are outstanding. Beats in flight after END are accepted and dropped.

    Throughput: a part every other cycle; where several beats are a part, one more cycle than these. Latency: the
    request two cycles after `start`; the first instruction of a block at most 4 cycles after `verified`.
    """

    start: Signal
    window_bytes: Signal
    verified: Signal
    program_bytes: Signal
    request: stream.Interface
    beat_valid: Signal
    beat_data: Signal
    o: stream.Interface
    error: data.View
    busy: Signal
    wrong: Signal

    def __init__(self, architecture: Architecture):
        self.bus_bytes, self.parity = architecture.bus_bytes, architecture.parity
        self.burst_beats = min(BURST_BEATS, BURST_BYTES // self.bus_bytes)
        self.header_beats = WEIGHTS_HEADER_BYTES // self.bus_bytes
        super().__init__(
            {
                "start": In(1),
                "window_bytes": In(32),
                "verified": In(1),
                "program_bytes": In(32),
                "request": Out(stream.Signature(REQUEST)),
                "beat_valid": In(1),
                "beat_data": In(8 * self.bus_bytes),
                "o": Out(stream.Signature(INSTRUCTION_BITS)),
                "error": Out(error_report(architecture)),
                "busy": Out(1),
                # Where memories have a parity bit: that of a beat or of a shared part that was used was wrong.
                **({"wrong": Out(1)} if self.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        capacity = BUFFER_BYTES // self.bus_bytes
        m.submodules.buffer = buffer = Fifo(8 * self.bus_bytes, capacity, self.parity)
        fetching = Signal()
        header_due = Signal(range(self.header_beats + 1), init=self.header_beats)  # beats of the weights' header
        is_end = Signal()  # END is offered
        m.d.comb += [
            buffer.i.payload.eq(self.beat_data),
            buffer.i.valid.eq(self.beat_valid & (header_due == 0)),
        ]
        with m.If(self.start):
            m.d.sync += fetching.eq(1)
        with m.Elif(is_end & self.o.valid & self.o.ready):
            m.d.sync += fetching.eq(0)

        with m.If(self.beat_valid & (header_due != 0)):
            m.d.sync += header_due.eq(header_due - 1)
        offset = Signal(32)
        due = self._request(m, capacity, offset, fetching & ~is_end, buffer.o.valid & buffer.o.ready)
        m.d.comb += self.busy.eq(fetching | self.request.valid | (due != 0))
        parts = stream.Signature(PART_BITS).create()
        (self._gather if self.bus_bytes < PART_BYTES else self._cut)(m, buffer, parts)
        shared_wrong = self._assemble(m, parts, fetching, is_end)
        if shared_wrong is not None:
            m.d.sync += self.wrong.eq(buffer.wrong | shared_wrong)
        return m

    def _whole_blocks(self):
        """Bytes of window PROGRAM in whole blocks."""
        unit = exact_log2(BLOCK_BYTES)
        return Cat(Const(0, unit), self.window_bytes[unit:])

    def _request(self, m: Module, capacity: int, offset: Signal, wanted, taken) -> Signal:
        """The header of the weights, then bursts as long as there is program left and room for one of full length.

        Two requests are at least two cycles apart, so what the next one depends on is found out in the cycle between
        them. Room that `taken` frees counts two cycles later.

        Returns the beats due.
        """
        beat_bits = exact_log2(self.bus_bytes)
        unrequested = Signal(32 - beat_bits)  # beats
        room = Signal(range(capacity + 1), init=capacity)
        due = Signal(range(capacity + self.header_beats + 1))
        heading = Signal(init=1)  # the next request is that of the header
        freed = Signal()
        possible = Signal()  # there is program left, and room for a burst
        burst = Signal(range(self.burst_beats + 1))
        beats = Signal(range(max(self.burst_beats, self.header_beats) + 1))
        issue = Signal()
        m.d.sync += [
            freed.eq(taken),
            possible.eq((unrequested != 0) & (room >= self.burst_beats)),
            burst.eq(Mux(unrequested >= self.burst_beats, self.burst_beats, unrequested)),
        ]
        m.d.comb += [
            beats.eq(Mux(heading, self.header_beats, burst)),
            issue.eq(wanted & ~self.request.valid & (heading | possible)),
        ]
        with m.If(self.request.ready):
            m.d.sync += self.request.valid.eq(0)
        with m.If(self.start):
            m.d.sync += unrequested.eq(self._whole_blocks() >> beat_bits)
        with m.If(issue):
            m.d.sync += [
                self.request.valid.eq(1),
                self.request.payload.window.eq(Mux(heading, Window.WEIGHTS, Window.PROGRAM)),
                self.request.payload.offset.eq(offset),
                self.request.payload.beats.eq(beats),
                heading.eq(0),
            ]
            with m.If(~heading):
                m.d.sync += [
                    unrequested.eq(unrequested - beats),
                    offset.eq(offset + (beats << beat_bits)),
                ]
        m.d.sync += [
            # Whether a burst is issued is known late, and how long it would be a cycle before.
            room.eq(Mux(issue & ~heading, room + freed - burst, room + freed)),
            due.eq(due - self.beat_valid + Mux(issue, beats, 0)),
        ]
        return due

    def _gather(self, m: Module, buffer: Fifo, parts) -> None:
        """Several beats are one part; the first ends in the least significant bytes.

        While a part is there no beat is taken, also when it leaves: so the buffer waits for nobody beyond this.
        """
        needed = PART_BYTES // self.bus_bytes
        word = Signal(PART_BITS, reset_less=True)
        beats = Signal(range(needed + 1))
        taken = Signal()
        m.d.comb += [
            parts.valid.eq(beats == needed),
            parts.payload.eq(word),
            buffer.o.ready.eq(~parts.valid),
            taken.eq(buffer.o.valid & buffer.o.ready),
        ]
        with m.If(taken):
            m.d.sync += word.eq(Cat(word, buffer.o.payload)[8 * self.bus_bytes :])
        m.d.sync += beats.eq(Mux(parts.valid & parts.ready, 0, beats) + taken)

    def _cut(self, m: Module, buffer: Fifo, parts) -> None:
        """One beat is one part or several, each of which takes its place in a register of its own."""
        pieces = self.bus_bytes // PART_BYTES
        number = Signal(range(pieces))
        last = number == pieces - 1
        m.submodules.part = part = StreamRegister(PART_BITS)
        m.d.comb += [
            part.i.valid.eq(buffer.o.valid),
            part.i.payload.eq(Array(buffer.o.payload.word_select(k, PART_BITS) for k in range(pieces))[number]),
            buffer.o.ready.eq(part.i.ready & last),
        ]
        wiring.connect(m, part.o, wiring.flipped(parts))
        with m.If(part.i.valid & part.i.ready):
            m.d.sync += number.eq(Mux(last, 0, number + 1))

    def _assemble(self, m: Module, parts, fetching: Signal, is_end: Signal) -> Value | None:
        """Take an own part, then deliver it with the shared part that follows or with the opcode's last one.

        The program's header and the last part of every block, which holds its sum, are dropped.

        Returns, of a machine with parity, whether a shared part that was delivered came wrong out of the memory.
        """
        m.submodules.shared_parts = shared_parts = Memory(
            shape=PART_BITS + self.parity, depth=1 << OPCODE_BITS - 1, init=[]
        )
        write = shared_parts.write_port()
        read = shared_parts.read_port()
        own = Signal(PART_BITS, reset_less=True)
        present = Signal()
        taken = Signal()
        sound = Signal()  # the present own part is judged, and offered as soon as its shared part is there
        unsound = Signal()  # it is judged, and an error
        wants_shared = Signal()  # it is sound and has a shared part of its own
        known = Signal(1 << OPCODE_BITS)  # opcodes whose shared part is in the memory, or that have none
        learned = Signal()  # the shared part of `learned_opcode` has come
        learned_opcode = Signal(OPCODE_BITS)
        unread = Signal(32 - exact_log2(PART_BYTES))  # parts of the program not taken yet
        more = Signal()  # there are such
        start = Signal.like(unread)  # of the present instruction, in parts
        position = Signal.like(unread)
        begun = Signal()  # a block was verified
        trusted = Signal(range(BUFFER_BYTES // PART_BYTES + BLOCK_PARTS))  # parts of verified blocks, not taken yet
        some_trusted = Signal()  # there are such
        framing = Signal(init=1)  # the next part is the header or a sum
        usable = Signal()
        part_taken = Signal()
        counted = Signal()  # a part was taken in the cycle before: the next one comes later than what follows from it
        of_own = header(own)
        kept = read.data[:PART_BITS] if self.parity else read.data
        exhausted = ~more & (~present | wants_shared)
        m.d.comb += [
            usable.eq(parts.valid & more & some_trusted & ~framing),
            self.o.valid.eq(fetching & sound & (~wants_shared | usable)),
            self.o.payload.eq(Cat(own, Mux(of_own.shared, parts.payload, kept))),
            taken.eq(self.o.valid & self.o.ready),
            # A part may be the shared part of the present instruction, or the own part of the next: it is taken along
            # with the instruction, for if that has a shared part, this part is what makes it valid.
            parts.ready.eq(fetching & more & some_trusted & (framing | ~present | (sound & self.o.ready))),
            part_taken.eq(parts.valid & parts.ready),
            read.en.eq(part_taken & ~framing & ~wants_shared),
            read.addr.eq(header(parts.payload).opcode),
            write.en.eq(taken & wants_shared),
            write.addr.eq(of_own.opcode),
            write.data.eq(protected(parts.payload, PART_BITS) if self.parity else parts.payload),
        ]
        # A register: what hangs on an error goes through the whole machine.
        m.d.sync += [
            self.error.valid.eq(fetching & (exhausted | unsound)),
            self.error.code.eq(Mux(begun, *(Const(code, len(self.error.code)) for code in _CODES))),
            self.error.address.eq(Mux(present, start, position) << exact_log2(PART_BYTES)),
        ]
        known_opcode = (of_own.opcode <= max(Opcode)) & (of_own.shared | known.bit_select(of_own.opcode, 1))
        m.d.sync += [
            sound.eq(present & ~taken & known_opcode),
            unsound.eq(present & ~taken & ~known_opcode),
            wants_shared.eq(present & ~taken & known_opcode & of_own.shared),
            is_end.eq(present & ~taken & (of_own.opcode == Opcode.END)),
        ]
        with m.If(self.start):
            m.d.sync += [
                more.eq(self._whole_blocks() != 0),
                known.eq(sum(1 << opcode for opcode in Opcode if not SHARED_FIELDS[opcode])),
            ]
        with m.Elif(self.verified & ~begun):
            m.d.sync += [begun.eq(1), unread.eq(self.program_bytes >> exact_log2(PART_BYTES))]
        with m.Elif(counted):
            m.d.sync += [unread.eq(unread - 1), more.eq(unread != 1), position.eq(position + 1)]
            m.d.sync += framing.eq(position[: exact_log2(BLOCK_PARTS)] == BLOCK_PARTS - 2)
        m.d.sync += trusted.eq(trusted + Mux(self.verified, BLOCK_PARTS, 0) - counted)
        with m.If(self.verified):
            m.d.sync += some_trusted.eq(1)
        with m.Elif(counted):
            m.d.sync += some_trusted.eq(trusted != 1)
        # A cycle later is soon enough: the next own part is read one cycle after a shared part, and judged after that.
        m.d.sync += [counted.eq(part_taken), learned.eq(write.en), learned_opcode.eq(of_own.opcode)]
        for opcode in Opcode:
            with m.If(learned & (learned_opcode == opcode)):
                m.d.sync += known[opcode].eq(1)
        with m.If(read.en):
            m.d.sync += [own.eq(parts.payload), start.eq(position), present.eq(1)]
        with m.Elif(taken):
            m.d.sync += present.eq(0)
        if not self.parity:
            return None
        delivered = Signal()
        have_shared = Const(sum(1 << opcode for opcode in Opcode if SHARED_FIELDS[opcode]), 1 << OPCODE_BITS)
        m.d.sync += delivered.eq(taken & ~of_own.shared & have_shared.bit_select(of_own.opcode, 1))
        return delivered & wrong_lanes(m, read.data, PART_BITS, "shared_part")
