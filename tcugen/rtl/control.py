"""The run: start, stop on an error, reset, watchdog and interrupt.

    start accepted in cycle t      IDLE, DONE or ERROR
    t + 1   CLEAR                  core_reset: every unit, the queues and the counters return to their initial state
    t + 2   RUNNING                fetch_start in this first cycle
    ...     RUNNING                finished -> DONE; an error, a hung core -> STOPPING; a hung bus -> ERROR
    ...     STOPPING               halt; once the bus has been idle for SETTLE_CYCLES -> ERROR or, for a soft reset,
                                   CLEAR and then IDLE

So nothing of one run reaches the next, and every run takes the same number of cycles before its first request.
"""

from enum import IntEnum
from typing import cast

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from tcugen.arch import Architecture
from tcugen.registers import ErrorCode, error_codes

SETTLE_CYCLES = 4
"""Consecutive cycles of silence after which nothing is on its way between two blocks any more."""


class State(enum.Enum):
    """States of a run."""

    IDLE = 0
    CLEAR = 1
    RUNNING = 2
    STOPPING = 3
    DONE = 4
    ERROR = 5


_CODES_WITHOUT_PARITY = IntEnum("ErrorCode", {code.name: code.value for code in error_codes(0)})
"""By the same name, which is that of its values in the Verilog."""


def code_shape(architecture: Architecture) -> type[IntEnum]:
    """What holds an error code of this machine: those that it cannot have take no bit."""
    return ErrorCode if architecture.parity else cast(type[IntEnum], _CODES_WITHOUT_PARITY)


def error_report(architecture: Architecture) -> data.StructLayout:
    """What a block reports: in a cycle with `valid`, error `code` at byte `address` of memory or of the program."""
    return data.StructLayout({"valid": 1, "code": code_shape(architecture), "address": architecture.bus_address_bits})


