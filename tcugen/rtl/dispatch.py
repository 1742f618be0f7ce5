"""Deals instructions to the queues of their units and holds each back until what it waits for is done."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tcugen.isa import COUNT_BITS, Opcode, Unit
from tcugen.rtl.control import SETTLE_CYCLES
from tcugen.rtl.decode import INSTRUCTION_BITS, header
from tcugen.rtl.gate import LAYER_BITS, InstructionGate
from tcugen.rtl.instruction_memory import QUEUES, InstructionMemory


class Dispatch(wiring.Component):
    """In-order dispatch to six queues, out-of-order start by counting.

    Members:
        i: The program, of known opcodes. An instruction waits while the queue of its unit is full, and all after it
            wait too.
        o_weight, o_load, o_store, o_compute, o_drain, o_pool: To the units; see InstructionGate.
        done_load, done_store, done_compute, done_drain, done_pool: Pulses, one more of this unit's work is complete.
            The counters are COUNT_BITS wide and stay at their maximum.
        unit_busy: By QUEUES. A unit is busy from the cycle after it took an instruction until all its work is done.
        bus_idle: Nothing is requested from the bus, on it or due.
        finished: One pulse, in the cycle after END has been taken and SETTLE_CYCLES cycles in a row all queues were
            empty, no unit busy and the bus idle. Nothing is accepted after END.
        compute_empty, compute_waiting, compute_wait_unit, compute_layer: State of the compute queue, for counters.

    Counters start at 0 with a reset. From a done pulse to the offer of an instruction that waited for it: 2 cycles,
    if its body is there. What is offered at `i` stays until it is taken.
    """

    i: stream.Interface
    o_weight: stream.Interface
    o_load: stream.Interface
    o_store: stream.Interface
    o_compute: stream.Interface
    o_drain: stream.Interface
    o_pool: stream.Interface
    done_load: Signal
    done_store: Signal
    done_compute: Signal
    done_drain: Signal
    done_pool: Signal
    unit_busy: Signal
    bus_idle: Signal
    finished: Signal
    compute_empty: Signal
    compute_waiting: Signal
    compute_wait_unit: Signal
    compute_layer: Signal
    instruction_wrong: Signal

    def __init__(self, parity: int = 0, options: frozenset[str] = frozenset()):
        self._parity, self._options = parity, options
        super().__init__(
            {
                "i": In(stream.Signature(INSTRUCTION_BITS)),
                **{f"o_{opcode.name.lower()}": Out(stream.Signature(INSTRUCTION_BITS)) for opcode in QUEUES},
                **{f"done_{unit.name.lower()}": In(1) for unit in Unit},
                "unit_busy": In(len(QUEUES)),
                "bus_idle": In(1),
                "finished": Out(1),
                "compute_empty": Out(1),
                "compute_waiting": Out(1),
                "compute_wait_unit": Out(range(len(Unit))),
                "compute_layer": Out(LAYER_BITS),
                **({"instruction_wrong": Out(1)} if parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        completed = {}
        for unit in Unit:
            name = f"completed_{unit.name.lower()}"
            completed[name] = count = Signal(COUNT_BITS, name=name)
            with m.If(getattr(self, f"done_{unit.name.lower()}") & ~count.all()):
                m.d.sync += count.eq(count + 1)

        m.submodules.memory = memory = InstructionMemory(self._parity, self._options)
        if self._parity:
            m.d.comb += self.instruction_wrong.eq(memory.wrong)
        gates = {}
        for number, opcode in enumerate(QUEUES):
            name = opcode.name.lower()
            m.submodules[name] = gates[opcode] = gate = InstructionGate(opcode, self._options)
            m.d.comb += [
                gate.holds.eq(memory.holds[number]),
                memory.read_header[number].eq(gate.read_header),
                memory.read_body[number].eq(gate.read_body),
                gate.word_en.eq(memory.word_en[number]),
                gate.word_number.eq(memory.word_number),
                gate.word.eq(memory.word),
                *(getattr(gate, member).eq(count) for member, count in completed.items()),
            ]
            wiring.connect(m, gate.o, wiring.flipped(getattr(self, f"o_{name}")))
        compute = gates[Opcode.COMPUTE]
        m.d.comb += [
            self.compute_empty.eq(compute.empty),
            self.compute_waiting.eq(compute.waiting),
            self.compute_wait_unit.eq(compute.wait_unit),
            self.compute_layer.eq(compute.layer),
        ]

        ends = Signal()  # END is at `i`
        ended = Signal()
        m.d.comb += [
            memory.i.payload.eq(self.i.payload),
            memory.i.valid.eq(self.i.valid & ~ended),
            self.i.ready.eq(ends | memory.i.ready),
        ]
        m.d.sync += ends.eq(self.i.valid & ~ends & ~ended & (header(self.i.payload).opcode == Opcode.END))
        with m.If(ends):
            m.d.sync += ended.eq(1)
        self._finish(m, Cat(gate.empty for gate in gates.values()).all(), ended)
        return m

    def _finish(self, m: Module, all_empty, ended: Signal) -> None:
        still = Signal()
        quiet = Signal()
        reported = Signal()
        quiet_cycles = Signal(range(SETTLE_CYCLES))
        m.d.comb += [
            quiet.eq(ended & ~reported & still),
            self.finished.eq(quiet & (quiet_cycles == SETTLE_CYCLES - 1)),
        ]
        m.d.sync += [
            still.eq(ended & all_empty & ~self.unit_busy.any() & self.bus_idle),
            quiet_cycles.eq(Mux(quiet, quiet_cycles + 1, 0)),
        ]
        with m.If(self.finished):
            m.d.sync += reported.eq(1)
