"""One module as a netlist: cells that compute or keep bits, and names for what they put out.

A net is one bit, a number: 0 and 1 are the constants, any other is `(cell << 16) + bit`, where cell 0 stands for the
input ports. A value is a tuple of nets, the least significant first.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Net = int
Value = tuple[Net, ...]
Map = Callable[[Value], Value]

INPUTS = 0
"""Number of the cell that stands for the input ports; their bits follow those of the two constants."""


class UnknownCell(Exception):
    """A cell that this generator's hardware does not use and that is therefore not written."""


def output(cell: int, width: int, start: int = 0) -> Value:
    """`width` bits of the output of `cell`."""
    return tuple(range((cell << 16) + start, (cell << 16) + start + width))


def constant(number: int, width: int) -> Value:
    """The lowest `width` bits of `number`."""
    return tuple((number >> bit) & 1 for bit in range(width))


def cell_of(net: Net) -> int:
    """Cell that drives `net`, which is no constant."""
    return net >> 16


def is_constant(value: Value) -> bool:
    """Whether all bits of `value` are constants."""
    return all(net in (0, 1) for net in value)


def number(value: Value) -> int:
    """The number that a constant is, read without a sign."""
    return sum(net << bit for bit, net in enumerate(value))


@dataclass(frozen=True)
class Assign:
    """Bits from `start` on take `value`."""

    start: int
    value: Value


@dataclass(frozen=True)
class Switch:
    """The first case with a pattern that `test` matches is executed, if there is one.

    Attributes:
        key: The same for all switches that stem from one statement of the source; grows in the order of the source.
        cases: Patterns of "0", "1" and "-", most significant bit first, None for all; and what is executed.
    """

    key: int
    test: Value
    cases: "tuple[tuple[tuple[str, ...] | None, Body], ...]"


Body = tuple[Assign | Switch, ...]
"""Statements, executed in order; a later assignment overrides an earlier one."""


def values_of(body: Body) -> Iterator[Value]:
    """Everything that `body` reads."""
    for statement in body:
        if isinstance(statement, Assign):
            yield statement.value
        else:
            yield statement.test
            for _, inner in statement.cases:
                yield from values_of(inner)


def mapped(body: Body, change: Map) -> Body:
    """`body` with all values changed by `change`."""
    return tuple(
        Assign(statement.start, change(statement.value))
        if isinstance(statement, Assign)
        else Switch(
            statement.key,
            change(statement.test),
            tuple((patterns, mapped(inner, change)) for patterns, inner in statement.cases),
        )
        for statement in body
    )


def restricted(body: Body, start: int, stop: int) -> Body:
    """What `body` does to bits `start` .. `stop` - 1, which become bits 0 and up."""
    statements: list[Assign | Switch] = []
    for statement in body:
        if isinstance(statement, Assign):
            low, high = max(start, statement.start), min(stop, statement.start + len(statement.value))
            if low < high:
                value = statement.value[low - statement.start : high - statement.start]
                statements.append(Assign(low - start, value))
        else:
            cases = [(patterns, restricted(inner, start, stop)) for patterns, inner in statement.cases]
            if any(inner for _, inner in cases):
                statements.append(Switch(statement.key, statement.test, tuple(cases)))
    return tuple(statements)


def always_assigned(body: Body, width: int) -> bool:
    """Whether `body` assigns all bits in any case, so that no start value is needed."""
    for statement in reversed(body):
        if isinstance(statement, Assign):
            if statement.start == 0 and len(statement.value) == width:
                return True
        elif statement.cases[-1][0] is None and all(always_assigned(inner, width) for _, inner in statement.cases):
            return True
    return False


@dataclass(frozen=True)
class Operator:
    """One operation; the names are Amaranth's. Where both fit, operands have the width of the result."""

    operator: str
    operands: tuple[Value, ...]
    width: int

    def values(self) -> Iterator[Value]:
        """What the cell reads."""
        yield from self.operands

    def mapped(self, change: Map) -> "Operator":
        """The same cell, reading other values."""
        return Operator(self.operator, tuple(map(change, self.operands)), self.width)


@dataclass(frozen=True)
class Part:
    """`width` bits of `value` from bit `offset * stride` on; zeros, or copies of the sign, follow its last bit."""

    value: Value
    signed: bool
    offset: Value
    stride: int
    width: int

    def values(self) -> Iterator[Value]:
        """What the cell reads."""
        yield self.value
        yield self.offset

    def mapped(self, change: Map) -> "Part":
        """The same cell, reading other values."""
        return Part(change(self.value), self.signed, change(self.offset), self.stride, self.width)


@dataclass(frozen=True)
class Choice:
    """What `body` makes of `default`."""

    default: Value
    body: Body

    @property
    def width(self) -> int:
        """Bits of the output."""
        return len(self.default)

    def values(self) -> Iterator[Value]:
        """What the cell reads."""
        yield self.default
        yield from values_of(self.body)

    def mapped(self, change: Map) -> "Choice":
        """The same cell, reading other values."""
        return Choice(change(self.default), mapped(self.body, change))