class Control(wiring.Component):
    """The run state machine.

    Members:
        start, soft_reset, clear_interrupt: Pulses from the host. A start while not `startable` is ignored; a soft
            reset wins over a start and is accepted in every state.
        interrupt_enable, watchdog: Settings from the host; stable while `busy`. `watchdog` is in cycles, 0 never fires.
        finished: Pulse, the program's END has been reached.
        errors: Reports; the lowest index wins in a cycle, the first cycle wins in a run. Looked at while RUNNING only,
            and stronger than `finished` in the same cycle.
        reader_idle, writer_idle: No request accepted, address offered or response due; low from the cycle after
            the acceptance of a request.
        bus_activity: A handshake on any channel of the bus in this cycle.
        core_activity: A unit moved in this cycle or the one before.
        waiting: What is reported as address of a hung core.
        core_reset: One cycle before each run and after each soft reset; for a ResetInserter around everything else
            but the host.
        fetch_start: Pulse, the cycle after core_reset.
        halt: The bus accepts no request and issues no new address. High from the cycle after an error until the reset.
        running: The cycles that are counted, from `fetch_start` to `finished`, both included.
        startable, busy, done, failed, error_code, error_address: Status for the host.
        interrupt: Level; set at done and at an error while enabled, until cleared by the host, a start or a reset.

    The watchdog counts cycles in a row in which nothing moves. While reader or writer is not idle that is the bus, and
    when it has counted `watchdog` of them the error is BUS_HUNG (address 0, or that of the error which was being
    handled). `halt` then stays; the machine accepts a start once memory has answered everything after all, and a soft
    reset ends in BUS_HUNG again as long as it has not: only the reset of the whole bus helps then. Otherwise, and while
    RUNNING only, it is the core, and the error is CORE_HUNG at `waiting`.

    After READ_LAST what is still due cannot be known: there the watchdog ends STOPPING without another error, or the
    soft reset that waits. Until memory has sent as many beats as were asked for, the next start needs a soft reset.
    """

    start: Signal
    soft_reset: Signal
    clear_interrupt: Signal
    interrupt_enable: Signal
    watchdog: Signal
    finished: Signal
    errors: data.View
    reader_idle: Signal
    writer_idle: Signal
    bus_activity: Signal
    core_activity: Signal
    waiting: Signal
    core_reset: Signal
    fetch_start: Signal
    halt: Signal
    running: Signal
    startable: Signal
    busy: Signal
    done: Signal
    failed: Signal
    error_code: Signal
    error_address: Signal
    interrupt: Signal

    def __init__(self, architecture: Architecture, sources: int):
        if sources < 1:
            raise ValueError(f"sources is {sources!r}, but there must be at least one source of errors")
        self.sources = sources
        self._report = error_report(architecture)
        super().__init__(
            {
                "start": In(1),
                "soft_reset": In(1),
                "clear_interrupt": In(1),
                "interrupt_enable": In(1),
                "watchdog": In(32),
                "finished": In(1),
                "errors": In(data.ArrayLayout(self._report, sources)),
                "reader_idle": In(1),
                "writer_idle": In(1),
                "bus_activity": In(1),
                "core_activity": In(1),
                "waiting": In(architecture.bus_address_bits),
                "core_reset": Out(1),
                "fetch_start": Out(1),
                "halt": Out(1),
                "running": Out(1),
                "startable": Out(1),
                "busy": Out(1),
                "done": Out(1),
                "failed": Out(1),
                "error_code": Out(code_shape(architecture)),
                "error_address": Out(architecture.bus_address_bits),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus_idle = Signal()
        error = Signal()
        bus_hung = Signal()
        core_hung = Signal()
        pending = Signal()
        reset_wanted = Signal()  # STOPPING and CLEAR lead to IDLE
        first = Signal(self._report)  # the winner of this cycle
        m.d.comb += bus_idle.eq(self.reader_idle & self.writer_idle)
        m.d.comb += self.interrupt.eq(pending & self.interrupt_enable)
        for source in reversed(range(self.sources)):
            with m.If(self.errors[source].valid):
                m.d.comb += first.eq(self.errors[source])
        m.d.comb += error.eq(first.valid)
        self._watchdog(m, bus_idle, bus_hung, core_hung)
        lost = Signal()  # what reads are still due
        m.d.comb += lost.eq(self.error_code == int(ErrorCode.READ_LAST))
        quiet_cycles = Signal(range(SETTLE_CYCLES))

        state = Signal(State)
        following = Signal(State)
        m.d.comb += following.eq(state)
        # What depends on the state alone is a register of its own: reset and halt go to every unit.
        m.d.sync += [
            state.eq(following),
            self.core_reset.eq(following == State.CLEAR),
            self.running.eq(following == State.RUNNING),
            self.halt.eq(_one_of(following, State.STOPPING, State.ERROR, State.CLEAR)),
            self.busy.eq(_one_of(following, State.CLEAR, State.RUNNING, State.STOPPING)),
            self.done.eq(following == State.DONE),
            self.failed.eq(following == State.ERROR),
        ]

        with m.If(self.clear_interrupt | _one_of(following, State.CLEAR, State.STOPPING)):
            m.d.sync += pending.eq(0)
        with m.If(self.busy & _one_of(following, State.DONE, State.ERROR)):
            m.d.sync += pending.eq(1)
        with m.Switch(state):
            with m.Case(State.IDLE, State.DONE, State.ERROR):
                m.d.comb += self.startable.eq(bus_idle)
                with m.If(self.soft_reset):
                    m.d.sync += [reset_wanted.eq(1), quiet_cycles.eq(0)]
                    m.d.comb += following.eq(State.STOPPING)
                with m.Elif(self.start & bus_idle):
                    m.d.sync += reset_wanted.eq(0)
                    m.d.comb += following.eq(State.CLEAR)
            with m.Case(State.CLEAR):
                m.d.sync += [self.error_code.eq(ErrorCode.NONE), self.error_address.eq(0)]
                m.d.sync += self.fetch_start.eq(~reset_wanted)
                with m.If(reset_wanted):
                    m.d.comb += following.eq(State.IDLE)
                with m.Else():
                    m.d.comb += following.eq(State.RUNNING)
            with m.Case(State.RUNNING):
                m.d.sync += [self.fetch_start.eq(0), quiet_cycles.eq(0)]
                with m.If(error):
                    m.d.sync += [self.error_code.eq(first.code), self.error_address.eq(first.address)]
                    m.d.sync += reset_wanted.eq(self.soft_reset)
                    m.d.comb += following.eq(State.STOPPING)
                with m.Elif(self.soft_reset):
                    m.d.sync += reset_wanted.eq(1)
                    m.d.comb += following.eq(State.STOPPING)
                with m.Elif(core_hung):
                    m.d.sync += [self.error_code.eq(ErrorCode.CORE_HUNG), self.error_address.eq(self.waiting)]
                    m.d.sync += reset_wanted.eq(0)
                    m.d.comb += following.eq(State.STOPPING)
                with m.Elif(bus_hung):
                    m.d.sync += self.error_code.eq(ErrorCode.BUS_HUNG)
                    m.d.comb += following.eq(State.ERROR)
                with m.Elif(self.finished):
                    m.d.comb += following.eq(State.DONE)
            with m.Case(State.STOPPING):
                m.d.sync += quiet_cycles.eq(quiet_cycles + 1)
                with m.If(self.soft_reset):
                    m.d.sync += reset_wanted.eq(1)
                with m.If(bus_hung & ~(lost & self.writer_idle)):
                    # An address or data that is offered is not taken back, whatever became of the reads.
                    with m.If(~lost):
                        m.d.sync += self.error_code.eq(ErrorCode.BUS_HUNG)
                    m.d.comb += following.eq(State.ERROR)
                with m.Elif((~bus_idle & ~bus_hung) | self.bus_activity):
                    m.d.sync += quiet_cycles.eq(0)
                with m.Elif(bus_hung | (quiet_cycles == SETTLE_CYCLES - 1)):
                    with m.If(reset_wanted | self.soft_reset):
                        m.d.comb += following.eq(State.CLEAR)
                    with m.Else():
                        m.d.comb += following.eq(State.ERROR)
        return m

    def _watchdog(self, m: Module, bus_idle: Signal, bus_hung: Signal, core_hung: Signal) -> None:
        silent_cycles = Signal(32)
        last_cycle = Signal(32)  # after which it has been silent for `watchdog` cycles
        watched = Signal()
        reached = Signal()
        was_idle = Signal()
        moves = Signal()
        m.d.sync += [was_idle.eq(bus_idle), last_cycle.eq(self.watchdog - 1), watched.eq(self.watchdog != 0)]
        m.d.comb += moves.eq(Mux(bus_idle, self.core_activity | ~self.running, self.bus_activity))
        with m.If(moves | (bus_idle != was_idle)):
            m.d.sync += [silent_cycles.eq(0), reached.eq(0)]
        with m.Elif(watched & ~reached):
            m.d.sync += [silent_cycles.eq(silent_cycles + 1), reached.eq(silent_cycles == last_cycle)]
        m.d.comb += [bus_hung.eq(reached & ~bus_idle), core_hung.eq(reached & bus_idle & self.running)]


def _one_of(state: "enum.EnumView[State]", *states: State) -> Value:
    """Whether the state is one of these."""
    return Cat(state == each for each in states).any()
