"""The gate in front of a unit: holds the unit's next instruction back until what it waits for is done."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from tcugen.isa import COUNT_BITS, Opcode, Unit, hardware_layout, layout
from tcugen.rtl.decode import INSTRUCTION_BITS, header
from tcugen.rtl.instruction_memory import HEADER_WORDS, WORD_BITS, WORD_NUMBER_BITS, used_words

LAYER_BITS = layout(Opcode.END)["layer"].field.bits

IN_PLACE = (Opcode.COMPUTE, Opcode.DRAIN, Opcode.POOL)
"""Opcodes whose units read the body where it is, as long as they work on it: they have no register for it."""


class InstructionGate(Component):
    """The oldest instruction of one opcode, read from the memory of instructions.

    Members:
        holds, read_header, read_body, word_en, word_number, word: One queue's share of InstructionMemory.
        completed_load .. completed_pool: What each unit has completed; may only grow.
        o: The oldest instruction, from the cycle after its waits hold until it is taken. Bits between its fields are 0.
            Of an opcode IN_PLACE, what follows the header stays until the unit is ready again, which it becomes when
            it needs that no more; it is ready whether or not an instruction is there. The body is read then.
            Others get theirs while their unit is at work.
        empty: No instruction is inside.
        waiting: The oldest instruction waits, first of all for unit `wait_unit` (isa.Unit; 0 when none waits).
        layer: Of the oldest instruction, or of the last one that left if there is none.
    """

    holds: Signal
    read_header: Signal
    read_body: Signal
    word_en: Signal
    word_number: Signal
    word: Signal
    completed_load: Signal
    completed_store: Signal
    completed_compute: Signal
    completed_drain: Signal
    completed_pool: Signal
    o: stream.Interface
    empty: Signal
    waiting: Signal
    wait_unit: Signal
    layer: Signal

    def __init__(self, opcode: Opcode, options: frozenset[str] = frozenset()):
        self.opcode, self._options = opcode, options
        super().__init__(
            {
                "holds": In(1),
                "read_header": Out(1),
                "read_body": Out(1),
                "word_en": In(1),
                "word_number": In(WORD_NUMBER_BITS),
                "word": In(WORD_BITS),
                **{f"completed_{unit.name.lower()}": In(COUNT_BITS) for unit in Unit},
                "o": Out(stream.Signature(INSTRUCTION_BITS)),
                "empty": Out(1),
                "waiting": Out(1),
                "wait_unit": Out(range(len(Unit))),
                "layer": Out(LAYER_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        present = Signal()  # the header
        loaded = Signal()  # the body
        taken = Signal()
        self._receive(m, present, loaded, taken)
        m.d.comb += [
            self.read_header.eq(self.holds & ~present),
            self.read_body.eq(self.holds & ~loaded & (self.o.ready if self.opcode in IN_PLACE else 1)),
            self.empty.eq(~self.holds & ~present),
        ]

        # The comparisons are registered and stand once they hold; `judged` says that they belong to the present header.
        decoded = header(self.o.payload)
        judged = Signal()
        all_reached = Signal()
        reached = Signal(len(Unit))
        last_layer = Signal(LAYER_BITS)
        m.d.comb += [
            all_reached.eq(judged & reached.all()),
            self.o.valid.eq(all_reached & loaded),
            taken.eq(self.o.valid & self.o.ready),
            self.waiting.eq(judged & ~reached.all()),
            self.layer.eq(Mux(present, decoded.layer, last_layer)),
        ]
        m.d.sync += judged.eq(present & ~taken)
        waits = {unit: Signal(COUNT_BITS, name=f"wait_{unit.name.lower()}") for unit in Unit}
        m.d.comb += [wait.eq(getattr(decoded, wait.name)) for wait in waits.values()]
        with m.If(present & ~all_reached):
            for unit, wait in waits.items():
                m.d.sync += reached[unit].eq(getattr(self, f"completed_{unit.name.lower()}") >= wait)
        with m.If(self.waiting):
            for unit in reversed(Unit):
                with m.If(~reached[unit]):
                    m.d.comb += self.wait_unit.eq(unit)
        with m.If(taken):
            m.d.sync += last_layer.eq(decoded.layer)
        return m

    def _receive(self, m: Module, present: Signal, loaded: Signal, taken: Signal) -> None:
        """Registers of the words, as far as they hold fields."""
        fields = 0
        for placed in hardware_layout(self.opcode, self._options).values():
            fields |= (1 << placed.field.bits) - 1 << placed.offset
        last = used_words(self.opcode, self._options) - 1
        with m.If(taken):
            m.d.sync += [present.eq(0), loaded.eq(0)]
        words = []
        for number in range(last + 1):
            used = fields >> number * WORD_BITS & (1 << WORD_BITS) - 1
            word = Signal(used.bit_length(), name=f"word_{number}", reset_less=True)
            with m.If(self.word_en & (self.word_number == number)):
                m.d.sync += word.eq(self.word)
                if number == HEADER_WORDS - 1:
                    m.d.sync += present.eq(1)
                if number == last:
                    m.d.sync += loaded.eq(1)
            words.append(Cat(word, Const(0, WORD_BITS - len(word))))
        m.d.comb += self.o.payload.eq(Cat(words))
