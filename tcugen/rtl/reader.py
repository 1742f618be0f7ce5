"""The reader: the one master of the AXI4 read channels, shared by everything that reads memory."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tcugen.arch import BURST_BEATS, Architecture, bits_for
from tcugen.isa import Window
from tcugen.registers import ErrorCode
from tcugen.rtl.axi import MAX_OUTSTANDING, REQUEST, RESPONSE_OKAY, ReadBus, ReadSignature, window_settings
from tcugen.rtl.control import code_shape
from tcugen.rtl.fifo import Fifo
from tcugen.rtl.window import WindowCheck

_BEAT_CODES = (ErrorCode.READ_RESPONSE, ErrorCode.READ_LAST)


class Reader(wiring.Component):
    """Issues the clients' requests as bursts, in order, and hands the beats back.

    A waiting request of the lowest client number goes first. Up to MAX_OUTSTANDING bursts are in flight. RREADY is
    always 1: a client owns space for a whole burst before it requests it, and takes a beat in any cycle.

    The first violation of a window, error response, RLAST at another beat than the burst's last, or beat that no burst
    is due for, stops the reader until reset: it reports the error and then behaves as if `halt` were 1. While halted no
    new address is issued (one that is already offered stays) and beats are accepted and discarded. Requests already
    taken from a client may then never be served. A burst is over with its last beat as ARLEN has it, whatever RLAST is.

    Latency: ARVALID rises 5 cycles after a request is taken, `beat_valid` 1 cycle after the bus transfers the beat. One
    request and one beat per cycle.

    Members:
        windows: Settings; stable while the reader is not idle.
        halt: Stop issuing; once 1 it stays 1 until reset.
        request: One request stream per client.
        beat_valid: One bit per client, at most one is 1.
        beat_data: The beat, shared by all clients.
        bus: AXI4 read channels.
        outstanding: Bursts offered or accepted on AR whose beats have not all arrived.
        idle: Nothing outstanding, and nothing about to be issued; a register, low from the cycle after a request.
        beat: 1 for every beat transferred on the bus, in the next cycle.
        error_valid, error_code, error_address: One pulse for the first error; the address is the burst's, 0 of a beat
            that no burst is due for.
    """

    windows: data.View
    halt: Signal
    request: list[stream.Interface]
    beat_valid: Signal
    beat_data: Signal
    bus: ReadBus
    outstanding: Signal
    idle: Signal
    beat: Signal
    error_valid: Signal
    error_code: Signal
    error_address: Signal
    queue_wrong: Signal

    def __init__(self, architecture: Architecture, clients: int):
        if clients < 1:
            raise ValueError(f"reader has {clients} clients, but it needs at least one")
        self._architecture, self._clients = architecture, clients
        super().__init__(
            {
                "windows": In(window_settings(architecture)),
                "halt": In(1),
                "request": In(stream.Signature(REQUEST)).array(clients),
                "beat_valid": Out(clients),
                "beat_data": Out(8 * architecture.bus_bytes),
                "bus": Out(ReadSignature(architecture)),
                "outstanding": Out(range(MAX_OUTSTANDING + 1)),
                "idle": Out(1, init=1),  # pyright: ignore[reportCallIssue]  # amaranth-stubs lacks `init`
                "beat": Out(1),
                "error_valid": Out(1),
                "error_code": Out(code_shape(architecture)),
                "error_address": Out(architecture.bus_address_bits),
                **({"queue_wrong": Out(1)} if architecture.parity else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stopped = Signal()
        halted = Signal()
        m.d.comb += halted.eq(stopped | self.halt)
        address_bits = self._architecture.bus_address_bits
        issued_layout = data.StructLayout(
            {"client": bits_for(self._clients), "address": address_bits, "length": bits_for(BURST_BEATS), "single": 1}
        )
        m.submodules.order = order = Fifo(issued_layout, MAX_OUTSTANDING, self._architecture.parity)  # bursts in flight
        violation, violation_address = self._elaborate_address(m, order, halted)
        failure, misplaced = self._elaborate_beats(m, order, halted)
        if self._architecture.parity:
            m.d.sync += self.queue_wrong.eq(order.wrong | m.submodules.read_check.queue_wrong)

        m.d.comb += self.outstanding.eq(order.level)
        m.d.sync += self.error_valid.eq(violation | failure | misplaced)
        with m.If(violation | failure | misplaced):
            m.d.sync += stopped.eq(1)
        # These follow every cycle, and mean something with `error_valid`.
        with m.If(violation):
            m.d.sync += [self.error_code.eq(ErrorCode.WINDOW), self.error_address.eq(violation_address)]
        with m.Else():
            m.d.sync += [
                self.error_code.eq(Mux(failure, *(Const(code, self.error_code.shape()) for code in _BEAT_CODES))),
                self.error_address.eq(Mux(order.o.valid, order.o.payload.address, 0)),
            ]
        return m

    def _elaborate_address(self, m: Module, order: Fifo, halted: Signal) -> tuple[Signal, Signal]:
        """Choose, check and issue; returns `violation` and its address."""
        bus = self.bus
        client_bits = bits_for(self._clients)
        m.submodules.read_check = check = WindowCheck(self._architecture, tuple(Window), client_bits)
        issue = Signal()
        violation = Signal()
        checked = check.o.payload
        m.d.comb += [
            check.windows.eq(self.windows),
            check.o.ready.eq(issue),
            violation.eq(check.o.valid & ~halted & checked.violation),
            issue.eq(
                check.o.valid & ~halted & ~checked.violation & order.i.ready & (~bus.arvalid | bus.arready),
            ),
            order.i.valid.eq(issue),
            order.i.payload.client.eq(checked.tag),
            order.i.payload.address.eq(checked.address),
            order.i.payload.length.eq(checked.beats - 1),
            order.i.payload.single.eq(checked.beats == 1),
            check.i.valid.eq(Cat(*(client.valid for client in self.request)).any()),
        ]
        for number, client in reversed(list(enumerate(self.request))):
            m.d.comb += client.ready.eq(check.i.ready & ~Cat(*(above.valid for above in self.request[:number])).any())
            with m.If(client.valid):  # a later assignment wins: the lowest number
                m.d.comb += [check.i.payload.request.eq(client.payload), check.i.payload.tag.eq(number)]

        m.d.sync += self.idle.eq((order.level == 0) & ((check.empty & ~check.i.valid) | halted))
        with m.If(bus.arready):
            m.d.sync += bus.arvalid.eq(0)
        with m.If(issue):
            m.d.sync += [
                bus.arvalid.eq(1),
                bus.araddr.eq(checked.address),
                bus.arlen.eq(checked.beats - 1),
            ]
        return violation, checked.address

    def _elaborate_beats(self, m: Module, order: Fifo, halted: Signal) -> tuple[Signal, Signal]:
        """Deal the beats to their clients; returns `failure`, an error response, and `misplaced`, a wrong RLAST."""
        bus = self.bus
        failure = Signal()
        misplaced = Signal()
        deliver = Signal()
        last = Signal()
        arrived = Signal(range(BURST_BEATS))  # beats of the oldest burst
        begun = Signal()  # there are such, and `ends` says whether the next one is its last
        ends = Signal()
        okay = bus.rresp == RESPONSE_OKAY
        m.d.comb += [
            bus.rready.eq(1),
            last.eq(Mux(begun, ends, order.o.payload.single)),
            failure.eq(bus.rvalid & order.o.valid & ~halted & ~okay),
            misplaced.eq(bus.rvalid & ~halted & Mux(order.o.valid, okay & (bus.rlast != last), 1)),
            deliver.eq(bus.rvalid & order.o.valid & ~halted & okay & (bus.rlast == last)),
            order.o.ready.eq(bus.rvalid & last),
        ]
        m.d.sync += [
            self.beat.eq(bus.rvalid),
            self.beat_data.eq(bus.rdata),
        ]
        with m.If(bus.rvalid & order.o.valid):
            m.d.sync += [
                arrived.eq(Mux(last, 0, arrived + 1)),
                begun.eq(~last),
                ends.eq(arrived + 1 == order.o.payload.length),
            ]
        for number in range(self._clients):
            m.d.sync += self.beat_valid[number].eq(deliver & (order.o.payload.client == number))
        return failure, misplaced
