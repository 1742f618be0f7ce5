"""Delay lines."""

from amaranth.hdl import Cat, Module, Signal, Value, ValueLike


def delayed(m: Module, value: ValueLike, cycles: int, name: str, enable: ValueLike = 1) -> Value:
    """`value` as it was `cycles` >= 1 enabled cycles ago: one shift register named `name`, cleared at reset.

    One wide register rather than one per stage: it is a handful of word operations in simulation.
    """
    value = Value.cast(value)
    line = Signal(len(value) * cycles, name=name)
    with m.If(enable):
        m.d.sync += line.eq(Cat(value, line)[: len(line)])
    return line[len(value) * (cycles - 1) :]
