"""Names for what a module's cells put out, and for parts of it."""

from bisect import bisect_right
from dataclasses import dataclass

from tcugen.verilog.keywords import Namespace
from tcugen.verilog.netlist import (
    INPUTS,
    Choice,
    Instance,
    Memory,
    Name,
    Net,
    Netlist,
    Operator,
    Part,
    ReadPort,
    Value,
    WritePort,
    cell_of,
    is_constant,
    output,
)

_RESULTS = {
    "+": "sum",
    "-": "difference",
    "*": "product",
    "&": "and",
    "|": "or",
    "^": "xor",
    "~": "not",
    "b": "any",
    "r|": "any",
    "r&": "all",
    "r^": "parity",
    "==": "equal",
    "!=": "unequal",
    "u<": "less",
    "s<": "less",
    "u>": "greater",
    "s>": "greater",
    "u<=": "at_most",
    "s<=": "at_most",
    "u>=": "at_least",
    "s>=": "at_least",
    "<<": "shifted",
    "u>>": "shifted",
    "s>>": "shifted",
    "m": "selected",
}


@dataclass(eq=False)
class Wire:
    """A name that is declared.

    Attributes:
        value: What it names.
        direction: "input" or "output" for a port.
        states: Names of its numbers, if it is an enumeration.
        definition: It stands for a part of other wires, and is written if something reads it.
    """

    name: str
    value: Value
    direction: str
    states: dict[int, str]
    definition: bool = False

    @property
    def width(self) -> int:
        """Bits."""
        return len(self.value)


