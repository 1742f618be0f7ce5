"""Choices that read better as an operation: one value under one condition, or a bit under a few.

`if (a) x = b; else x = 0;` is `a & b`, and what is chosen by one condition inside another is chosen by both. Undefined
bits come through the operation as they come through the choice.
"""

from dataclasses import dataclass, field

from tcugen.verilog.netlist import (
    Assign,
    Body,
    Cell,
    Choice,
    Net,
    Netlist,
    Operator,
    Switch,
    Value,
    constant,
    output,
)

_OPERANDS = 6
"""Most operands of an operation that stands for a choice; a longer one stays a choice."""

_Case = tuple[tuple[str, ...] | None, Body]


def to_operations(netlist: Netlist) -> None:
    """Replace such choices in place; every other one stays as it is."""
    replaced: dict[Net, Net] = {}
    for index, cell in list(netlist.cells.items()):
        if not isinstance(cell, Choice):
            continue
        builder = _Operations(netlist)
        result = builder.bit(cell) if cell.width == 1 else builder.under_one_condition(cell)
        if result is None or builder.operands > _OPERANDS:
            continue
        if isinstance(result, Operator):
            netlist.cells[index] = result
            netlist.cells.update(builder.cells)
        else:
            del netlist.cells[index]
            replaced[output(index, 1)[0]] = result
    netlist.replace(replaced)


@dataclass
class _Operations:
    """Operations that a choice consists of; the last one takes the place of the choice itself.

    Attributes:
        cells: All but the last, by number.
        operands: What all of them read from elsewhere, at least.
    """

    netlist: Netlist
    cells: dict[int, Cell] = field(default_factory=dict[int, Cell])
    operands: int = 0

    def under_one_condition(self, cell: Choice) -> Operator | None:
        """One whole value, or else the default."""
        conditions: list[Net] = []
        body = cell.body
        while True:
            match body:
                case (Assign(start=0, value=value),) if len(value) == cell.width and conditions:
                    test = conditions[0]
                    for condition in conditions[1:]:
                        test = self._net(Operator("&", ((test,), (condition,)), 1))
                    return Operator("m", ((test,), value, cell.default), cell.width)
                case (Switch(test=tested, cases=cases),):
                    effective = _effective(cases)
                    if len(effective) != 1:
                        return None
                    ((patterns, body),) = effective
                    condition = self._condition(tested, patterns)
                    if condition is None:
                        return None
                    conditions.append(condition)
                case _:
                    return None

    def bit(self, cell: Choice) -> Operator | Net | None:
        """A bit whose conditions leave nothing but "and" and "or", or that is one of the conditions."""
        result = self._executed(cell.body, cell.default[0])
        if result is None or result >> 16 not in self.cells:
            return result
        last = self.cells.pop(result >> 16)
        assert isinstance(last, Operator)
        return last

    def _executed(self, body: Body, before: Net) -> Net | None:
        """The bit after `body`, if it was `before`."""
        for statement in body:
            if isinstance(statement, Assign):
                (before,) = statement.value
                self.operands += before > 1
                continue
            after = before
            for patterns, inner in reversed(_effective(statement.cases)):
                condition = self._condition(statement.test, patterns)
                chosen = self._executed(inner, before)
                if condition is None or chosen is None:
                    return None
                chosen = self._chosen(condition, chosen, after)
                if chosen is None:
                    return None
                after = chosen
            before = after
        return before

    def _condition(self, test: Value, patterns: tuple[str, ...] | None) -> Net | None:
        """A case as one bit; None if that takes more than one comparison."""
        if patterns is None:
            return 1
        if len(patterns) != 1:
            return None
        (pattern,) = patterns
        self.operands += 1
        decided = [place for place, digit in enumerate(reversed(pattern)) if digit != "-"]
        if len(decided) == 1:
            net = test[decided[0]]
            return net if pattern[-1 - decided[0]] == "1" else self._net(Operator("~", ((net,),), 1))
        if len(decided) == len(test):
            return self._net(Operator("==", (test, constant(int(pattern, 2), len(test))), 1))
        return None

    def _chosen(self, condition: Net, chosen: Net, otherwise: Net) -> Net | None:
        """`chosen` if `condition`, else `otherwise`; None if one of the two is no constant."""
        if condition == 1 or chosen == otherwise:
            return chosen
        match chosen, otherwise:
            case 1, 0:
                return condition
            case 0, 1:
                return self._net(Operator("~", ((condition,),), 1))
            case 1, _:
                return self._net(Operator("|", ((condition,), (otherwise,)), 1))
            case _, 0:
                return self._net(Operator("&", ((condition,), (chosen,)), 1))
            case 0, _:
                opposite = self._net(Operator("~", ((condition,),), 1))
                return self._net(Operator("&", ((opposite,), (otherwise,)), 1))
            case _:
                return None

    def _net(self, cell: Operator) -> Net:
        index = self.netlist.number()
        self.cells[index] = cell
        return output(index, 1)[0]


def _effective(cases: tuple[_Case, ...]) -> list[_Case]:
    """Cases that do something, and those that keep a later one from doing it."""
    kept = list(cases)
    while kept and not kept[-1][1]:
        kept.pop()
    exact = all(patterns is not None and not any("-" in pattern for pattern in patterns) for patterns, _ in kept)
    return [case for case in kept if case[1]] if exact else kept
