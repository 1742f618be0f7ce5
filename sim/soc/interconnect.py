"""What lies between the unit and the memories in the simulated SoC, in Migen: faults on demand, and a decoder.

LiteX has an AXI decoder, but one that routes a request to the slave of the requests under way whatever its address is.
"""

from litex.gen import LiteXModule
from litex.soc.interconnect import axi
from litex.soc.interconnect.csr import CSRField, CSRStorage
from migen import If, Mux, Signal

MOST_UNDER_WAY = 64


class Faults(LiteXModule):
    """Passes a master's requests on, and memory's answers back as the processor wants them to be spoilt."""

    def __init__(self, master: axi.AXIInterface, slave: axi.AXIInterface):
        self.mode = CSRStorage(
            fields=[
                CSRField("silent", description="No answer passes until this is 0 again."),
                CSRField("early_last", description="The first beat of a read says that it is the last."),
            ]
        )
        silent, early_last = self.mode.fields.silent, self.mode.fields.early_last
        self.comb += [
            *(getattr(master, channel).connect(getattr(slave, channel)) for channel in ("aw", "w", "ar")),
            *(
                [
                    getattr(slave, channel).connect(getattr(master, channel), omit={"valid", "ready"}),
                    getattr(master, channel).valid.eq(getattr(slave, channel).valid & ~silent),
                    getattr(slave, channel).ready.eq(getattr(master, channel).ready & ~silent),
                ]
                for channel in ("r", "b")
            ),
            If(early_last, master.r.last.eq(1)),
        ]


class Decoder(LiteXModule):
    """Requests to the slave whose region holds their address, all others refused with DECERR.

    A request waits while requests to another slave are under way, so answers keep their order. Data of a write wait for
    its address. No latency.

    Args:
        slaves: Pairs (origin, size) and interface; sizes are powers of two, origins multiples of them.
    """

    def __init__(self, master: axi.AXIInterface, slaves: list[tuple[tuple[int, int], axi.AXIInterface]]):
        self.hole = hole = Refusal(master)
        ports = [*(slave for _, slave in slaves), hole.bus]

        def chosen(address):
            number = Signal(max=len(ports), reset_less=True)
            inside = [address[size.bit_length() - 1 :] == origin // size for (origin, size), _ in slaves]
            self.comb += number.eq(len(slaves))
            self.comb += [If(inside[i], number.eq(i)) for i in range(len(slaves))]
            return number

        for address, answer, ends in (
            ("ar", "r", master.r.valid & master.r.ready & master.r.last),
            ("aw", "b", master.b.valid & master.b.ready),
        ):
            request = getattr(master, address)
            target = chosen(request.addr)
            current = Signal.like(target)
            under_way = Signal(max=MOST_UNDER_WAY)
            allowed = Signal()
            self.comb += allowed.eq((under_way == 0) | ((target == current) & (under_way != MOST_UNDER_WAY - 1)))
            begins = request.valid & request.ready
            self.sync += [If(begins, current.eq(target)), under_way.eq(under_way + begins - ends)]
            self.connect_request(request, [getattr(port, address) for port in ports], target, allowed)
            self.connect_answer(getattr(master, answer), [getattr(port, answer) for port in ports], current)
            if address == "aw":
                bursts_due = Signal(max=MOST_UNDER_WAY)
                last = master.w.valid & master.w.ready & master.w.last
                self.sync += bursts_due.eq(bursts_due + begins - last)
                self.connect_request(master.w, [port.w for port in ports], current, bursts_due != 0)

    def connect_request(self, source, sinks, target, allowed) -> None:
        """From master to slaves."""
        for number, sink in enumerate(sinks):
            here = allowed & (target == number)
            self.comb += [source.connect(sink, omit={"valid", "ready"}), sink.valid.eq(source.valid & here)]
            self.comb += If(here, source.ready.eq(sink.ready))

    def connect_answer(self, sink, sources, current) -> None:
        """From the slave whose requests are under way to the master."""
        for number, source in enumerate(sources):
            here = current == number
            self.comb += If(here, source.connect(sink, omit={"ready"}))
            self.comb += source.ready.eq(sink.ready & here)


class Refusal(LiteXModule):
    """A slave where no memory is: one request at a time, answered with DECERR and zeros."""

    def __init__(self, like: axi.AXIInterface):
        self.bus = bus = axi.AXIInterface(
            data_width=like.data_width, address_width=like.address_width, id_width=like.id_width
        )
        reading, writing, answering = Signal(), Signal(), Signal()
        beats = Signal(9)
        read_id, write_id = Signal(like.id_width), Signal(like.id_width)
        self.comb += [
            bus.ar.ready.eq(~reading),
            bus.r.valid.eq(reading),
            bus.r.last.eq(beats == 0),
            bus.r.resp.eq(axi.RESP_DECERR),
            bus.r.id.eq(read_id),
            bus.aw.ready.eq(~writing & ~answering),
            bus.w.ready.eq(writing),
            bus.b.valid.eq(answering),
            bus.b.resp.eq(axi.RESP_DECERR),
            bus.b.id.eq(write_id),
        ]
        self.sync += [
            If(bus.ar.valid & bus.ar.ready, reading.eq(1), beats.eq(bus.ar.len), read_id.eq(bus.ar.id)),
            If(bus.r.valid & bus.r.ready, beats.eq(beats - 1), reading.eq(Mux(bus.r.last, 0, 1))),
            If(bus.aw.valid & bus.aw.ready, writing.eq(1), write_id.eq(bus.aw.id)),
            If(bus.w.valid & bus.w.ready & bus.w.last, writing.eq(0), answering.eq(1)),
            If(bus.b.valid & bus.b.ready, answering.eq(0)),
        ]
