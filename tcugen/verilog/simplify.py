"""A netlist with fewer and smaller cells that computes the same: what is written is what somebody reads."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from tcugen.verilog.conditions import to_operations
from tcugen.verilog.fold import fold
from tcugen.verilog.netlist import (
    Assign,
    Body,
    Cell,
    Choice,
    Instance,
    Memory,
    Net,
    Netlist,
    Operator,
    ReadPort,
    Register,
    Switch,
    Value,
    WritePort,
    cell_of,
    output,
    restricted,
)
from tcugen.verilog.share import share

_BITWISE = ("&", "|", "^", "~")
_CARRYING = ("+", "-", "*", "<<")
"""Bit n of the result depends on no higher bit of the first operand."""


def simplify(netlist: Netlist) -> None:
    """Rewrite `netlist` in place.

    - What is constant is a constant.
    - A choice without a condition is what it chooses.
    - A choice under few conditions is an operation, and equal operations are one.
    - A structure that is assigned member by member comes apart into its members.
    - What nobody reads goes, whole cells and upper bits of results that have no name.
    """
    fold(netlist)
    _decide(netlist)
    _split(netlist)
    to_operations(netlist)
    fold(netlist)
    share(netlist)
    _keep_read(netlist)


def _decide(netlist: Netlist) -> None:
    """Take out cases that a constant in what is tested rules out or makes certain."""
    for index, cell in netlist.cells.items():
        if isinstance(cell, Choice):
            netlist.cells[index] = Choice(cell.default, _decided(cell.body))
        elif isinstance(cell, Register):
            netlist.cells[index] = Register(cell.width, cell.clock, cell.reset, cell.start, _decided(cell.body))


def _decided(body: Body) -> Body:
    statements: list[Assign | Switch] = []
    for statement in body:
        if isinstance(statement, Assign):
            statements.append(statement)
            continue
        cases: list[tuple[tuple[str, ...] | None, Body]] = []
        for patterns, inner in statement.cases:
            possible = (
                None if patterns is None else tuple(p for p in patterns if _matches(p, statement.test) != "never")
            )
            certain = possible is None or any(_matches(pattern, statement.test) == "always" for pattern in possible)
            if possible is None or possible:
                cases.append((None if certain else possible, _decided(inner)))
            if certain:
                break
        if cases and cases[0][0] is None:
            statements += cases[0][1]
        elif any(inner for _, inner in cases):
            statements.append(Switch(statement.key, statement.test, tuple(cases)))
    return tuple(statements)


def _matches(pattern: str, test: Value) -> str:
    """Whether `test` matches "never", "always", or sometimes."""
    pairs = [(bit, net) for bit, net in zip(reversed(pattern), test, strict=True) if bit != "-"]
    if any(net in (0, 1) and net != int(bit) for bit, net in pairs):
        return "never"
    return "always" if all(net in (0, 1) for _, net in pairs) else "sometimes"


def _split(netlist: Netlist) -> None:
    """Cut choices and registers where a member of a structure ends and an assignment too."""
    borders: dict[int, set[int]] = {}
    for name in netlist.names:
        if name.is_field and name.value and name.value[0] > 1:
            start = name.value[0] & 0xFFFF
            if name.value == output(cell_of(name.value[0]), len(name.value), start):
                borders.setdefault(cell_of(name.value[0]), set()).update((start, start + len(name.value)))
    cells: dict[int, Cell] = {}
    replaced: dict[Net, Net] = {}
    for index, cell in netlist.cells.items():
        if not isinstance(cell, (Choice, Register)):
            cells[index] = cell
            continue
        cuts = sorted({0, cell.width} | (borders.get(index, set()) & set(_ends(cell.body))))
        for start, stop in pairwise(cuts):
            part = _part(cell, start, stop)
            old = output(index, stop - start, start)
            if isinstance(part, tuple):
                replaced.update(zip(old, part, strict=True))
            elif len(cuts) == 2:
                cells[index] = part
            else:
                number = netlist.number()
                cells[number] = part
                new = output(number, stop - start)
                replaced.update(zip(old, new, strict=True))
                netlist.sources.update(zip(new, old, strict=True))
    netlist.cells = cells
    netlist.replace(replaced)


def _part(cell: Choice | Register, start: int, stop: int) -> Choice | Register | Value:
    """Bits `start` .. `stop` - 1 of a choice or register as a cell, or as what they are in any case."""
    body = restricted(cell.body, start, stop)
    width = stop - start
    if isinstance(cell, Register):
        mask = (1 << width) - 1
        return Register(width, cell.clock, cell.reset, cell.start >> start & mask, body)
    default = list(cell.default[start:stop])
    while body and isinstance(body[0], Assign):
        default[body[0].start : body[0].start + len(body[0].value)] = body[0].value
        body = body[1:]
    return Choice(tuple(default), body) if body else tuple(default)


def _ends(body: Body) -> Iterator[int]:
    """First bits of assignments, and the bits after their last."""
    for statement in body:
        if isinstance(statement, Assign):
            yield from (statement.start, statement.start + len(statement.value))
        else:
            for _, inner in statement.cases:
                yield from _ends(inner)


def _keep_read(netlist: Netlist) -> None:
    """Drop cells and upper bits of operations that no output, instance or memory depends on, and names without nets."""
    read = _Demand(netlist).bits
    cells: dict[int, Cell] = {}
    for index, cell in netlist.cells.items():
        if index in read or isinstance(cell, Instance):
            needed = max(read.get(index, ()), default=0) + 1
            cells[index] = cell if cell.width <= needed else _narrowed(cell, needed)
    netlist.cells = cells

    def driven(net: Net) -> bool:
        index, bit = cell_of(net), net & 0xFFFF
        return index == 0 or (index in cells and bit < cells[index].width)

    for name in netlist.names:
        while name.value and not driven(name.value[-1]):
            name.value = name.value[:-1]
    netlist.names = [name for name in netlist.names if name.value and all(map(driven, name.value))]


def _narrowed(cell: Cell, width: int) -> Cell:
    match cell:
        case Operator(operator="m", operands=(test, a, b)):
            return Operator("m", (test, a[:width], b[:width]), width)
        case Operator(operator="<<", operands=(a, b)):
            return Operator("<<", (a[:width], b), width)
        case Operator(operator=operator, operands=operands) if operator in _BITWISE or operator in _CARRYING:
            return Operator(operator, tuple(operand[:width] for operand in operands), width)
        case Choice(default=default, body=body):
            return Choice(default[:width], restricted(body, 0, width))
        case _:
            return cell


class _Demand:
    """Bits of each cell's output that something outside depends on; what has a name is read whole or not at all."""

    def __init__(self, netlist: Netlist):
        self._netlist = netlist
        self._named = {name.value for name in netlist.names if not name.is_field}
        self.bits: dict[int, set[int]] = {}
        self._new: dict[int, set[int]] = {}
        self._writers: dict[int, list[int]] = {}
        for index, cell in netlist.cells.items():
            if isinstance(cell, WritePort):
                self._writers.setdefault(cell.memory, []).append(index)
        for value in netlist.outputs.values():
            self._read(value)
        for cell in netlist.cells.values():
            if isinstance(cell, Instance):
                for value in cell.values():
                    self._read(value)
        while self._new:
            index, bits = self._new.popitem()
            self._follow(index, netlist.cells[index], bits)

    def _read(self, value: Iterable[Net]) -> None:
        for net in value:
            index = cell_of(net)
            if not index or (net & 0xFFFF) in self.bits.setdefault(index, set()):
                continue
            width = self._netlist.cells[index].width
            bits = set(range(width)) if output(index, width) in self._named else {net & 0xFFFF}
            self.bits[index] |= bits
            self._new.setdefault(index, set()).update(bits)

    def _follow(self, index: int, cell: Cell, bits: set[int]) -> None:
        match cell:
            case Operator(operator="m", operands=(test, *choices)):
                self._read(test)
                for operand in choices:
                    self._read(operand[bit] for bit in bits)
            case Operator(operator=operator, operands=operands) if operator in _BITWISE:
                for operand in operands:
                    self._read(operand[bit] for bit in bits)
            case Operator(operator=operator, operands=(a, *others)) if operator in _CARRYING:
                self._read(a[: max(bits) + 1])
                for operand in others:
                    self._read(operand if operator == "<<" else operand[: max(bits) + 1])
            case Choice(default=default, body=body):
                self._read(default[bit] for bit in bits)
                self._assigned(body, bits)
            case Memory() | Instance():
                pass
            case _:
                for value in cell.values():
                    self._read(value)
        if isinstance(cell, ReadPort):
            self.bits.setdefault(cell.memory, set())
            for writer in self._writers.get(cell.memory, []):
                self.bits.setdefault(writer, set())
                for value in self._netlist.cells[writer].values():
                    self._read(value)

    def _assigned(self, body: Body, bits: set[int]) -> bool:
        """Read what `body` assigns to `bits`; whether it assigns anything."""
        touched = False
        for statement in body:
            if isinstance(statement, Assign):
                mine = [bit - statement.start for bit in bits if 0 <= bit - statement.start < len(statement.value)]
                self._read(statement.value[bit] for bit in mine)
                touched |= bool(mine)
            elif sum(self._assigned(inner, bits) for _, inner in statement.cases):  # all of them, not up to the first
                self._read(statement.test)
                touched = True
        return touched
