"""Nested loops of the walkers: counters, and the addresses that move with them."""

from collections.abc import Mapping
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, ValueLike


@dataclass(frozen=True)
class Level:
    """A level of a loop nest.

    Attributes:
        count: How often it turns, at least 1, divided by `unit` and rounded up. Read when the nest begins.
        again: The same for the next time that it starts over; read in its last turn. `count` if None.
        unit: What a turn takes of the count.
    """

    count: Value
    again: Value | None = None
    unit: Value | None = None

    def is_last(self, left: ValueLike) -> Value:
        """Of this much of the count only one turn is left."""
        return Value.cast(left) == 1 if self.unit is None else left <= self.unit

    def is_next_to_last(self, left: ValueLike) -> Value:
        """Of this much of the count no more than two turns are left, and if it is not the last one, two are."""
        return Value.cast(left) == 2 if self.unit is None else left <= self.unit << 1


class Loops:
    """A loop nest in registers of module `m`; from the cycle after `begin` it stands at its first step.

    Which levels take their last turn, and which turns end with the present step, is known from registers alone, as it
    is found out one step ahead: comparisons are never chained with what depends on them.

    Attributes:
        last: By level, a register: it takes its last turn. Meaningless before the first `begin`.
        left: By level, a register: its count less what earlier turns took.
        turns: By level, a register but for the innermost: the present step is the last one of its turn, for all levels
            inside take their last.
        ends: By level: the present step is its last one altogether.
        next_last: By level: `last` as the next step will find it, should this one be the last of a turn.

    Args:
        begin: Stand at the first step; comes before `step`.
        step: Go to the next step. From the nest's last one it goes to no step that means anything.
        levels: Outermost first. Names of registers are made of theirs.
    """

    def __init__(self, m: Module, begin: Value, step: Value, levels: Mapping[str, Level]):
        self._module, self._begin, self._step = m, begin, step
        self._names = tuple(levels)
        self.last = {name: Signal(name=f"last_{name}") for name in levels}
        self.left = {
            name: Signal.like(level.count, name=f"{name}_left", reset_less=True) for name, level in levels.items()
        }
        self.turns: dict[str, Value] = {}
        self.ends: dict[str, Value] = {}
        self.next_last = {name: level.is_next_to_last(self.left[name]) for name, level in levels.items()}
        turn: Value = Const(1)
        first_inside: list[Value] = []  # of the levels inside: whether they take their last turn after `begin`
        next_inside: list[Value] = []  # and after this step
        for name, level in reversed(list(levels.items())):
            last = self.last[name]
            if first_inside:
                turn = Signal(name=f"{name}_turns")
                with m.If(begin):
                    m.d.sync += turn.eq(Cat(first_inside).all())
                with m.Elif(step):
                    m.d.sync += turn.eq(Cat(next_inside).all())
            self.turns[name] = turn
            ends = self.ends[name] = Signal(name=f"{name}_ends")
            m.d.comb += ends.eq(turn & last)
            starts_over = Signal(name=f"{name}_is_one")
            m.d.comb += starts_over.eq(level.is_last(level.count if level.again is None else level.again))
            self._count(name, level, starts_over)
            first_inside.append(level.is_last(level.count))
            next_inside.append(Mux(turn, Mux(last, starts_over, self.next_last[name]), last))

    def _count(self, name: str, level: Level, starts_over: Signal) -> None:
        m, left, last = self._module, self.left[name], self.last[name]
        with m.If(self._begin):
            m.d.sync += [left.eq(level.count), last.eq(level.is_last(level.count))]
        with m.Elif(self._step & self.turns[name]):
            m.d.sync += [left.eq(left - (1 if level.unit is None else level.unit)), last.eq(self.next_last[name])]
            with m.If(last):
                m.d.sync += [left.eq(level.count if level.again is None else level.again), last.eq(starts_over)]

    def address(
        self,
        name: str,
        base: Value,
        steps: Mapping[str, ValueLike],
        again: Value | None = None,
        bits: int | None = None,
    ) -> Signal:
        """A number that moves with the loops, modulo its width: `base` first, steps[level] more with each turn of that
        level. When a level starts over, so does what its turns added.

        Args:
            name: Of the registers, with `{}` for the level of each.
            base: Where it begins; read with `begin`.
            steps: By level, outermost first; levels that do not move it are left out.
            again: What it returns to when levels start over and none around them moves it; `base` if None.
            bits: Its width; that of `base` if None.
        """
        m = self._module
        shape = Shape(len(base) if bits is None else bits, base.shape().signed)
        moved = [level for level in self._names if level in steps]
        stands = {level: Signal(shape, name=name.format(level), reset_less=True) for level in moved}
        with m.If(self._begin):
            m.d.sync += [at.eq(base) for at in stands.values()]
        with m.Elif(self._step):
            # Innermost first: what a level around does goes before.
            for place, level in reversed(list(enumerate(self._names))):
                inside = [stands[one] for one in moved if self._names.index(one) >= place]
                around = [stands[one] for one in moved if self._names.index(one) < place]
                if not inside:
                    continue
                target = base if again is None else again
                if level in stands:
                    target = (stands[level] + steps[level])[: shape.width]
                elif around:
                    target = around[-1]
                with m.If(self.turns[level]):
                    m.d.sync += [at.eq(target) for at in inside]
        return stands[moved[-1]]
