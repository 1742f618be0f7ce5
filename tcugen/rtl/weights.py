"""The weight stream: parameters and weights from memory into their rings, ahead of the array, in the order of use."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import exact_log2

from tcugen.arch import PARAMETER_BYTES, Architecture, bits_for
from tcugen.isa import Opcode, Window
from tcugen.program_format import WEIGHTS_HEADER_BYTES
from tcugen.rtl.axi import REQUEST
from tcugen.rtl.decode import INSTRUCTION_BITS, fields
from tcugen.rtl.multiple import multiple
from tcugen.rtl.parity import plain, protected, wrong_lanes
from tcugen.rtl.ring import Ring

BURSTS_AHEAD = 32
"""Bursts requested and not complete: more than the reader keeps in flight."""


def weight_ring(architecture: Architecture) -> Ring:
    """Weight tiles, read row by row."""
    a = architecture
    return Ring(a.weight_tiles, a.tile_bytes, a.bus_bytes, a.columns, a.parity)


def parameter_ring(architecture: Architecture) -> Ring:
    """Groups of `columns` channels' parameters, read for `output_lanes` channels at a time."""
    a = architecture
    return Ring(a.parameter_groups, a.parameter_group_bytes, a.bus_bytes, a.output_lanes * PARAMETER_BYTES, a.parity)


