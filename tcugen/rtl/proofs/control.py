"""Run control: one run at a time, the first error wins, nothing hangs; and the counts that hold instructions back."""

from amaranth.hdl import Elaboratable, Module, Signal, Value

from tcugen.arch import Architecture
from tcugen.registers import ErrorCode
from tcugen.rtl.control import SETTLE_CYCLES, Control
from tcugen.rtl.proofs.proof import Method, Mutant, Proof, always, any_constant, anything, given, running

SOURCES = 2
LONGEST_WATCHDOG = 6


def _driven(m: Module, control: Control) -> None:
    """Every input is free; the watchdog is a constant."""
    for signal in (
        control.start,
        control.soft_reset,
        control.clear_interrupt,
        control.interrupt_enable,
        control.finished,
        control.reader_idle,
        control.writer_idle,
        control.bus_activity,
        control.core_activity,
        control.waiting,
        control.errors,
    ):
        value = Value.cast(signal)
        m.d.comb += value.eq(anything(len(value)))
    m.d.comb += control.watchdog.eq(any_constant(32))
    given(m, control.watchdog <= LONGEST_WATCHDOG)
    given(m, *(~report.valid | (report.code != ErrorCode.NONE) for report in control.errors))


class Runs(Elaboratable):
    """What the host is told, and what units see, follows from the events since the last reset."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.control = control = Control(Architecture(), SOURCES)
        _driven(m, control)
        names = ("busy", "done", "failed", "running", "core_reset", "halt", "fetch_start", "start", "soft_reset")
        more = ("startable", "finished", "interrupt", "writer_idle")
        past = {name: Signal(name=f"past_{name}") for name in (*names, *more)}
        m.d.sync += [signal.eq(getattr(control, name)) for name, signal in past.items()]
        error = Signal()
        first = Signal(ErrorCode)
        reports = control.errors
        m.d.comb += first.eq(reports[1].code)
        with m.If(reports[0].valid):
            m.d.comb += first.eq(reports[0].code)
        m.d.comb += error.eq(reports[0].valid | reports[1].valid)
        past_error, past_first = Signal(), Signal(ErrorCode)
        idle = Signal()
        m.d.comb += idle.eq(control.reader_idle & control.writer_idle)
        m.d.sync += [past_error.eq(error), past_first.eq(first)]
        live = running(m)
        always(
            m,
            # One state at a time, and a start only from rest with nothing due on the bus.
            control.busy + control.done + control.failed <= 1,
            ~control.startable | (~control.busy & idle),
            ~(live & control.busy & ~past["busy"]) | past["soft_reset"] | (past["start"] & past["startable"]),
            # A run begins with a reset of everything, then one pulse to fetch; both only then.
            ~(live & control.running & ~past["running"]) | (past["core_reset"] & control.fetch_start),
            ~(live & control.fetch_start) | past["core_reset"],
            ~(live & control.core_reset) | ~past["core_reset"],
            ~(live & past["core_reset"]) | (control.error_code == ErrorCode.NONE),
            # Done exactly when it has finished in a cycle without an error; an error is never lost or replaced.
            ~(live & control.done & ~past["done"]) | (past["running"] & past["finished"] & ~past_error),
            ~(live & past["running"] & past_error)
            | (~control.running & control.halt & (control.error_code == past_first)),
            ~(live & control.failed & ~past["failed"]) | (control.error_code != ErrorCode.NONE),
            ~(live & control.done) | (control.error_code == ErrorCode.NONE),
            # No unit is reset while a write is due: neither its address nor its data is taken back.
            ~(live & control.core_reset) | past["writer_idle"],
            # Halted from the cycle after an error until the reset of all units.
            ~(live & past["halt"] & ~past["core_reset"]) | control.halt,
            ~control.halt | ~control.running,
            # Counted are the cycles from the pulse to fetch on.
            ~control.running | control.busy,
        )
        return m


class NothingHangs(Elaboratable):
    """The watchdog ends a run, and then it ends the stopping, each after as many cycles in which nothing moves."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.control = control = Control(Architecture(), SOURCES)
        _driven(m, control)
        given(m, control.watchdog != 0)
        idle, was_idle = Signal(), Signal()
        still = Signal(5)
        m.d.comb += idle.eq(control.reader_idle & control.writer_idle)
        m.d.sync += was_idle.eq(idle)
        moves = control.bus_activity | control.core_activity | (idle != was_idle)
        with m.If(~control.busy | moves | control.start | control.soft_reset):
            m.d.sync += still.eq(0)
        with m.Else():
            m.d.sync += still.eq(still + 1)
        always(m, still <= 2 * control.watchdog + SETTLE_CYCLES + 6)
        return m


PROOFS = (
    Proof(
        "control",
        "runs",
        "At most one of busy, done and failed; a run begins only from rest with nothing due, after a reset of all "
        "units; done only if it finished without an error; an error that comes with the end of a run is not lost; "
        "halted from an error until the reset, which waits for every write that is due.",
        Method.PDR,
        0,
        Runs,
        (
            Mutant("control.py", "bus_hung & ~(lost & self.writer_idle)", "bus_hung & ~lost"),
            Mutant("control.py", "with m.Elif(self.start & bus_idle):", "with m.Elif(self.start):"),
            Mutant("control.py", "for source in reversed(range(self.sources))", "for source in range(self.sources)"),
            Mutant("control.py", "self.fetch_start.eq(~reset_wanted)", "self.fetch_start.eq(1)"),
        ),
    ),
    Proof(
        "control",
        "nothing-hangs",
        f"With a watchdog of W (to {LONGEST_WATCHDOG} here), the machine is not busy any more after 2 W + "
        f"{SETTLE_CYCLES + 6} cycles in which nothing moves.",
        Method.PDR,
        0,
        NothingHangs,
        (
            Mutant("control.py", "reached & bus_idle & self.running", "reached & bus_idle & self.finished"),
            Mutant("control.py", "bus_hung.eq(reached & ~bus_idle)", "bus_hung.eq(reached & ~bus_idle & self.running)"),
        ),
        short=False,
    ),
)
