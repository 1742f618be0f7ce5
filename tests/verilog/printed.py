"""A component made of a function, and what is printed of it."""

from collections.abc import Callable

from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.lib.wiring import Component, In

from tcugen.verilog.hierarchy import modules


class Block(Component):
    """`build` gets the module and the component, which has `members`."""

    def __init__(self, members: dict, build: Callable[[Module, "Block"], None]):
        self.build = build
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        self.build(m, self)
        return m


class Top(Component):
    """Drives the clock of one block and nothing else of it."""

    clock: Signal
    reset: Signal

    def __init__(self, block: Block):
        self.block = block
        super().__init__({"clock": In(1), "reset": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = domain = ClockDomain("sync")
        m.submodules.block = self.block
        m.d.comb += domain.clk.eq(self.clock)  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
        m.d.comb += domain.rst.eq(self.reset)  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
        return m


def printed(members: dict, build: Callable[[Module, Block], None]) -> list[str]:
    """Lines of the block between its ports and `endmodule`, without indentation and empty lines."""
    part, _ = modules(Top(Block(members, build)), None, {})
    lines = part.text.splitlines()
    return [line.strip() for line in lines[lines.index(");") + 1 : -1] if line.strip()]
