"""The SoC, in LiteX: writes its Verilog and the C headers of its software. Runs as a program of its own.

    python -m sim.soc.system LITEX_EXPORT FOLDER

A VexRiscv with caches, a second-level cache, LiteDRAM's controller in front of the model of a DDR3 chip, a serial
console, and the unit: its registers are a slave of the SoC's bus, its memory port is a port of its own of the DRAM
controller, its interrupt is one of the processor's. Firmware is read from `sim_rom.init` and what stands for a flash
chip from `sim_flash.init` when the simulation starts.
"""

import json
import logging
import os
import sys
from pathlib import Path

from litedram.frontend.axi import LiteDRAMAXI2Native
from litedram.init import get_sdram_phy_c_header
from litedram.modules import MT41K128M16
from litedram.phy.model import SDRAMPHYModel
from litex.build.generic_platform import Pins, Subsignal
from litex.build.sim import SimPlatform
from litex.soc.integration import export
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import axi
from litex.soc.interconnect.csr import CSR
from migen.genlib.io import CRG

from sim.soc.interconnect import Decoder, Faults
from sim.soc.simulator import BUS_BYTES

CLOCK_HZ = 100_000_000
"""Of the whole SoC; the DRAM's is four times that."""

DRAM_BITS = BUS_BYTES
"""Data pins of the DRAM chip, each of which moves eight bits in a cycle of the SoC."""

ROM_BYTES, SRAM_BYTES, FLASH_BYTES, L2_BYTES = 64 << 10, 32 << 10, 2 << 20, 2 << 10
FLASH_BASE, UNIT_BASE = 0x2000_0000, 0x9000_0000
UNIT_BYTES = 0x1000

PINS = [
    ("sys_clk", 0, Pins(1)),
    ("sys_rst", 0, Pins(1)),
    (
        "serial",
        0,
        Subsignal("source_valid", Pins(1)),
        Subsignal("source_ready", Pins(1)),
        Subsignal("source_data", Pins(8)),
        Subsignal("sink_valid", Pins(1)),
        Subsignal("sink_ready", Pins(1)),
        Subsignal("sink_data", Pins(8)),
    ),
    ("finish", 0, Subsignal("valid", Pins(1)), Subsignal("status", Pins(8))),
]


class System(SoCCore):
    """The SoC around an exported unit, whose class is `unit`."""

    def __init__(self, platform: SimPlatform, unit: type):
        super().__init__(
            platform,
            CLOCK_HZ,
            cpu_type="vexriscv",
            cpu_variant="standard",
            ident="tcugen",
            integrated_rom_size=ROM_BYTES,
            integrated_rom_init=[0] * (ROM_BYTES // 4),
            integrated_sram_size=SRAM_BYTES,
            uart_name="sim",
        )
        self.crg = CRG(platform.request("sys_clk"), platform.request("sys_rst"))
        self.add_rom("flash", FLASH_BASE, FLASH_BYTES, [0] * (FLASH_BYTES // 4))

        chip = MT41K128M16(CLOCK_HZ, "1:4")
        self.sdrphy = SDRAMPHYModel(chip, data_width=DRAM_BITS, clk_freq=CLOCK_HZ)
        self.add_sdram("sdram", phy=self.sdrphy, module=chip, l2_cache_size=L2_BYTES)

        self.tcu = unit(platform)
        region = SoCRegion(origin=UNIT_BASE, size=UNIT_BYTES, cached=False)
        self.bus.add_slave("tcu", self.tcu.registers, region)
        self.irq.add("tcu", use_loc_if_exists=True)
        self.connect_memory(self.tcu.memory)

        finish = platform.request("finish")
        self.finish = CSR(8)
        self.comb += [finish.valid.eq(self.finish.re), finish.status.eq(self.finish.r)]

    def connect_memory(self, memory: axi.AXIInterface) -> None:
        """The unit's memory port to a port of the DRAM controller, which is as wide."""
        sizes = dict(data_width=8 * BUS_BYTES, address_width=memory.address_width, id_width=memory.id_width)
        spoilt, dram = axi.AXIInterface(**sizes), axi.AXIInterface(**sizes)
        self.faults = Faults(memory, spoilt)
        ram = self.bus.regions["main_ram"]
        self.decoder = Decoder(spoilt, [((ram.origin, ram.size), dram)])
        self.bridge = LiteDRAMAXI2Native(dram, self.sdram.crossbar.get_port(), 32, 32, base_address=ram.origin)


def write_headers(soc: System, folder: Path) -> None:
    """What LiteX's builder would write into `generated/` for software."""
    settings = soc.sdram.controller.settings
    texts = {
        "csr.h": export.get_csr_header(soc.csr_regions, soc.constants, soc.mem_regions["csr"].origin),
        "soc.h": export.get_soc_header(soc.constants),
        "mem.h": export.get_mem_header(soc.mem_regions),
        "sdram_phy.h": get_sdram_phy_c_header(settings.phy, settings.timing, settings.geom),
        "regions.ld": export.get_linker_regions(soc.mem_regions),
        "output_format.ld": export.get_linker_output_format(soc.cpu),
    }
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(str(text))


def main(unit_folder: Path, folder: Path) -> None:
    """Write `sim.v`, `sources.json`, `cpu.json` and `generated/` into an existing folder."""
    logging.disable(logging.INFO)
    sys.path.insert(0, str(unit_folder))
    from tcu_litex import TCU

    platform = SimPlatform("SIM", PINS)
    soc = System(platform, TCU)
    soc.finalize()
    os.chdir(folder)  # LiteX writes the contents of memories into the current folder
    platform.get_verilog(soc, name="sim").write("sim.v")
    write_headers(soc, folder / "generated")
    (folder / "sources.json").write_text(json.dumps([source[0] for source in platform.sources]))
    (folder / "cpu.json").write_text(json.dumps({"flags": soc.cpu.gcc_flags.split(), "folder": cpu_folder(soc)}))


def cpu_folder(soc: System) -> str:
    """Folder with the start-up code of the processor that comes with LiteX."""
    return str(Path(sys.modules[type(soc.cpu).__module__].__file__).parent)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
