"""Which instruction waits longest: what is reported when no unit moves any more."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tcugen.arch import QUEUE_DEPTH
from tcugen.isa import Opcode
from tcugen.rtl.decode import OPCODE_BITS
from tcugen.rtl.dispatch import LAYER_BITS, QUEUES

WAITING = data.StructLayout({"opcode": OPCODE_BITS, "layer": LAYER_BITS})
"""An instruction in ERROR_ADDRESS: `opcode` in bits 3:0, `layer` in bits 15:4."""


class LongestWait(wiring.Component):
    """Keeps the order in which the units last moved, and names the instruction of the one that stands still longest.

    A unit has work if its queue holds an instruction or it is busy. It moves when it takes an instruction, and when one
    comes to a unit that has no work. Of the unit with work that moved first, the instruction that it took last is
    named while it is busy, else the one at its gate. Where no unit has work it is END, layer 0: the program itself.

    Latency: two cycles from the inputs to `o`, which means something once nothing has moved for so long.

    Members:
        entered, taken: One bit per queue, by QUEUES: an instruction enters the queue, or leaves it for its unit.
        busy: By QUEUES: the unit has work inside; follows `taken` in the next cycle.
        gate_layer: By QUEUES: the layer of the instruction at the gate; looked at while there is one.
        o: The instruction.
    """

    entered: Signal
    taken: Signal
    busy: Signal
    gate_layer: data.View
    o: data.View

    def __init__(self):
        super().__init__(
            {
                "entered": In(len(QUEUES)),
                "taken": In(len(QUEUES)),
                "busy": In(len(QUEUES)),
                "gate_layer": In(data.ArrayLayout(LAYER_BITS, len(QUEUES))),
                "o": Out(WAITING),
            }
        )

    def elaborate(self, platform):
        m = Module()
        units = range(len(QUEUES))
        inside_layers = [Signal(LAYER_BITS, name=f"inside_layer_{QUEUES[k].name.lower()}") for k in units]
        # Who takes and who is busy is known late in a cycle, and nobody asks before many cycles have passed.
        entered = Signal(len(QUEUES))
        taken = Signal(len(QUEUES))
        busy = Signal(len(QUEUES))
        m.d.sync += [entered.eq(self.entered), taken.eq(self.taken), busy.eq(self.busy)]
        has_work = Signal(len(QUEUES))
        moved = Signal(len(QUEUES))
        for k in units:
            queued = Signal(range(QUEUE_DEPTH + 2), name=f"queued_{QUEUES[k].name.lower()}")
            m.d.sync += queued.eq(queued + entered[k] - taken[k])
            m.d.comb += [
                has_work[k].eq((queued != 0) | busy[k]),
                moved[k].eq(taken[k] | (entered[k] & ~has_work[k])),
            ]
            with m.If(self.taken[k]):
                m.d.sync += inside_layers[k].eq(self.gate_layer[k])

        before: dict[tuple[int, int], Signal] = {}  # of units a < b: a moved before b
        for a in units:
            for b in units[a + 1 :]:
                before[a, b] = earlier = Signal(name=f"{QUEUES[a].name}_before_{QUEUES[b].name}".lower())
                with m.If(moved[a] | moved[b]):
                    m.d.sync += earlier.eq(moved[b])

        m.d.sync += self.o.eq(0)
        for k in units:
            earlier_than = (before[k, other] if k < other else ~before[other, k] for other in units if other != k)
            others = (~has_work[other] for other in units if other != k)
            first = has_work[k] & Cat(a | b for a, b in zip(earlier_than, others, strict=True)).all()
            with m.If(first):
                m.d.sync += [
                    self.o.opcode.eq(QUEUES[k]),
                    self.o.layer.eq(Mux(busy[k], inside_layers[k], self.gate_layer[k])),
                ]
        return m


assert Opcode.END == 0, "what is named where no unit has work"
