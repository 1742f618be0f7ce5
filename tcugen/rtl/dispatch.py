"""Deals instructions to the queues of their units and holds each back until what it waits for is done."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tcugen.arch import QUEUE_DEPTH
from tcugen.isa import COUNT_BITS, Opcode, Unit, layout
from tcugen.rtl.control import SETTLE_CYCLES
from tcugen.rtl.decode import INSTRUCTION_BITS, header

QUEUES = (Opcode.WEIGHT, Opcode.LOAD, Opcode.STORE, Opcode.COMPUTE, Opcode.DRAIN, Opcode.POOL)
"""One queue per unit, in the order of the bits of `Dispatch.unit_busy`."""

LAYER_BITS = layout(Opcode.END)["layer"].field.bits


def _used_bits(opcode: Opcode) -> int:
    """Bits of an instruction up to the last that its unit reads; gaps before it are kept, so that nothing shifts."""
    return max(placed.offset + placed.field.bits for placed in layout(opcode).values())


class InstructionQueue(wiring.Component):
    """QUEUE_DEPTH instructions of one opcode, one more at the gate.

    Members:
        i: Instructions of `opcode`; the opcode itself is not looked at.
        completed_load .. completed_pool: What each unit has completed; may only grow.
        o: The oldest instruction, from the cycle after its waits hold until it is taken. Bits after its last field
            are 0.
        empty: No instruction is inside.
        waiting: The oldest instruction waits, first of all for unit `wait_unit` (isa.Unit; 0 when none waits).
        layer: Of the oldest instruction, or of the last one that left if there is none.

    An instruction can leave 3 cycles after it entered and every other cycle.
    """

    i: stream.Interface
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

    def __init__(self, opcode: Opcode):
        self.opcode = opcode
        super().__init__(
            {
                "i": In(stream.Signature(INSTRUCTION_BITS)),
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
        head, present, taken = self._store(m)
        m.d.comb += self.o.payload.eq(head)

        # The comparisons are registered and stand once they hold; `judged` says that they belong to the present head.
        decoded = header(head)
        judged = Signal()
        all_reached = Signal()
        reached = Signal(len(Unit))
        last_layer = Signal(LAYER_BITS)
        m.d.comb += [
            all_reached.eq(judged & reached.all()),
            self.o.valid.eq(all_reached),
            taken.eq(all_reached & self.o.ready),
            self.waiting.eq(judged & ~reached.all()),
            self.layer.eq(Mux(present, decoded.layer, last_layer)),
        ]
        m.d.sync += judged.eq(present & ~taken)
        with m.If(present & ~all_reached):
            for unit in Unit:
                name = unit.name.lower()
                m.d.sync += reached[unit].eq(getattr(self, f"completed_{name}") >= getattr(decoded, f"wait_{name}"))
        with m.If(self.waiting):
            for unit in reversed(Unit):
                with m.If(~reached[unit]):
                    m.d.comb += self.wait_unit.eq(unit)
        with m.If(taken):
            m.d.sync += last_layer.eq(decoded.layer)
        return m

    def _store(self, m: Module) -> tuple[Signal, Signal, Signal]:
        """The queue; returns the oldest instruction, whether there is one, and `taken`, which the caller drives.

        A small memory and a register after it, which holds the oldest instruction: payloads move only when
        an instruction does, and the waits are compared from a register.
        """
        used = _used_bits(self.opcode)
        m.submodules.storage = storage = Memory(shape=used, depth=QUEUE_DEPTH, init=[])
        write = storage.write_port()
        read = storage.read_port()
        tail = Signal(range(QUEUE_DEPTH))
        front = Signal(range(QUEUE_DEPTH))
        stored = Signal(range(QUEUE_DEPTH + 1))  # in the memory, the oldest instruction not counted
        present = Signal()
        taken = Signal()
        put = Signal()
        move = Signal()
        head = Signal(INSTRUCTION_BITS)
        word = self.i.payload
        m.d.comb += [
            self.empty.eq((stored == 0) & ~present),
            self.i.ready.eq(stored != QUEUE_DEPTH),
            put.eq(self.i.valid & self.i.ready),
            move.eq((stored != 0) & (~present | taken)),
            write.en.eq(put),
            write.addr.eq(tail),
            write.data.eq(word),
            read.en.eq(move),
            read.addr.eq(front),
            head.eq(read.data),
        ]
        m.d.sync += [
            tail.eq(tail + put),
            front.eq(front + move),
            stored.eq(stored + put - move),
            present.eq(move | (present & ~taken)),
        ]
        return head, present, taken


class Dispatch(wiring.Component):
    """In-order dispatch to six queues, out-of-order start by counting.

    Members:
        i: The program, of known opcodes. An instruction waits while the queue of its unit is full, and all after it
            wait too.
        o_weight, o_load, o_store, o_compute, o_drain, o_pool: To the units; see InstructionQueue.
        done_load, done_store, done_compute, done_drain, done_pool: Pulses, one more of this unit's work is complete.
            The counters are COUNT_BITS wide and stay at their maximum.
        unit_busy: By QUEUES. A unit is busy from the cycle after it took an instruction until all its work is done.
        bus_idle: Nothing is requested from the bus, on it or due.
        finished: One pulse, when END has been taken and SETTLE_CYCLES cycles in a row all queues were empty, no unit
            busy and the bus idle. Nothing is accepted after END.
        compute_empty, compute_waiting, compute_wait_unit, compute_layer: State of the compute queue, for counters.

    Counters start at 0 with a reset. From a done pulse to the offer of an instruction that waited for it: 2 cycles.
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

    def __init__(self):
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

        queues = {}
        for opcode in QUEUES:
            name = opcode.name.lower()
            m.submodules[name] = queues[opcode] = queue = InstructionQueue(opcode)
            m.d.comb += queue.i.payload.eq(self.i.payload)
            m.d.comb += [getattr(queue, member).eq(count) for member, count in completed.items()]
            wiring.connect(m, queue.o, wiring.flipped(getattr(self, f"o_{name}")))
        compute = queues[Opcode.COMPUTE]
        m.d.comb += [
            self.compute_empty.eq(compute.empty),
            self.compute_waiting.eq(compute.waiting),
            self.compute_wait_unit.eq(compute.wait_unit),
            self.compute_layer.eq(compute.layer),
        ]

        ended = Signal()
        self._deal(m, queues, ended)
        self._finish(m, Cat(queue.empty for queue in queues.values()).all(), ended)
        return m

    def _deal(self, m: Module, queues: dict[Opcode, InstructionQueue], ended: Signal) -> None:
        with m.If(self.i.valid & ~ended):
            with m.Switch(header(self.i.payload).opcode):
                for opcode, queue in queues.items():
                    with m.Case(opcode):
                        m.d.comb += [queue.i.valid.eq(1), self.i.ready.eq(queue.i.ready)]
                with m.Case(Opcode.END):
                    m.d.comb += self.i.ready.eq(1)
                    m.d.sync += ended.eq(1)

    def _finish(self, m: Module, all_empty, ended: Signal) -> None:
        quiet = Signal()
        reported = Signal()
        quiet_cycles = Signal(range(SETTLE_CYCLES))
        m.d.comb += [
            quiet.eq(ended & ~reported & all_empty & ~self.unit_busy.any() & self.bus_idle),
            self.finished.eq(quiet & (quiet_cycles == SETTLE_CYCLES - 1)),
        ]
        m.d.sync += quiet_cycles.eq(Mux(quiet, quiet_cycles + 1, 0))
        with m.If(self.finished):
            m.d.sync += reported.eq(1)
