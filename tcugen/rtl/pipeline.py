"""Names for what a fixed-latency data path consists of: wires, and registers that an enable holds."""

from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value


@dataclass(frozen=True)
class Pipeline:
    """Data registers of `module`, all without reset and all held while `enable` is 0; every name gets `prefix`.

    Used outside of any `m.If`, so that wires stay unconditional.
    """

    module: Module
    enable: Value
    prefix: str = ""

    def wire(self, name: str, value: Value) -> Signal:
        """`value` as a named signal: an expression used several times is emitted once instead of at every use."""
        signal = Signal.like(value, name=self.prefix + name)
        self.module.d.comb += signal.eq(value)
        return signal

    def register(self, name: str, value: Value) -> Signal:
        """`value` one enabled clock edge later, with the same width and signedness."""
        signal = Signal.like(value, name=self.prefix + name, reset_less=True)
        with self.module.If(self.enable):
            self.module.d.sync += signal.eq(value)
        return signal

    def delayed(self, name: str, value: Value, stages: int) -> list[Value]:
        """[value, `name`_1, ..., `name`_`stages`]: index k is `value` k enabled clock edges later."""
        copies = [value]
        for stage in range(1, stages + 1):
            copies.append(self.register(f"{name}_{stage}", copies[-1]))
        return copies
