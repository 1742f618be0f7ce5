"""The ports of the top module, read from the Verilog itself."""

import re
from dataclasses import dataclass

from tcugen.export.build_folder import Build, ExportError


@dataclass(frozen=True)
class TopPort:
    """One port of `tcu_top`, `width` bits."""

    name: str
    direction: str
    width: int


def top_ports(build: Build) -> tuple[TopPort, ...]:
    """In the order of the Verilog; raises ExportError if there is no such module."""
    text = build.files["tcu_top.v"].decode()
    found = re.search(r"^module tcu_top \((.*?)^\);", text, flags=re.MULTILINE | re.DOTALL)
    rows = re.findall(r"(input|output)\s+wire\s+(?:\[(\d+):0\]\s+)?(\w+)", found[1]) if found else []
    if not rows:
        raise ExportError(f"{build.folder}/tcu_top.v has no module tcu_top with ports; write the build anew")
    return tuple(TopPort(name, direction, int(high or 0) + 1) for direction, high, name in rows)
