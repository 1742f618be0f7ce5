"""The writer: the one master of the AXI4 write channels."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tcugen.arch import BURST_BEATS, Architecture
from tcugen.isa import WRITABLE_WINDOWS
from tcugen.registers import ErrorCode
from tcugen.rtl.axi import MAX_OUTSTANDING, REQUEST, RESPONSE_OKAY, WriteBus, WriteSignature, window_settings
from tcugen.rtl.control import code_shape
from tcugen.rtl.fifo import Fifo
from tcugen.rtl.window import WindowCheck

DATA_BEATS = 2 * BURST_BEATS
"""Beats of data the writer holds: one burst on its way to the bus while the next one fills."""


class Writer(wiring.Component):
    """Turns requests and their data, in the same order, into write bursts.

    An address is offered only when all data of its burst is inside the writer, so a burst that has begun depends on
    nothing but the bus. Up to MAX_OUTSTANDING bursts wait for their response; BREADY is always 1.

    The first violation of a window (or a window that is not writable) or error response stops the writer until reset:
    it reports the error and then behaves as if `halt` were 1. While halted no new address is issued, bursts whose
    address is offered or accepted complete with WSTRB = 0 (except for a beat that is already offered), and responses
    are accepted and discarded. Requests and data already taken may then never be written.

    Latency: AWVALID rises 7 cycles after a request is taken if its data is there, the first WVALID 2 cycles after
    AWVALID. One beat per cycle without gaps between bursts, one address every three cycles, if request and data come in
    time.

    Members:
        windows: Settings; stable while the writer is not idle.
        halt: Stop issuing; once 1 it stays 1 until reset.
        request: Requests.
        data: Beats, all bytes of which are written.
        bus: AXI4 write channels.
        outstanding: Bursts offered or accepted on AW without response.
        idle: Nothing outstanding, and no request taken that may still be issued; a register, low from the cycle after a
            request.
        done: 1 for every good response unless halted, 1 cycle after it.
        beat: 1 for every beat transferred on the bus, in the next cycle.
        error_valid, error_code, error_address: One pulse for the first error; the address is the burst's.
    """

    windows: data.View
    halt: Signal
    request: stream.Interface
    data: stream.Interface
    bus: WriteBus
    outstanding: Signal
    idle: Signal
    done: Signal
    beat: Signal
    error_valid: Signal
    error_code: Signal
    error_address: Signal
    queue_wrong: Signal
    beat_wrong: Signal

    def __init__(self, architecture: Architecture):
        self._architecture = architecture
        super().__init__(
            {
                "windows": In(window_settings(architecture)),
                "halt": In(1),
                "request": In(stream.Signature(REQUEST)),
                "data": In(stream.Signature(8 * architecture.bus_bytes)),
                "bus": Out(WriteSignature(architecture)),
                "outstanding": Out(range(MAX_OUTSTANDING + 1)),
                "idle": Out(1, init=1),  # pyright: ignore[reportCallIssue]  # amaranth-stubs lacks `init`
                "done": Out(1),
                "beat": Out(1),
                "error_valid": Out(1),
                "error_code": Out(code_shape(architecture)),
                "error_address": Out(architecture.bus_address_bits),
                **({"queue_wrong": Out(1), "beat_wrong": Out(1)} if architecture.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stopped = Signal()
        halted = Signal()
        m.d.comb += halted.eq(stopped | self.halt)
        issued_layout = data.StructLayout({"address": self._architecture.bus_address_bits})
        # Bursts without response.
        m.submodules.order = order = Fifo(issued_layout, MAX_OUTSTANDING, self._architecture.parity)
        violation, violation_address = self._elaborate_address(m, order, halted)
        self._elaborate_data(m, halted)
        if self._architecture.parity:
            queues = (order.wrong, m.submodules.bursts.wrong, m.submodules.write_check.queue_wrong)
            m.d.sync += [
                self.queue_wrong.eq(Cat(queues).any()),
                self.beat_wrong.eq(m.submodules.beats.wrong),
            ]

        bus = self.bus
        answer = Signal()
        failure = Signal()
        m.d.comb += [
            bus.bready.eq(1),
            order.o.ready.eq(bus.bvalid),
            answer.eq(bus.bvalid & order.o.valid & ~halted),
            failure.eq(answer & (bus.bresp != RESPONSE_OKAY)),
            self.outstanding.eq(order.level),
        ]
        m.d.sync += [
            self.done.eq(answer & ~failure),
            self.error_valid.eq(violation | failure),
        ]
        with m.If(violation | failure):
            m.d.sync += stopped.eq(1)
        # These follow every cycle, and mean something with `error_valid`.
        with m.If(violation):
            m.d.sync += [self.error_code.eq(ErrorCode.WINDOW), self.error_address.eq(violation_address)]
        with m.Else():
            m.d.sync += [
                self.error_code.eq(ErrorCode.WRITE_RESPONSE),
                self.error_address.eq(order.o.payload.address),
            ]
        return m

    def _elaborate_address(self, m: Module, order: Fifo, halted: Signal) -> tuple[Signal, Signal]:
        """Check requests and issue those whose data is complete; returns `violation` and its address."""
        bus = self.bus
        m.submodules.write_check = check = WindowCheck(self._architecture, WRITABLE_WINDOWS)
        m.submodules.bursts = bursts = Fifo(
            range(BURST_BEATS), MAX_OUTSTANDING, self._architecture.parity
        )  # issued, data not yet begun: beats - 1
        unclaimed = Signal(range(DATA_BEATS + 1))  # beats inside that belong to no issued burst
        waits = Signal()  # a burst is checked, of so many beats
        needed = Signal(range(BURST_BEATS + 1))
        complete = Signal()  # all data of the checked burst is inside: once it is, it stays
        issue = Signal()
        claimed = Signal()  # a burst of `needed` beats was issued in the cycle before
        violation = Signal()
        push = Signal()
        checked = check.o.payload
        m.d.comb += [
            check.windows.eq(self.windows),
            check.i.valid.eq(self.request.valid),
            check.i.payload.request.eq(self.request.payload),
            self.request.ready.eq(check.i.ready),
            check.o.ready.eq(issue),
            violation.eq(check.o.valid & ~halted & checked.violation),
            issue.eq(
                complete & ~halted & ~checked.violation & order.i.ready & bursts.i.ready & (~bus.awvalid | bus.awready)
            ),
            order.i.valid.eq(issue),
            order.i.payload.address.eq(checked.address),
            bursts.i.valid.eq(issue),
            bursts.i.payload.eq(checked.beats - 1),
            push.eq(self.data.valid & self.data.ready),
        ]
        m.d.sync += [
            waits.eq(check.o.valid & ~issue),
            needed.eq(checked.beats),
            complete.eq(waits & ~issue & (unclaimed >= needed)),
        ]
        m.d.sync += self.idle.eq((order.level == 0) & ((check.empty & ~check.i.valid) | halted))
        # The next burst is looked at two cycles after this one at the earliest.
        m.d.sync += [claimed.eq(issue), unclaimed.eq(unclaimed + push - Mux(claimed, needed, 0))]
        with m.If(bus.awready):
            m.d.sync += bus.awvalid.eq(0)
        with m.If(issue):
            m.d.sync += [
                bus.awvalid.eq(1),
                bus.awaddr.eq(checked.address),
                bus.awlen.eq(checked.beats - 1),
            ]
        return violation, checked.address

    def _elaborate_data(self, m: Module, halted: Signal) -> None:
        """Send the data of issued bursts."""
        bus = self.bus
        bursts = m.submodules.bursts
        m.submodules.beats = beats = Fifo(
            8 * self._architecture.bus_bytes, DATA_BEATS, self._architecture.parity, late_input=True
        )
        wiring.connect(m, wiring.flipped(self.data), beats.i)
        present = Signal()  # a burst is being sent
        left = Signal(range(BURST_BEATS))  # its beats after the next one
        last = Signal()  # there are none
        load = Signal()
        m.d.comb += [
            load.eq(present & beats.o.valid & (~bus.wvalid | bus.wready)),
            beats.o.ready.eq(load),
            bursts.o.ready.eq(~present | (load & last)),
        ]
        with m.If(load):
            m.d.sync += [left.eq(left - 1), last.eq(left == 1), present.eq(~last)]
        with m.If(bursts.o.valid & bursts.o.ready):
            m.d.sync += [present.eq(1), left.eq(bursts.o.payload), last.eq(bursts.o.payload == 0)]
        m.d.sync += self.beat.eq(bus.wvalid & bus.wready)
        with m.If(bus.wready):
            m.d.sync += bus.wvalid.eq(0)
        with m.If(load):
            m.d.sync += [
                bus.wvalid.eq(1),
                bus.wdata.eq(beats.o.payload),
                bus.wstrb.eq(Mux(halted, 0, (1 << self._architecture.bus_bytes) - 1)),
                bus.wlast.eq(last),
            ]
