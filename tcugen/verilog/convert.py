"""From a component to Verilog: one module per component, by way of RTLIL and the Yosys that comes with Amaranth."""

from typing import Any

from amaranth.lib.wiring import Component

from tcugen.verilog import text, tidy, typeset
from tcugen.verilog.hierarchy import modules
from tcugen.verilog.yosys import run_yosys


def convert(top: "Component[Any]", platform: object, foreign: dict[str, tuple[str, ...]]) -> str:
    """Verilog-2001 of `top` and all components in it, elaborated for `platform`; `top` comes last.

    Args:
        foreign: Ports, in order, of modules that are instantiated but written by hand.

    Raises:
        HierarchyError: If a component cannot be a module of its own.
        UnknownText: If Yosys writes what this was not made for.
    """
    parts = modules(top, platform)
    by_name = {module.name: module for module in text.parse(run_yosys("".join(part.rtlil for part in parts)))}
    ports_of = foreign | {part.name: part.ports for part in parts}
    written: list[str] = []
    for part in parts:
        tidy.tidy(by_name[part.name])
        written.append(typeset.render(by_name[part.name], part.doc, ports_of))
    return "\n".join(written)
