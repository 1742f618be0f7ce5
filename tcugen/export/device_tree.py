"""Device-tree overlays for Linux: registers and interrupt through UIO, memory through u-dma-buf."""

from dataclasses import dataclass

from tcugen.arch import PAGE_BYTES
from tcugen.export.build_folder import Build
from tcugen.registers import ADDRESS_BITS
from tcugen.simulator.memory_image import place

FRAGMENT = """// Device-tree overlay of the tensor compute unit for {network}, {system}. Not run on hardware.
//
// The address is that of block_design.tcl. In another design adapt it, `interrupts` and `clocks`. The driver finds the
// unit as /dev/uioN (module uio_pdrv_genirq, parameter of_id=generic-uio) and the buffer as /dev/udmabuf0 (u-dma-buf).
/dts-v1/;
/plugin/;

/ {{
    fragment@0 {{
        target-path = "/";
        __overlay__ {{
            #address-cells = <{cells}>; // as the tree of this system has it
            #size-cells = <{cells}>;

            tcu@{address:x} {{
                compatible = "tcugen,tcu-1.0", "generic-uio";
                reg = <{registers}>;
                interrupt-parent = <&{controller}>;
                interrupts = <0 {interrupt} 4>; // SPI, level high: the first of the programmable logic
                clocks = <&{clock}>; // {clock_name}
                clock-names = "aclk";
            }};

            udmabuf0 {{
                compatible = "ikwzm,u-dma-buf";
                device-name = "udmabuf0";
                size = <0x{buffer:x}>; // program, weights, one image, its result, scratch
                sync-mode = <2>;
            }};
        }};
    }};
}};
"""


@dataclass(frozen=True)
class System:
    """A processing system.

    Attributes:
        name: As its maker says it.
        address: Of the unit's registers, where `block_design.tcl` places them.
        cells: 32-bit words of an address and of a size in the root of its tree.
        controller, interrupt: Label of its interrupt controller, and number among the shared peripheral interrupts.
        clock, clock_name: The first clock of its programmable logic: label and number, and what it is called.
    """

    name: str
    address: int
    cells: int
    controller: str
    interrupt: int
    clock: str
    clock_name: str


# Zynq-7000: interrupts of the programmable logic are 61 and on in UG585 (IRQF2P), less the 32 that the binding of the
# interrupt controller leaves out; its port M_AXI_GP0 has 0x40000000 to 0x7FFFFFFF (UG585). Linux, zynq-7000.dtsi: label
# intc, and fclk0 is number 15 of clkc.
# Zynq UltraScale+: pl_ps_irq0 is 121 to 128 at the controller, 89 to 96 less those 32 (UG1085, tables 13-1 and 35-6);
# M_AXI_HPM0_FPD begins at 0xA0000000. Linux, zynqmp.dtsi: label gic; dt-bindings/clock/xlnx-zynqmp-clk.h: PL0_REF, 71.
SYSTEMS = {
    "zynq7000": System("Zynq-7000", 0x43C0_0000, 1, "intc", 29, "clkc 15", "FCLK0"),
    "zynqmp": System("Zynq UltraScale+", 0xA000_0000, 2, "gic", 89, "zynqmp_clk 71", "PL0_REF"),
}
"""By the name in the file's name: of PYNQ-Z2 and Zybo; of ZCU104 and KV260."""


def fragments(build: Build) -> dict[str, bytes]:
    """Texts of `tcu_SYSTEM.dtso` by file name."""
    return {f"tcu_{key}.dtso": _fragment(build, system) for key, system in SYSTEMS.items()}


def _fragment(build: Build, system: System) -> bytes:
    size = max(PAGE_BYTES, 1 << ADDRESS_BITS)
    high = "0 " * (system.cells - 1)
    return FRAGMENT.format(
        network=build.program.network.encode("ascii", "replace").decode().replace("\\", "/"),
        system=system.name,
        cells=system.cells,
        address=system.address,
        registers=f"{high}0x{system.address:x} {high}0x{size:x}",
        controller=system.controller,
        interrupt=system.interrupt,
        clock=system.clock,
        clock_name=system.clock_name,
        buffer=place(build.program, 1).size,
    ).encode()
