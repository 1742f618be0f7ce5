"""From a component to Verilog: one module per component, by way of RTLIL and the Yosys that comes with Amaranth."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.lib.wiring import Component

from tcugen.verilog import text, tidy, typeset
from tcugen.verilog.hierarchy import modules


def convert(top: Component, platform: object, foreign: dict[str, tuple[str, ...]]) -> str:
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
    written = []
    for part in parts:
        tidy.tidy(by_name[part.name])
        written.append(typeset.render(by_name[part.name], part.doc, ports_of))
    return "\n".join(written)


def run_yosys(rtlil: str) -> str:
    """Verilog for RTLIL. The user's own Yosys would write other text, so it is not asked."""
    # Private, because the public `convert` takes one elaboratable, and to start Yosys once per module takes a minute.
    from amaranth.back.verilog import _convert_rtlil_text

    with _environment("AMARANTH_USE_YOSYS", "builtin"):
        return _convert_rtlil_text(rtlil, strip_internal_attrs=True)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
