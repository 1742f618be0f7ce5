"""The tensor compute unit as a LiteX module. Needs LiteX; `tcu_top.v` and `tcu_sram_1r1w.v` are beside this file.

    self.tcu = TCU(self.platform)
    self.bus.add_slave("tcu", self.tcu.registers, SoCRegion(origin=0x9000_0000, size=0x1000, cached=False))
    self.bus.add_master("tcu", self.tcu.memory)
    self.irq.add("tcu", use_loc_if_exists=True)

The interrupt reaches the processor only after two enables: the unit's register INTERRUPT_ENABLE, which the driver sets,
and `ev.enable` of this module, which is 0 after reset: software must set it once, `tcu_ev_enable_write(1)` in C.

Registers must be where the processor does not cache: from 0x8000_0000 on for LiteX's VexRiscv. For full speed, `memory`
gets a port of its own at the DRAM controller instead of the SoC's bus, by LiteDRAM's `LiteDRAMAXI2Native`.

Addresses of the machine's windows are those of the SoC's bus. The machine's memory port does not see the processor's
caches: the driver's `flush` and `invalidate` do.
"""

import json
from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.interconnect import axi
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel
from migen import ClockSignal, Instance, ResetSignal, Signal

FOLDER = Path(__file__).resolve().parent
SOURCES = ("tcu_sram_1r1w.v", "tcu_top.v")

ARCHITECTURE = json.loads((FOLDER / "architecture.json").read_text())

LITE = ("awaddr", "awprot", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arprot", "arvalid", "rready")
LITE_OUT = ("awready", "wready", "bresp", "bvalid", "arready", "rdata", "rresp", "rvalid")


class TCU(LiteXModule):
    """The unit with its registers (`registers`, AXI4-Lite), its port into memory (`memory`, AXI4) and its interrupt
    (`ev.done`, level: cleared in the unit, not here)."""

    def __init__(self, platform, clock_domain="sys"):
        bits = ARCHITECTURE["bus_address_bits"]
        self.registers = registers = axi.AXILiteInterface(data_width=32, address_width=32, clock_domain=clock_domain)
        # LiteX decodes 32 bits; the unit's higher address bits are those of windows beyond 4 GiB.
        self.memory = memory = axi.AXIInterface(
            data_width=8 * ARCHITECTURE["bus_bytes"], address_width=bits, id_width=1, clock_domain=clock_domain
        )
        self.ev = EventManager()
        self.ev.done = EventSourceLevel(description="A run is done or has stopped with an error.")
        self.ev.finalize()
        self.irq = Signal()
        self.comb += self.ev.done.trigger.eq(self.irq)
        ports = {
            "i_aclk": ClockSignal(clock_domain),
            "i_aresetn": ~ResetSignal(clock_domain),
            "o_irq": self.irq,
        }
        for name in LITE:
            channel, field = (name[:2], name[2:]) if name[:2] in ("aw", "ar") else (name[0], name[1:])
            value = getattr(getattr(registers, channel), field) if field != "prot" else 0
            ports[f"i_s_axil_{name}"] = value[:10] if field == "addr" else value
        for name in LITE_OUT:
            channel, field = (name[:2], name[2:]) if name[:2] in ("aw", "ar") else (name[0], name[1:])
            ports[f"o_s_axil_{name}"] = getattr(getattr(registers, channel), field)
        for channel, outputs, inputs in (
            ("aw", ("id", "addr", "len", "size", "burst", "prot", "cache", "valid"), ("ready",)),
            ("ar", ("id", "addr", "len", "size", "burst", "prot", "cache", "valid"), ("ready",)),
            ("w", ("data", "strb", "last", "valid"), ("ready",)),
            ("b", ("ready",), ("id", "resp", "valid")),
            ("r", ("ready",), ("id", "data", "resp", "last", "valid")),
        ):
            for kind, fields in (("o", outputs), ("i", inputs)):
                for field in fields:
                    ports[f"{kind}_m_axi_{channel}{field}"] = getattr(getattr(memory, channel), field)
        self.specials += Instance("tcu_top", **ports)
        for source in SOURCES:
            platform.add_source(str(FOLDER / source))
