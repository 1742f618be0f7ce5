"""Clock domains."""

from amaranth.hdl import Signal

class ClockDomain:
    clk: Signal
    rst: Signal | None
    def __init__(self, name: str, *, reset_less: bool = ...) -> None: ...
