"""LOAD: from a window of the memory to the activation memory."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import BURST_BEATS, Architecture, bits_for
from tcugen.isa import Opcode, Window
from tcugen.rtl.activation import write_layout
from tcugen.rtl.axi import REQUEST
from tcugen.rtl.decode import INSTRUCTION_BITS, fields
from tcugen.rtl.fifo import Fifo
from tcugen.rtl.segments import SegmentWalker, transfer_layout

QUEUE_BEATS = 256
"""Beats requested or waiting for the activation memory. A burst's space is taken at its request and free again beat by
beat, so full rate needs latency + one burst - 1 + about 8 cycles: 139 beats at 100 cycles."""

QUEUE_INSTRUCTIONS = 4
"""Instructions whose requests may be complete before their first byte arrives."""


class Load(wiring.Component):
    """Executes LOAD instructions, in order, as fast as bus and activation memory allow.

    Two walkers: one requests bursts, the other places the beats that come back; a queue of QUEUE_INSTRUCTIONS lies
    between, so the requests of the next instructions go out while the beats of this one are still arriving. A burst
    is requested only when the beat queue has room for it and for everything in flight.

    Members:
        instruction: LOAD instructions whose waits are over; other opcodes must not come here.
        request: To the reader.
        beat_valid, beat_data: From the reader; taken in any cycle.
        write: To the activation memory, min(bus_bytes, rows) bytes each, ascending within a segment.
        written: The activation memory has done the last write of an instruction.
        done: 1 for every instruction, in that cycle.

    Latency: a request 5 cycles after the instruction is taken, a write 4 cycles after `beat_valid`. One burst every
    other cycle.
    """

    instruction: stream.Interface
    request: stream.Interface
    fresh_request: stream.Interface
    fresh_bytes: Signal
    beat_valid: Signal
    beat_data: Signal
    write: stream.Interface
    written: Signal
    done: Signal
    queue_wrong: Signal
    beat_wrong: Signal

    def __init__(self, architecture: Architecture):
        self._bus_bytes, self._parity = architecture.bus_bytes, architecture.parity
        self._write_bytes = min(architecture.bus_bytes, architecture.rows)
        self._address_bits = architecture.activation_address_bits
        self._loads_weights = bool(architecture.depthwise)
        # Where LOAD reads weights. To the reader as well, never at the same time as `request`: bursts of window WEIGHTS
        # that were not read before in this run, the first one and all that begin where the fresh ones before end.
        # `fresh_bytes`: what of them was requested.
        fresh = {"fresh_request": Out(stream.Signature(REQUEST)), "fresh_bytes": Out(32)}
        super().__init__(
            {
                "instruction": In(stream.Signature(INSTRUCTION_BITS)),
                "request": Out(stream.Signature(REQUEST)),
                **(fresh if self._loads_weights else {}),
                "beat_valid": In(1),
                "beat_data": In(8 * architecture.bus_bytes),
                "write": Out(stream.Signature(write_layout(self._write_bytes))),
                "written": In(1),
                "done": Out(1),
                **({"queue_wrong": Out(1), "beat_wrong": Out(1)} if architecture.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.bursts = bursts = SegmentWalker(32, self._bus_bytes, BURST_BEATS, tag_bits=3, ahead=True)
        m.submodules.plans = plans = Fifo(transfer_layout(self._address_bits, 0), QUEUE_INSTRUCTIONS, self._parity)
        m.submodules.places = places = SegmentWalker(self._address_bits, self._write_bytes, 1, back_to_back=True)
        m.submodules.beats = beats = Fifo(8 * self._bus_bytes, QUEUE_BEATS, self._parity)
        if self._parity:
            m.d.sync += [self.queue_wrong.eq(plans.wrong), self.beat_wrong.eq(beats.wrong)]
        wiring.connect(m, plans.o, places.i)

        load = fields(Opcode.LOAD, self.instruction.payload)
        m.d.comb += [
            self.instruction.ready.eq(bursts.i.ready & plans.i.ready),
            bursts.i.valid.eq(self.instruction.valid & plans.i.ready),
            bursts.i.payload.tag.eq(load.window),
            bursts.i.payload.address.eq(load.offset),
            bursts.i.payload.segment_bytes.eq(load.segment_bytes),
            bursts.i.payload.segments.eq(load.segments),
            bursts.i.payload.step.eq(load.memory_step),
            plans.i.valid.eq(self.instruction.valid & bursts.i.ready),
            plans.i.payload.address.eq(load.activation),
            plans.i.payload.segment_bytes.eq(load.segment_bytes),
            plans.i.payload.segments.eq(load.segments),
            plans.i.payload.step.eq(load.activation_step),
        ]
        self._elaborate_request(m)
        self._elaborate_write(m)
        return m

    def _elaborate_request(self, m: Module) -> None:
        """Request bursts that the beat queue has room for, found out in the cycle before: there it only grows."""
        bursts, beats = m.submodules.bursts, m.submodules.beats
        room = Signal(range(QUEUE_BEATS + 1), init=QUEUE_BEATS)  # beats neither requested nor in the queue
        free = Signal()  # the request's place, in the next cycle
        take = Signal()  # there is room for the burst that is offered, and the request's place is free
        taken = Signal(range(BURST_BEATS + 1))
        burst = bursts.o.payload
        # A register, so that the walker waits for nothing else.
        m.d.comb += [bursts.o.ready.eq(take), free.eq(~self.request.valid | self.request.ready)]
        m.d.sync += take.eq(bursts.o.valid & ~take & (room >= burst.units) & free)
        with m.If(self.request.ready):
            m.d.sync += self.request.valid.eq(0)
        with m.If(take):
            m.d.comb += taken.eq(burst.units)
            m.d.sync += [
                self.request.valid.eq(1),
                self.request.payload.window.eq(burst.tag),
                self.request.payload.offset.eq(burst.address),
                self.request.payload.beats.eq(burst.units),
            ]
        m.d.sync += room.eq(room - taken + (beats.o.valid & beats.o.ready))
        if self._loads_weights:
            self._elaborate_fresh(m, free, take)

    def _elaborate_fresh(self, m: Module, free: Signal, take: Signal) -> None:
        """Move fresh bursts to the other stream. Which they are is found out in the cycle before, as the room is."""
        burst = m.submodules.bursts.o.payload
        fresh_end = Signal.like(burst.address, reset_less=True)
        is_fresh = Signal()
        n_bytes = burst.units << exact_log2(self._bus_bytes)
        follows = (self.fresh_bytes == 0) | (burst.address == fresh_end)
        m.d.comb += [
            free.eq(
                (~self.request.valid | self.request.ready) & (~self.fresh_request.valid | self.fresh_request.ready)
            ),
            self.fresh_request.payload.eq(self.request.payload),
        ]
        m.d.sync += is_fresh.eq((burst.tag == Window.WEIGHTS) & follows)
        with m.If(self.fresh_request.ready):
            m.d.sync += self.fresh_request.valid.eq(0)
        with m.If(take & is_fresh):
            m.d.sync += [
                self.request.valid.eq(0),
                self.fresh_request.valid.eq(1),
                fresh_end.eq(burst.address + n_bytes),
                self.fresh_bytes.eq(self.fresh_bytes + n_bytes),
            ]

    def _elaborate_write(self, m: Module) -> None:
        """Cut the beats into writes."""
        places, beats = m.submodules.places, m.submodules.beats
        pieces = self._bus_bytes // self._write_bytes
        piece = Signal(bits_for(pieces))  # of the beat, to be written next
        advance = Signal()
        last_piece = Signal()
        m.d.comb += [
            self.done.eq(self.written),
            beats.i.valid.eq(self.beat_valid),
            beats.i.payload.eq(self.beat_data),
            advance.eq(places.o.valid & beats.o.valid & (~self.write.valid | self.write.ready)),
            places.o.ready.eq(advance),
            last_piece.eq(piece == pieces - 1),
            beats.o.ready.eq(advance & last_piece),
        ]
        with m.If(self.write.ready):
            m.d.sync += self.write.valid.eq(0)
        with m.If(advance):
            m.d.sync += [
                piece.eq(Mux(last_piece, 0, piece + 1)),
                self.write.valid.eq(1),
                self.write.payload.address.eq(places.o.payload.address),
                self.write.payload.data.eq(beats.o.payload.word_select(piece, 8 * self._write_bytes)),
                self.write.payload.last.eq(places.o.payload.last),
            ]
