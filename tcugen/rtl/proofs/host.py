"""The AXI4-Lite slave: the rules of its channels, and settings that nothing but an accepted write changes."""

from amaranth.hdl import Elaboratable, Module, Signal, Value

from tcugen.isa import Window
from tcugen.registers import BY_NAME
from tcugen.rtl.axi import PAGE_BYTES
from tcugen.rtl.host import RESPONSE_OKAY, RESPONSE_SLVERR, WINDOW_REGISTERS, Host
from tcugen.rtl.proofs.proof import Method, Mutant, Proof, always, anything, inside, running
from tcugen.rtl.proofs.window import ARCHITECTURE

CHANNELS = (
    "awaddr",
    "awprot",
    "awvalid",
    "wdata",
    "wstrb",
    "wvalid",
    "bready",
    "araddr",
    "arprot",
    "arvalid",
    "rready",
)
STATUS = ("busy", "done", "failed", "startable", "error_code", "error_address", "totals", "layer_count")


def _driven(m: Module, host: Host) -> None:
    for name in (*CHANNELS, *STATUS):
        value = Value.cast(getattr(host, name))
        m.d.comb += value.eq(anything(len(value)))


class SlaveRules(Elaboratable):
    """Answers stay as they are until taken; there is one for each access and none without."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.host = host = Host(ARCHITECTURE)
        _driven(m, host)
        kept_b, kept_r = Signal(2), Signal(34)
        waits_b, waits_r = Signal(), Signal()
        r = Signal(34)
        m.d.comb += r.eq(host.rdata << 2 | host.rresp)
        m.d.sync += [kept_b.eq(host.bresp), kept_r.eq(r)]
        m.d.sync += [waits_b.eq(host.bvalid & ~host.bready), waits_r.eq(host.rvalid & ~host.rready)]
        # Accesses that were taken less answers that were.
        addresses, datas, reads = Signal(2), Signal(2), Signal(2)
        answered = host.bvalid & host.bready
        m.d.sync += [
            addresses.eq(addresses + (host.awvalid & host.awready) - answered),
            datas.eq(datas + (host.wvalid & host.wready) - answered),
            reads.eq(reads + (host.arvalid & host.arready) - (host.rvalid & host.rready)),
        ]
        always(
            m,
            ~waits_b | (host.bvalid & (host.bresp == kept_b)),
            ~waits_r | (host.rvalid & (r == kept_r)),
            ~host.bvalid | (addresses != 0) & (datas != 0),
            ~host.rvalid | (reads != 0),
            addresses <= 2,
            datas <= 2,
            reads <= 1,
            (host.bresp == RESPONSE_OKAY) | (host.bresp == RESPONSE_SLVERR),
            (host.rresp == RESPONSE_OKAY) | (host.rresp == RESPONSE_SLVERR),
        )
        return m


class Settings(Elaboratable):
    """Windows are always bases on pages inside the bus's addresses, and stand still while a run is under way."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.host = host = Host(ARCHITECTURE)
        _driven(m, host)
        kept = Signal(len(Value.cast(host.windows)))
        watchdog = Signal(32)
        was_busy = Signal()
        m.d.sync += [kept.eq(host.windows), watchdog.eq(host.watchdog), was_busy.eq(host.busy)]
        live = running(m)
        changed = (Value.cast(host.windows) != kept) | (host.watchdog != watchdog)
        settled, flaws = inside(host, "rules.settled"), inside(host, "rules.flaws")
        was_answered = Signal()
        m.d.sync += was_answered.eq(host.bvalid)
        address, data, strobes = (inside(host, name) for name in ("address", "data", "strobes"))
        written = live & host.bvalid & ~was_answered & (host.bresp == RESPONSE_OKAY) & strobes.all()
        windows_changed = Value.cast(host.windows) != kept
        always(
            m,
            ~(live & was_busy) | ~changed,
            # What changes does so with a good answer, and makes the verdict on the windows void.
            ~(live & changed) | (host.bvalid & (host.bresp == RESPONSE_OKAY)),
            ~(live & windows_changed) | ~settled,
            # A start needs a machine at rest and windows without a flaw.
            ~host.start | (host.startable & settled & (flaws == 0)) | host.soft_reset,
        )
        for name in WINDOW_REGISTERS:
            # What was answered with OKAY is stored, all of it.
            here = address == BY_NAME[name].address >> 2
            always(m, ~(written & here) | (inside(host, name.lower()) == data))
        for window in Window:
            always(
                m,
                host.windows[window].base % PAGE_BYTES == 0,
                inside(host, f"{window.name.lower()}_base_high") < 1 << ARCHITECTURE.bus_address_bits - 32,
            )
        return m


PROOFS = (
    Proof(
        "host",
        "axi-lite",
        "BVALID and RVALID stay until they are taken and what they answer does not change; one answer to each access, "
        "none without; OKAY or SLVERR.",
        Method.PDR,
        0,
        SlaveRules,
        (
            Mutant("host.py", "with m.If(self.rready):", "with m.If(self.arvalid):"),
            Mutant("host.py", "self.arready.eq(~reading & ~self.rvalid)", "self.arready.eq(~reading)"),
            Mutant("host.py", "decoded & ~self.bvalid & (", "decoded & ("),
        ),
    ),
    Proof(
        "host",
        "settings",
        "No setting changes while busy, nor without an answer OKAY, after which a window is what was written; a base "
        "is always a multiple of 4096 inside the bus's addresses; a start reaches the machine only at rest and with "
        "windows found without a flaw since they changed.",
        Method.INDUCTION,
        2,
        Settings,
        (
            Mutant("host.py", "fits & (1 if free else ~self.busy)", "fits"),
            Mutant("host.py", ">> 2) & (beyond == 0)", ">> 2)"),
            Mutant("host.py", "self.startable & (rules.flaws == 0) | ~start", "self.startable | ~start"),
        ),
    ),
)
