"""The instructions of all units, each from its issue until its unit wants it, in one memory."""

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from tcugen.arch import QUEUE_DEPTH, bits_for
from tcugen.isa import INSTRUCTION_BYTES, OWN_BIT, Opcode, hardware_layout
from tcugen.rtl.decode import INSTRUCTION_BITS, header
from tcugen.rtl.parity import protected, wrong_lanes
from tcugen.rtl.sram import Sram

QUEUES = (Opcode.WEIGHT, Opcode.LOAD, Opcode.STORE, Opcode.COMPUTE, Opcode.DRAIN, Opcode.POOL)
"""One queue per unit, in the order of the bits of `Dispatch.unit_busy`."""

WORD_BITS = 64
"""Words in which instructions are written and read: one block RAM, or two, holds them all."""

HEADER_WORDS = OWN_BIT // WORD_BITS
WORD_NUMBER_BITS = exact_log2(8 * INSTRUCTION_BYTES // WORD_BITS)
_OPCODE_BITS = bits_for(max(QUEUES) + 1)


def used_words(opcode: Opcode, options: frozenset[str] = frozenset()) -> int:
    """Words up to the last that holds a field of `opcode` in a machine with these `Architecture.options`."""
    placed = hardware_layout(opcode, options).values()
    return -(-max(place.offset + place.field.bits for place in placed) // WORD_BITS)


class InstructionMemory(wiring.Component):
    """A queue of QUEUE_DEPTH instructions for each unit; header and body are read apart, word by word.

    Members:
        i: Instructions of QUEUES; of others nothing is taken. One is written word by word and taken with its last one.
        holds: By QUEUES, there is an instruction whose body has not been read.
        read_header, read_body: By QUEUES, wanted of the oldest such instruction, the header first. Both must stand
            until the words have come; reading the body lets the next instruction become the oldest.
        word, word_number: A word that was read; `word_en` says, by QUEUES, for whom.

    An instruction takes as many cycles to write as it has words (`used_words`), after one in which its queue is chosen,
    and can be read from the cycle of its first word. `i.ready` depends on registers only. One unit is served at a time,
    in the order of QUEUES; the first word comes 3 cycles after it was wanted, then one per cycle, the body's right
    after the header's if both are wanted.
    """

    i: stream.Interface
    holds: Signal
    read_header: Signal
    read_body: Signal
    word_en: Signal
    word_number: Signal
    word: Signal
    wrong: Signal

    def __init__(self, parity: int = 0, options: frozenset[str] = frozenset()):
        self._parity = parity
        self._used_words = {opcode: used_words(opcode, options) for opcode in QUEUES}
        super().__init__(
            {
                "i": In(stream.Signature(INSTRUCTION_BITS)),
                "holds": Out(len(QUEUES)),
                "read_header": In(len(QUEUES)),
                "read_body": In(len(QUEUES)),
                "word_en": Out(len(QUEUES)),
                "word_number": Out(WORD_NUMBER_BITS),
                "word": Out(WORD_BITS),
                # Where words have a parity bit: that of a word that was read was wrong.
                **({"wrong": Out(1)} if parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        slot_bits = exact_log2(QUEUE_DEPTH)
        m.submodules.words = words = Sram(WORD_BITS + self._parity, 1 << _OPCODE_BITS + slot_bits + WORD_NUMBER_BITS)
        started = Signal(len(QUEUES))
        written = Signal(len(QUEUES))
        read = Signal(len(QUEUES))
        tails, fronts, rooms = [], [], []
        for number, opcode in enumerate(QUEUES):
            name = opcode.name.lower()
            tails.append(tail := Signal(slot_bits, name=f"{name}_tail"))
            fronts.append(front := Signal(slot_bits, name=f"{name}_front"))
            level = Signal(slot_bits + 1, name=f"{name}_level")
            rooms.append(level != QUEUE_DEPTH)
            m.d.comb += self.holds[number].eq(level != 0)
            m.d.sync += [tail.eq(tail + written[number]), front.eq(front + read[number])]
            with m.If(started[number] != read[number]):
                m.d.sync += level.eq(level + (started[number] - read[number]))
        self._write(m, words, tails, rooms, started, written)
        self._read(m, words, fronts, read)
        return m

    def _write(self, m: Module, words: Sram, tails: list, rooms: list, started: Signal, written: Signal) -> None:
        """Choose the queue, then write word by word: nobody's ready follows from what is offered in the same cycle."""
        writing = Signal()
        queue = Signal(len(QUEUES))
        opcode = Signal(_OPCODE_BITS, name="written_opcode")
        tail = Signal.like(tails[0], name="tail")
        number = Signal(WORD_NUMBER_BITS)
        left = Signal(WORD_NUMBER_BITS)  # words after this one
        last = Signal()
        chosen = Signal(len(QUEUES))
        word = self.i.payload.word_select(number, WORD_BITS)
        m.d.comb += [
            self.i.ready.eq(last),
            started.eq(chosen),
            written.eq(queue & last.replicate(len(QUEUES))),
            words.write_en.eq(writing),
            words.write_addr.eq(Cat(number, tail, opcode)),
            words.write_data.eq(protected(word, WORD_BITS) if self._parity else word),
        ]
        m.d.sync += [number.eq(number + 1), left.eq(left - 1), last.eq(writing & (left == 1))]
        with m.If(last):
            m.d.sync += writing.eq(0)
        with m.If(~writing):
            offered = header(self.i.payload).opcode
            for index, one in enumerate(QUEUES):
                m.d.comb += chosen[index].eq(self.i.valid & (offered == one) & rooms[index])
                with m.If(offered == one):
                    m.d.sync += [tail.eq(tails[index]), left.eq(self._used_words[one] - 1)]
            m.d.sync += [writing.eq(chosen.any()), queue.eq(chosen), opcode.eq(offered), number.eq(0)]
            # A single word would be the last one at once.
            assert min(self._used_words.values()) > 1

    def _read(self, m: Module, words: Sram, fronts: list, read: Signal) -> None:
        served = Signal(len(QUEUES))
        opcode = Signal(_OPCODE_BITS)
        front = Signal.like(fronts[0], name="front")
        number = Signal(WORD_NUMBER_BITS)
        end = Signal(WORD_NUMBER_BITS)
        wanted = Signal(len(QUEUES))
        ends = Signal()
        m.d.comb += [
            wanted.eq(self.read_header | self.read_body),
            words.read_addr.eq(Cat(number, front, opcode)),
            ends.eq(number == end),
        ]
        # A word goes to all units: it leaves from a register, not from the memory.
        read_for = Signal(len(QUEUES))
        read_number = Signal(WORD_NUMBER_BITS)
        m.d.sync += [
            read_for.eq(served & words.read_en.replicate(len(QUEUES))),
            read_number.eq(number),
            self.word_en.eq(read_for),
            self.word_number.eq(read_number),
            self.word.eq(words.read_data[:WORD_BITS] if self._parity else words.read_data),
        ]
        if self._parity:
            m.d.sync += self.wrong.eq(self.word_en.any() & wrong_lanes(m, words.read_data, WORD_BITS, "word"))
        with m.FSM():
            with m.State("CHOOSE"):
                for index, one in reversed(list(enumerate(QUEUES))):
                    with m.If(wanted[index]):
                        m.d.sync += [
                            served.eq(1 << index),
                            opcode.eq(one),
                            front.eq(fronts[index]),
                            number.eq(Array([HEADER_WORDS, 0])[self.read_header[index]]),
                            end.eq(Array([HEADER_WORDS - 1, self._used_words[one] - 1])[self.read_body[index]]),
                        ]
                with m.If(wanted.any()):
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += words.read_en.eq(1)
                m.d.sync += number.eq(number + 1)
                with m.If(ends):
                    with m.If(end != HEADER_WORDS - 1):
                        m.d.comb += read.eq(served)
                    m.next = "SETTLE"
            # The last word is on its way to the unit, which will want it no more.
            with m.State("SETTLE"):
                m.next = "SETTLED"
            with m.State("SETTLED"):
                m.next = "CHOOSE"
