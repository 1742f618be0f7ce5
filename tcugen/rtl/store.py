"""STORE: from the activation memory to a window of the memory."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode
from tcugen.rtl.axi import MAX_OUTSTANDING, REQUEST
from tcugen.rtl.decode import INSTRUCTION_BITS, fields
from tcugen.rtl.fifo import Fifo
from tcugen.rtl.packer import Packer, word_layout
from tcugen.rtl.row_ends import ROWS, RowEnds
from tcugen.rtl.segments import SegmentWalker

QUEUE_INSTRUCTIONS = 4
"""Instructions whose words may have been read before their first beat leaves."""

QUEUE_WORDS = 8
"""Words read ahead of the packer. A word holds its place for 6 cycles at full rate."""


class Store(wiring.Component):
    """Executes STORE instructions, in order, as fast as activation memory and bus allow.

    One walker requests bursts from the writer, another reads each word once; they may be in different instructions.
    A word is read only when the word queue has room for it. What follows the pixels of a row is sent as 0.

    Members:
        instruction: STORE instructions whose waits are over; other opcodes must not come here.
        read: Word addresses (byte address / rows) to the activation memory.
        word_valid, word: The words, in the same order.
        request, data: To the writer.
        answered: The writer's `done`: the oldest burst is in the memory.
        done: 1 for every instruction, in the cycle after its last burst was answered.

    Latency: the first read 2 cycles after the instruction is taken, its first beat 1 cycle after its word if
    bus_bytes <= rows.
    """

    instruction: stream.Interface
    read: stream.Interface
    word_valid: Signal
    word: Signal
    request: stream.Interface
    data: stream.Interface
    answered: Signal
    done: Signal
    queue_wrong: Signal
    word_wrong: Signal

    def __init__(self, architecture: Architecture):
        self._architecture, self._parity = architecture, architecture.parity
        self._word_bits = (8 + self._parity) * architecture.rows
        self._unit_bytes = min(architecture.bus_bytes, architecture.rows)
        self._row_bits = exact_log2(architecture.rows)
        super().__init__(
            {
                "instruction": In(stream.Signature(INSTRUCTION_BITS)),
                "read": Out(stream.Signature(ACTIVATION_ADDRESS_BITS - self._row_bits)),
                "word_valid": In(1),
                "word": In(self._word_bits),
                "request": Out(stream.Signature(REQUEST)),
                "data": Out(stream.Signature(8 * architecture.bus_bytes)),
                "answered": In(1),
                "done": Out(1),
                **({"queue_wrong": Out(1), "word_wrong": Out(1)} if self._parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rows, bus_bytes = self._architecture.rows, self._architecture.bus_bytes
        m.submodules.bursts = bursts = SegmentWalker(32, bus_bytes, BURST_BEATS, tag_bits=3, ahead=True)
        m.submodules.places = places = SegmentWalker(
            self._architecture.activation_address_bits, self._unit_bytes, rows // self._unit_bytes
        )

        m.submodules.row_queue = row_queue = Fifo(ROWS, QUEUE_INSTRUCTIONS, self._parity)
        store = fields(Opcode.STORE, self.instruction.payload)
        ready = Signal(init=1, name="ready")
        taken = Signal(name="instruction_taken")
        # A register: nobody's place goes by itself, and the instruction reaches all three.
        m.d.sync += ready.eq(bursts.i.ready & places.i.ready & row_queue.i.ready & ~taken)
        m.d.comb += [
            self.instruction.ready.eq(ready),
            taken.eq(self.instruction.valid & ready),
            bursts.i.valid.eq(taken),
            bursts.i.payload.tag.eq(store.window),
            bursts.i.payload.address.eq(store.offset),
            bursts.i.payload.segment_bytes.eq(store.segment_bytes),
            bursts.i.payload.segments.eq(store.segments),
            bursts.i.payload.step.eq(store.memory_step),
            places.i.valid.eq(taken),
            row_queue.i.valid.eq(taken),
            row_queue.i.payload.row_step.eq(store.row_step),
            row_queue.i.payload.row_bytes.eq(store.row_bytes),
            places.i.payload.address.eq(store.activation),
            places.i.payload.segment_bytes.eq(store.segment_bytes),
            places.i.payload.segments.eq(store.segments),
            places.i.payload.step.eq(store.activation_step),
        ]
        self._elaborate_request(m)
        self._elaborate_read(m)
        if self._parity:
            queues = (row_queue.wrong, m.submodules.lasts.wrong, m.submodules.extents.wrong)
            m.d.sync += [self.queue_wrong.eq(Cat(queues).any()), self.word_wrong.eq(m.submodules.row_ends.wrong)]
        return m

    def _elaborate_request(self, m: Module) -> None:
        """Pass bursts to the writer and count its answers by instruction."""
        bursts = m.submodules.bursts
        # One entry per burst that is with the writer: is it the last of its instruction? The writer holds those
        # without response and one that waits for its data.
        m.submodules.lasts = lasts = Fifo(1, 2 * MAX_OUTSTANDING, self._parity)
        burst = bursts.o.payload
        m.d.comb += [
            self.request.valid.eq(bursts.o.valid & lasts.i.ready),
            bursts.o.ready.eq(self.request.ready & lasts.i.ready),
            self.request.payload.window.eq(burst.tag),
            self.request.payload.offset.eq(burst.address),
            self.request.payload.beats.eq(burst.units),
            lasts.i.valid.eq(bursts.o.valid & self.request.ready),
            lasts.i.payload.eq(burst.last),
            lasts.o.ready.eq(self.answered),
        ]
        m.d.sync += self.done.eq(self.answered & lasts.o.valid & lasts.o.payload)

    def _elaborate_read(self, m: Module) -> None:
        """Read words and pack them."""
        places = m.submodules.places
        layout = word_layout(self._architecture)
        extent = data.StructLayout({name: layout[name].shape for name in ("position", "units", "last")})
        m.submodules.words = words = Fifo(self._word_bits, QUEUE_WORDS)
        # Which part of each word, also of those to come.
        m.submodules.extents = extents = Fifo(extent, QUEUE_WORDS, self._parity)
        m.submodules.packer = packer = Packer(self._architecture)
        m.submodules.row_ends = row_ends = RowEnds(self._architecture)
        wiring.connect(m, m.submodules.row_queue.o, row_ends.rows)
        wiring.connect(m, packer.o, row_ends.i)
        wiring.connect(m, row_ends.o, wiring.flipped(self.data))

        place = places.o.payload
        unit_bits = exact_log2(self._unit_bytes)
        m.d.comb += [
            self.read.valid.eq(places.o.valid & extents.i.ready),
            self.read.payload.eq(place.address[self._row_bits :]),
            places.o.ready.eq(self.read.ready & extents.i.ready),
            extents.i.valid.eq(places.o.valid & self.read.ready),
            extents.i.payload.position.eq(place.address[unit_bits : self._row_bits]),
            extents.i.payload.units.eq(place.units),
            extents.i.payload.last.eq(place.last),
            words.i.valid.eq(self.word_valid),
            words.i.payload.eq(self.word),
            packer.i.valid.eq(words.o.valid),
            packer.i.payload.data.eq(words.o.payload),
            *(packer.i.payload[name].eq(extents.o.payload[name]) for name in ("position", "units", "last")),
            words.o.ready.eq(packer.i.ready),
            extents.o.ready.eq(packer.i.ready & words.o.valid),
        ]
