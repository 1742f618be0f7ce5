"""From RTLIL to Verilog, by the Yosys that comes with Amaranth and no other."""

# How Amaranth runs it is private: its stubs leave that out.
# pyright: basic, reportAttributeAccessIssue=false

import os
from collections.abc import Generator
from contextlib import contextmanager


def run_yosys(rtlil: str) -> str:
    """Verilog for RTLIL. The user's own Yosys would write other text, so it is not asked."""
    # Private, because the public `convert` takes one elaboratable, and to start Yosys once per module takes a minute.
    from amaranth.back.verilog import _convert_rtlil_text

    with _environment("AMARANTH_USE_YOSYS", "builtin"):
        return _convert_rtlil_text(rtlil, strip_internal_attrs=True)


@contextmanager
def _environment(name: str, value: str) -> Generator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
