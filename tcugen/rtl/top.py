"""The tensor compute unit: host registers, run control and core with flat AXI ports."""

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal, Signal
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import Architecture
from tcugen.rtl.axi import ReadSignature, WriteSignature
from tcugen.rtl.control import Control
from tcugen.rtl.core import Core, error_sources
from tcugen.rtl.host import Host

_LITE_CHANNELS = ("aw", "w", "b", "ar", "r")


def _is_channel(name: str) -> bool:
    return name.endswith(("addr", "prot", "valid", "ready", "data", "strb", "resp"))


class Top(Component):
    """Ports, all synchronous to the rising edge of `aclk`:

    aclk, aresetn: Clock, synchronous active-low reset.
    s_axil_*: AXI4-Lite slave, the registers of `tcugen.registers`.
    m_axi_*: AXI4 master.
    irq: Level, at done or error.
    trace_*: What the output path and the pool unit write, for observation; leave open otherwise.
    """

    aclk: Signal
    aresetn: Signal
    irq: Signal

    def __init__(self, architecture: Architecture):
        self.architecture = architecture
        self.host, self.core = Host(architecture), Core(architecture)
        lite = {
            f"s_axil_{name}": member
            for name, member in self.host.signature.members.items()
            if name.startswith(_LITE_CHANNELS) and _is_channel(name) and name != "watchdog"
        }
        master = {
            f"m_axi_{name}": member
            for signature in (ReadSignature(architecture), WriteSignature(architecture))
            for name, member in signature.members.items()
        }
        trace = {name: member for name, member in self.core.signature.members.items() if name.startswith("trace_")}
        super().__init__({"aclk": In(1), "aresetn": In(1), **lite, **master, "irq": Out(1), **trace})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain("sync")
        m.domains.core = ClockDomain("core")
        m.submodules.host = host = self.host
        m.submodules.control = control = Control(self.architecture, sources=len(error_sources(self.architecture)))
        core = self.core
        m.submodules.core = DomainRenamer("core")(core)
        m.d.comb += [
            ClockSignal("sync").eq(self.aclk),
            ResetSignal("sync").eq(~self.aresetn),
            ClockSignal("core").eq(self.aclk),
            ResetSignal("core").eq(~self.aresetn | control.core_reset),
        ]

        for name, member in self.signature.members.items():
            if name.startswith("s_axil_"):
                outer, inner = getattr(self, name), getattr(host, name.removeprefix("s_axil_"))
            elif name.startswith("m_axi_"):
                side = core.write if name[6] in "awb" and not name.startswith("m_axi_ar") else core.read
                outer, inner = getattr(self, name), getattr(side, name.removeprefix("m_axi_"))
            elif name.startswith("trace_"):
                outer, inner = getattr(self, name), getattr(core, name)
            else:
                continue
            m.d.comb += outer.eq(inner) if member.flow is Out else inner.eq(outer)

        m.d.comb += [
            control.start.eq(host.start),
            control.soft_reset.eq(host.soft_reset),
            control.clear_interrupt.eq(host.clear_interrupt),
            control.interrupt_enable.eq(host.interrupt_enable),
            control.watchdog.eq(host.watchdog),
            control.finished.eq(core.finished),
            control.errors.eq(core.errors),
            control.reader_idle.eq(core.reader_idle),
            control.writer_idle.eq(core.writer_idle),
            control.bus_activity.eq(core.bus_activity),
            control.core_activity.eq(core.activity),
            control.waiting.eq(core.waiting),
            core.start.eq(control.fetch_start),
            core.halt.eq(control.halt),
            core.running.eq(control.running),
            core.windows.eq(host.windows),
            core.layer.eq(host.layer),
            core.counter.eq(host.counter),
            host.totals.eq(core.totals),
            host.layer_count.eq(core.layer_count),
            host.busy.eq(control.busy),
            host.done.eq(control.done),
            host.failed.eq(control.failed),
            host.startable.eq(control.startable),
            host.error_code.eq(control.error_code),
            host.error_address.eq(control.error_address),
            self.irq.eq(control.interrupt),
        ]
        return m