class Wires:
    """The wires of `netlist`; those of operations are added as they turn out to be needed.

    Attributes:
        wires: By name, in the order in which they were found.
    """

    def __init__(self, netlist: Netlist):
        self._netlist = netlist
        self._namespace = Namespace()
        self.wires: dict[str, Wire] = {}
        self._drivers: dict[Net, Wire] = {}  # first net of a wire that a cell drives, or of an input port
        self._starts: list[Net] = []
        self._names: dict[Value, Name] = {}
        self._signals: dict[Value, Name] = {}  # names that are no members
        self._fields: dict[Value, list[str]] = {}
        self._states: dict[Value, Name] = {}
        for name in netlist.names:
            self._names.setdefault(name.value, name)
            if not name.is_field:
                self._signals.setdefault(name.value, name)
            self._fields.setdefault(name.value, []).append(name.text)
            if name.states:
                self._states.setdefault(name.value, name)
        self._readers: dict[int, int | str] = {}
        self._find_readers()
        self._add_ports()
        self._add_instances_and_memories()
        self._add_named()
        self.parts: dict[Value, Wire] = {}
        self._parts_of: dict[str, list[tuple[int, int, Wire]]] = {}
        self._add_parts()

    def states(self, value: Value) -> dict[int, str]:
        """Names of the numbers that `value` can be; empty if it is no enumeration."""
        name = self._states.get(value)
        return {} if name is None else name.states

    def kind(self, value: Value) -> str:
        """Name of the enumeration that `value` is of; it has one."""
        return self._states[value].kind

    def find(self, net: Net) -> tuple[Wire, int] | None:
        """The wire that holds `net`, and the bit of it; None if it is inside an operation that has no wire."""
        if cell_of(net) == INPUTS or isinstance(self._netlist.cells[cell_of(net)], Instance):
            start = self._starts[bisect_right(self._starts, net) - 1]
        else:
            start = net & ~0xFFFF
        wire = self._drivers.get(start)
        return None if wire is None else (wire, net - start)

    def of_cell(self, index: int) -> Wire | None:
        """The wire that cell `index` drives; None for an operation without one."""
        return self._drivers.get(index << 16)

    def part(self, wire: Wire, low: int, high: int) -> tuple[Wire, int] | None:
        """The smallest named part of `wire` that holds its bits `low` .. `high`, and where that part begins."""
        found = [
            (part_high - part_low, part_low, part)
            for part_low, part_high, part in self._parts_of.get(wire.name, ())
            if part_low <= low and high <= part_high
        ]
        if not found:
            return None
        _, start, part = min(found, key=lambda item: item[0])
        return part, start

    def run(self, value: Value, position: int) -> int:
        """The end of the bits from `position` on that follow one another in one wire, or in one operation."""
        found = self.find(value[position])
        limit = found[0].value[-1] if found else value[position] | 0xFFFF
        end = position + 1
        while end < len(value) and value[end] == value[end - 1] + 1 and value[end] <= limit:
            end += 1
        if found is None:
            return end
        # Members side by side are written as members.
        for stop in range(end, position, -1):
            if value[position:stop] in self.parts:
                rest = value[stop:end]
                if not rest or self._is_members(rest):
                    return stop
        return end

    def _is_members(self, value: Value) -> bool:
        """Whether `value` consists of named parts of one wire."""
        if not value:
            return True
        return any(value[:stop] in self.parts and self._is_members(value[stop:]) for stop in range(len(value), 0, -1))

    def add(self, index: int) -> Wire:
        """Give cell `index`, an operation, a wire with a name that says what it is for."""
        value = output(index, self._netlist.cells[index].width)
        return self._drive(self._namespace.take(self._derived(index)), value)

    def memory(self, index: int) -> str:
        """Name of a memory."""
        return self._memories[index]

    def constant(self, wanted: str) -> str:
        """A new name for a constant."""
        return self._namespace.take(wanted).upper()

    def _drive(self, name: str, value: Value, direction: str = "") -> Wire:
        wire = Wire(name, value, direction, self.states(value))
        self.wires[name] = wire
        self._drivers[value[0]] = wire
        return wire

    def _add_ports(self) -> None:
        for port in (*self._netlist.inputs, *self._netlist.outputs):
            self._namespace.reserve(port)
        for port, value in self._netlist.inputs.items():
            self._drive(port, value, "input")
        for port, value in self._netlist.outputs.items():
            if self._is_whole(value) and value[0] not in self._drivers:
                self._drive(port, value, "output")
            else:
                self.wires[port] = Wire(port, value, "output", {})
        self._starts = sorted(wire.value[0] for wire in self.wires.values() if wire.direction == "input")

    def _is_whole(self, value: Value) -> bool:
        """Whether `value` is all that one cell, or one port of an instance, puts out."""
        if is_constant(value[:1]) or cell_of(value[0]) == INPUTS:
            return False
        index = cell_of(value[0])
        cell = self._netlist.cells[index]
        if isinstance(cell, Instance):
            return value in [output(index, width, start) for start, width in cell.outputs.values()]
        return value == output(index, cell.width)

    def _add_instances_and_memories(self) -> None:
        self._memories: dict[int, str] = {}
        for index, cell in self._netlist.cells.items():
            if isinstance(cell, Instance):
                self._namespace.reserve(cell.name)
                for port, (start, width) in cell.outputs.items():
                    value = output(index, width, start)
                    if value[0] not in self._drivers:
                        self._drive(self._namespace.take(f"{cell.name.removeprefix('u_')}_{port}"), value)
                    self._starts.append(value[0])
            elif isinstance(cell, Memory):
                self._memories[index] = self._namespace.take(cell.name)
        self._starts.sort()

    def _add_named(self) -> None:
        """Cells that a signal names, then those that need a wire in any case."""
        whole = {
            output(index, cell.width): index
            for index, cell in self._netlist.cells.items()
            if cell.width and not isinstance(cell, Instance)
        }
        for value, name in self._names.items():
            if value in whole and value[0] not in self._drivers:
                self._drive(self._namespace.take(name.text), value)
        for value, index in whole.items():
            cell = self._netlist.cells[index]
            if value[0] not in self._drivers and not isinstance(cell, (Operator, Part)):
                self._drive(self._namespace.take(self._derived(index)), value)

    def _add_parts(self) -> None:
        """Names for parts of wires, and for several wires side by side; output ports of that kind are such names."""
        for wire in self.wires.values():
            driver = self._drivers.get(wire.value[0])
            alone = driver is None or driver.value != wire.value
            if wire.direction == "output" and not is_constant(wire.value) and alone:
                self.parts.setdefault(wire.value, wire)
        for value, name in self._names.items():
            if is_constant(value) or value[0] in (0, 1) or value in self.parts:
                continue
            found = self.find(value[0])
            if found is None and not name.is_field:
                continue
            if found is not None and found[0].value == value:
                continue
            contiguous = found is not None and found[0].value[found[1] : found[1] + len(value)] == value
            if not contiguous:  # a member that is put together is written so, unless a signal names it too
                if value not in self._signals or any(net > 1 and self.find(net) is None for net in value):
                    continue
                name = self._signals[value]
            wire = Wire("", value, "", self.states(value), definition=True)
            wire.name = name.text
            if contiguous and found is not None:  # best named after what it is a part of
                own = (field for field in self._fields[value] if field.startswith(f"{found[0].name}_"))
                wire.name = next(own, name.text)
            self.parts[value] = wire
            if contiguous and found is not None:
                ranges = self._parts_of.setdefault(found[0].name, [])
                ranges.append((found[1], found[1] + len(value) - 1, wire))

    def use(self, part: Wire) -> str:
        """The name of a part, which will be declared."""
        if part.name not in self.wires or self.wires[part.name] is not part:
            part.name = self._namespace.take(part.name)
            self.wires[part.name] = part
        return part.name

    def _find_readers(self) -> None:
        """For every cell the first that reads it, or an output port."""
        for port, value in self._netlist.outputs.items():
            for net in value:
                if net > 1:
                    self._readers.setdefault(cell_of(net), port)
        for index, cell in self._netlist.cells.items():
            for value in cell.values():
                for net in value:
                    if net > 1 and cell_of(net) != index:
                        self._readers.setdefault(cell_of(net), index)

    def _derived(self, index: int) -> str:
        """A name for a cell without one: of what it is part of, or reads it, and what it does."""
        cell = self._netlist.cells[index]
        value = output(index, cell.width)
        for name in self._netlist.names:
            if len(name.value) > len(value) and value[0] in name.value:
                start = name.value.index(value[0])
                if name.value[start : start + len(value)] == value:
                    return f"{name.text}_bits"
            if name.value == value[: len(name.value)]:
                return f"{name.text}_wide"
        match cell:
            case Operator(operator=operator):
                kind = _RESULTS.get(operator, "result")
            case Part():
                kind = "part"
            case Choice():
                kind = "choice"
            case ReadPort(memory=memory):
                return f"{self._memories[memory]}_read"
            case _:
                kind = "register"
        seen = {index}
        reader = self._readers.get(index)
        while isinstance(reader, int) and reader not in seen:
            seen.add(reader)
            wire = self.of_cell(reader)
            if wire is not None:
                return f"{wire.name}_{kind}"
            match self._netlist.cells[reader]:
                case Instance(name=name, inputs=inputs):
                    ports = [port for port, read in inputs.items() if value[0] in read]
                    return "_".join((name.removeprefix("u_"), *ports[:1]) if ports else (name, kind))
                case WritePort(memory=memory):
                    return f"{self._memories[memory]}_write_{kind}"
                case _:
                    reader = self._readers.get(reader)
        return f"{reader}_{kind}" if isinstance(reader, str) else kind