@dataclass(frozen=True)
class Register:
    """Takes what `body` makes of the present content at each rising edge of `clock`; `start` while `reset` is 1."""

    width: int
    clock: Net
    reset: Net | None
    start: int
    body: Body

    def values(self) -> Iterator[Value]:
        """What the cell reads."""
        yield (self.clock,)
        if self.reset is not None:
            yield (self.reset,)
        yield from values_of(self.body)

    def mapped(self, change: Map) -> "Register":
        """The same cell, reading other values."""
        reset = None if self.reset is None else change((self.reset,))[0]
        return Register(self.width, change((self.clock,))[0], reset, self.start, mapped(self.body, change))


@dataclass(frozen=True)
class Memory:
    """An array of words. What was never written is undefined unless `contents` says otherwise."""

    name: str
    words: int
    word_bits: int
    contents: tuple[int, ...]
    width: int = 0

    def values(self) -> Iterator[Value]:
        """What the cell reads."""
        yield from ()

    def mapped(self, change: Map) -> "Memory":
        """The same cell."""
        return self


@dataclass(frozen=True)
class WritePort:
    """At a rising edge, bits of word `address` of cell `memory` whose `enable` is 1 take `data`."""

    memory: int
    clock: Net
    enable: Value
    address: Value
    data: Value
    width: int = 0

    def values(self) -> Iterator[Value]:
        """What the cell reads."""
        yield from ((self.clock,), self.enable, self.address, self.data)

    def mapped(self, change: Map) -> "WritePort":
        """The same cell, reading other values."""
        (clock,) = change((self.clock,))
        return WritePort(self.memory, clock, change(self.enable), change(self.address), change(self.data))


@dataclass(frozen=True)
class ReadPort:
    """Word `address` of cell `memory`: at once, or at each rising edge of `clock` with `enable`."""

    memory: int
    clock: Net | None
    enable: Net
    address: Value
    width: int

    def values(self) -> Iterator[Value]:
        """What the cell reads."""
        if self.clock is not None:
            yield (self.clock,)
        yield (self.enable,)
        yield self.address

    def mapped(self, change: Map) -> "ReadPort":
        """The same cell, reading other values."""
        clock = None if self.clock is None else change((self.clock,))[0]
        return ReadPort(self.memory, clock, change((self.enable,))[0], change(self.address), self.width)


@dataclass(frozen=True)
class Instance:
    """Another module.

    Attributes:
        inputs: Values by port.
        outputs: First bit in the output of this cell, and bits, by port.
    """

    module: str
    name: str
    parameters: dict[str, int]
    inputs: dict[str, Value]
    outputs: dict[str, tuple[int, int]]

    @property
    def width(self) -> int:
        """Bits of all outputs."""
        return sum(width for _, width in self.outputs.values())

    def values(self) -> Iterator[Value]:
        """What the cell reads."""
        yield from self.inputs.values()

    def mapped(self, change: Map) -> "Instance":
        """The same cell, reading other values."""
        inputs = {port: change(value) for port, value in self.inputs.items()}
        return Instance(self.module, self.name, self.parameters, inputs, self.outputs)


Cell = Operator | Part | Choice | Register | Memory | WritePort | ReadPort | Instance


@dataclass
class Name:
    """A name of the source for a value.

    Attributes:
        is_field: It is a member of a structure.
        states: Names of numbers that the value can be, where it is an enumeration.
        kind: Name of that enumeration; "" if it has none.
    """

    text: str
    value: Value
    is_field: bool
    states: dict[int, str]
    kind: str = ""


@dataclass
class Netlist:
    """One module.

    Attributes:
        inputs: Values by port.
        outputs: Values by port.
        cells: By number; the order is that of the source.
        names: Those of the source, signals before their fields.
        sources: Nets of the source by nets that stand for them here.
        unused: First number that no cell has or had; cells that are made take it.
    """

    inputs: dict[str, Value] = field(default_factory=dict[str, Value])
    outputs: dict[str, Value] = field(default_factory=dict[str, Value])
    cells: dict[int, Cell] = field(default_factory=dict[int, Cell])
    names: list[Name] = field(default_factory=list[Name])
    sources: dict[Net, Net] = field(default_factory=dict[Net, Net])
    unused: int = 1

    def number(self) -> int:
        """A number for a new cell."""
        self.unused += 1
        return self.unused - 1

    def replace(self, nets: dict[Net, Net]) -> None:
        """Read other nets in place of some; a replacement may itself be replaced."""

        def resolve(net: Net) -> Net:
            while net in nets:
                net = nets[net]
            return net

        def change(value: Value) -> Value:
            return tuple(map(resolve, value))

        self.outputs = {port: change(value) for port, value in self.outputs.items()}
        self.cells = {index: cell.mapped(change) for index, cell in self.cells.items()}
        for name in self.names:
            name.value = change(name.value)
