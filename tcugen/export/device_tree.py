"""A device-tree fragment for Linux: registers and interrupt through UIO, memory through u-dma-buf."""

from tcugen.arch import PAGE_BYTES
from tcugen.export.build_folder import Build
from tcugen.registers import ADDRESS_BITS
from tcugen.simulator.memory_image import place

FRAGMENT = """// Device-tree overlay of the tensor compute unit for {network}. Not run on hardware.
//
// Adapt: the address to the system's; `interrupts` and `clocks` to the system's controllers. The driver finds the unit
// as /dev/uioN (module uio_pdrv_genirq, parameter of_id=generic-uio) and the buffer as /dev/udmabuf0 (u-dma-buf).
/dts-v1/;
/plugin/;

/ {{
    fragment@0 {{
        target-path = "/";
        __overlay__ {{
            #address-cells = <1>;
            #size-cells = <1>;

            tcu@43c00000 {{
                compatible = "tcugen,tcu-1.0", "generic-uio";
                reg = <0x43c00000 0x{size:x}>;
                interrupt-parent = <&intc>;
                interrupts = <0 29 4>; // SPI 29, level high: the first of the programmable logic on Zynq-7000
                clocks = <&clkc 15>;   // FCLK0 there
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


def fragment(build: Build) -> bytes:
    """Text of `tcu.dtso`."""
    image = place(build.program, 1)
    size = max(PAGE_BYTES, 1 << ADDRESS_BITS)
    network = build.program.network.encode("ascii", "replace").decode().replace("\\", "/")
    return FRAGMENT.format(network=network, size=size, buffer=image.size).encode()
