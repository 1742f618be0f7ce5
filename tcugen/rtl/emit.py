"""From an architecture to Verilog files."""

import os
from pathlib import Path

from tcugen.arch import Architecture
from tcugen.rtl.sram import VERILOG
from tcugen.rtl.top import Top


class _EmitterPlatform:
    """Tells memories to become instances of the hand-written one."""

    sram_instances = True


def verilog(architecture: Architecture) -> str:
    """The whole design as one Verilog text; the top module is `tcu_top`."""
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    from amaranth.back import verilog as backend

    top = Top(architecture)
    ports = {name: (getattr(top, name), None) for name in top.signature.members}
    return backend.convert(
        top, name="tcu_top", platform=_EmitterPlatform(), ports=ports, emit_src=False, strip_internal_attrs=True
    )


def emit(architecture: Architecture, directory: Path) -> None:
    """Write `tcu_top.v`, `tcu_sram_1r1w.v` and `architecture.json` into an existing directory."""
    (directory / "tcu_top.v").write_text(verilog(architecture))
    (directory / "tcu_sram_1r1w.v").write_text(VERILOG)
    (directory / "architecture.json").write_text(architecture.to_json())