class WeightStream(Component):
    """Executes WEIGHT instructions: requests bursts while the rings have room and sorts arriving beats.

    Members:
        instruction: WEIGHT instructions.
        request, beat_en, beat: Client of the bus reader.
        claim_weights, claim_parameters, claim_beats, free_weights, free_parameters: Room in the rings, in beats. It is
            claimed in the cycle after a request, and looked at again in the second one after that.
        weight_en, parameter_en: The beat goes into that ring.
        fresh_en: The beat was not read before in this run: its burst begins where the fresh ones before it end.
        fresh_end: Offset up to which fresh bursts were requested, from that of the first byte after the header on.
        busy: Not all requested beats have arrived, or an instruction is under way.

    A burst takes at most half of the weight ring. Rate: one burst every three cycles.
    """

    instruction: stream.Interface
    request: stream.Interface
    beat_en: Signal
    claim_weights: Signal
    claim_parameters: Signal
    claim_beats: Signal
    free_weights: Signal
    free_parameters: Signal
    weight_en: Signal
    parameter_en: Signal
    fresh_en: Signal
    fresh_end: Signal
    busy: Signal
    queue_wrong: Signal

    def __init__(self, architecture: Architecture):
        a = architecture
        self.bus_bytes = a.bus_bytes
        self.group_beats = a.parameter_group_bytes // a.bus_bytes
        self.tile_beats = a.tile_bytes // a.bus_bytes
        self.weight_capacity = a.weight_buffer_bytes // a.bus_bytes
        self.parameter_capacity = a.parameter_buffer_bytes // a.bus_bytes
        self.burst_beats = a.weight_burst_beats
        self.tables, self.parity = a.tables, a.parity
        super().__init__(
            {
                "instruction": In(stream.Signature(INSTRUCTION_BITS)),
                "request": Out(stream.Signature(REQUEST)),
                "beat_en": In(1),
                "claim_weights": Out(1),
                "claim_parameters": Out(1),
                "claim_beats": Out(bits_for(self.burst_beats + 1)),
                "free_weights": In(bits_for(self.weight_capacity + 1)),
                "free_parameters": In(bits_for(self.parameter_capacity + 1)),
                "weight_en": Out(1),
                "parameter_en": Out(1),
                "fresh_en": Out(1),
                "fresh_end": Out(32, init=WEIGHTS_HEADER_BYTES),  # pyright: ignore[reportCallIssue]  # amaranth-stubs lacks `init`
                "busy": Out(1),
                **({"queue_wrong": Out(1)} if a.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        burst_bits = bits_for(self.burst_beats + 1)
        m.submodules.bursts = bursts = SyncFIFOBuffered(width=burst_bits + 3 + self.parity, depth=BURSTS_AHEAD)
        self._receive(m, bursts)

        word = Signal(INSTRUCTION_BITS)
        f = fields(Opcode.WEIGHT, word)
        offset = Signal(len(f.offset))
        column = Signal(len(f.n_columns))
        weights = Signal()  # the segment under way holds weights, not parameters
        left = Signal(len(f.n_tiles) + bits_for(self.tile_beats + 1))
        beats = Signal(burst_bits)
        to_boundary = Signal(burst_bits)
        chosen = Signal(burst_bits)
        fresh = Signal()  # the chosen burst
        ends = Signal()  # the segment with it
        last_column = Signal()
        claims = Signal()
        beat_shift = (self.bus_bytes - 1).bit_length()
        burst = Cat(chosen, chosen == 1, weights, fresh)
        m.d.comb += [
            to_boundary.eq(self.burst_beats - offset[beat_shift : beat_shift + exact_log2(self.burst_beats)]),
            beats.eq(Mux(left < to_boundary, left, to_boundary)),
            self.request.payload.window.eq(Window.WEIGHTS),
            self.request.payload.offset.eq(offset),
            self.request.payload.beats.eq(chosen),
            bursts.w_data.eq(protected(burst, len(burst)) if self.parity else burst),
        ]
        m.d.sync += [
            self.claim_weights.eq(claims & weights),
            self.claim_parameters.eq(claims & ~weights),
            self.claim_beats.eq(chosen),
            last_column.eq(column + 1 == f.n_columns),
        ]
        room = Signal()  # for the chosen burst: once there is room, it stays
        free = Mux(weights, self.free_weights >= chosen, self.free_parameters >= chosen)
        m.d.sync += room.eq(free & bursts.w_rdy)
        # A table is groups of parameters without weights.
        column_ends = weights | (f.n_tiles == 0) if self.tables else weights
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.instruction.ready.eq(1)
                with m.If(self.instruction.valid):
                    m.d.sync += word.eq(self.instruction.payload)
                    m.next = "PREPARE"
            with m.State("PREPARE"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += [offset.eq(f.offset), column.eq(0), weights.eq(0), left.eq(self.group_beats)]
                m.next = "CHOOSE"
            with m.State("CHOOSE"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += [
                    chosen.eq(beats),
                    ends.eq(left <= to_boundary),
                    room.eq(0),
                    fresh.eq(offset == self.fresh_end),
                ]
                m.next = "REQUEST"
            with m.State("REQUEST"):
                m.d.comb += self.busy.eq(1)
                m.d.comb += self.request.valid.eq(room)
                with m.If(room & self.request.ready):
                    m.d.comb += [claims.eq(1), bursts.w_en.eq(1)]
                    following = offset + (chosen << beat_shift)
                    m.d.sync += [offset.eq(following), left.eq(left - chosen)]
                    with m.If(fresh):
                        m.d.sync += self.fresh_end.eq(following)
                    m.next = "CHOOSE"
                    with m.If(ends):
                        m.d.sync += [weights.eq(~column_ends), left.eq(self.group_beats)]
                        with m.If(~column_ends):
                            m.d.sync += left.eq(multiple(f.n_tiles, self.tile_beats))
                        with m.Else():
                            m.d.sync += column.eq(column + 1)
                            with m.If(last_column):
                                m.next = "IDLE"
        with m.If(bursts.r_rdy):
            m.d.comb += self.busy.eq(1)
        return m

    def _receive(self, m: Module, bursts: SyncFIFOBuffered) -> None:
        """Count the beats of each burst, in the order of the requests."""
        count = Signal(range(self.burst_beats))
        begun = Signal()  # the burst has had a beat, and `ends` says whether the next one is its last
        ends = Signal()
        last = Signal()
        burst = bursts.r_data
        if self.parity:
            there = Signal()
            burst = plain(bursts.r_data, len(bursts.r_data) - 1)
            m.d.sync += there.eq(bursts.r_rdy)
            m.d.sync += self.queue_wrong.eq(there & wrong_lanes(m, bursts.r_data, len(burst), "burst"))
        beats, single, weights, fresh = burst[:-3], *burst[-3:]
        m.d.comb += [
            last.eq(Mux(begun, ends, single)),
            self.weight_en.eq(self.beat_en & weights),
            self.parameter_en.eq(self.beat_en & ~weights),
            self.fresh_en.eq(self.beat_en & fresh),
            bursts.r_en.eq(self.beat_en & last),
        ]
        with m.If(self.beat_en):
            m.d.sync += [count.eq(count + 1), begun.eq(~last), ends.eq(count + 2 == beats)]
            with m.If(last):
                m.d.sync += count.eq(0)
