"""From Amaranth's netlist of one module, which is private, to the printer's own."""

from collections.abc import Iterator

from amaranth.hdl import Const, Signal
from amaranth.hdl._nir import Assignment as AmaranthAssignment
from amaranth.hdl._nir import (
    AssignmentList,
    AsyncReadPort,
    FlipFlop,
    Matches,
    PriorityMatch,
    SignalField,
    SyncReadPort,
    SyncWritePort,
    Top,
)
from amaranth.hdl._nir import Instance as AmaranthInstance
from amaranth.hdl._nir import Memory as AmaranthMemory
from amaranth.hdl._nir import Netlist as AmaranthNetlist
from amaranth.hdl._nir import Operator as AmaranthOperator
from amaranth.hdl._nir import Part as AmaranthPart

from tcugen.verilog.netlist import (
    INPUTS,
    Assign,
    Body,
    Cell,
    Choice,
    Instance,
    Memory,
    Name,
    Netlist,
    Operator,
    Part,
    ReadPort,
    Register,
    Switch,
    UnknownCell,
    Value,
    WritePort,
    cell_of,
    constant,
    output,
)


def read(source: AmaranthNetlist) -> Netlist:
    """The only module of `source`.

    Raises:
        UnknownCell: If there is something that this generator's hardware does not use: a falling edge, an asynchronous
            reset, a memory that reads what is being written, or a check.
    """
    netlist = Netlist(
        inputs={port: output(INPUTS, width, start) for port, (start, width) in source.top.ports_i.items()},
        outputs={port: tuple(value) for port, value in source.top.ports_o.items()},
        unused=len(source.cells),
    )
    reader = _Reader(source)
    for index, cell in enumerate(source.cells):
        if not isinstance(cell, (Top, Matches, PriorityMatch)):
            netlist.cells[index] = reader.cell(index)
    for signal in source.modules[0].signal_names:
        netlist.names += _names(signal, tuple(source.signals[signal]), source.signal_fields[signal])
    return netlist


def _names(signal: Signal, value: Value, fields: dict[tuple[str | int, ...], SignalField]) -> Iterator[Name]:
    """Names of a signal and of the members of the structure that it is; elements of arrays have none."""
    whole = fields[()]
    if whole.enum_variants is None:
        yield Name(signal.name, value, False, _decoded(signal), signal.name.removesuffix("_state"))
    else:
        yield Name(signal.name, value, False, whole.enum_variants, whole.enum_name or signal.name)
    for path, part in fields.items():
        if path and isinstance(path[-1], str):
            name = "_".join((signal.name, *map(str, path)))
            yield Name(name, tuple(part.value), True, part.enum_variants or {}, part.enum_name or path[-1])


def _decoded(signal: Signal) -> dict[int, str]:
    """States of a state machine by number: Amaranth keeps them as a function from the number to "NAME/number"."""
    decoder = signal.decoder
    states: dict[int, str] = {}
    if decoder is None or isinstance(decoder, type):
        return states
    for number in range(1 << len(signal)):
        try:
            states[number] = decoder(number).partition("/")[0]
        except KeyError:  # not a state
            continue
    return states


class _Reader:
    def __init__(self, source: AmaranthNetlist):
        self._source = source

    def cell(self, index: int) -> Cell:
        match self._source.cells[index]:
            case AmaranthOperator(operator=operator, inputs=inputs, width=width):
                return Operator(operator, tuple(map(tuple, inputs)), width)
            case AmaranthPart() as part:
                return Part(tuple(part.value), part.value_signed, tuple(part.offset), part.stride, part.width)
            case AssignmentList() as choice:
                return Choice(tuple(choice.default), self._body(choice.assignments))
            case FlipFlop() as flip_flop:
                return self._register(index, flip_flop)
            case AmaranthMemory() as memory:
                return Memory(memory.name, memory.depth, memory.width, memory.init)
            case SyncWritePort(clk_edge="pos") as port:
                return WritePort(port.memory, port.clk, tuple(port.en), tuple(port.addr), tuple(port.data))
            case SyncReadPort(clk_edge="pos", transparent_for=()) as port:
                return ReadPort(port.memory, port.clk, port.en, tuple(port.addr), port.width)
            case AsyncReadPort() as port:
                return ReadPort(port.memory, None, 1, tuple(port.addr), port.width)
            case AmaranthInstance() as instance:
                parameters = {name: _plain(value) for name, value in instance.parameters.items()}
                connected: dict[str, Value] = {port: tuple(value) for port, value in instance.ports_i.items()}
                return Instance(instance.type, instance.name, parameters, connected, dict(instance.ports_o))
            case other:
                raise UnknownCell(f"{other!r} cannot be written as Verilog; teach amaranth_netlist.py what it is")

    def _register(self, index: int, cell: FlipFlop) -> Register:
        if cell.clk_edge != "pos" or cell.arst != 0:
            raise UnknownCell(f"{cell!r} has a falling edge or an asynchronous reset, but only others are written")
        width, data = len(cell.data), tuple(cell.data)
        body: Body = (Assign(0, data),)
        if data and data[0] > 1 and data == output(cell_of(data[0]), width):
            source = self._source.cells[cell_of(data[0])]
            if isinstance(source, AssignmentList):
                default = tuple(source.default)
                held = default == output(index, width)
                body = (*(() if held else (Assign(0, default),)), *self._body(source.assignments))
        reset = _reset(body, constant(cell.init, width))
        return Register(width, cell.clk, reset, cell.init, body if reset is None else body[:-1])

    def _body(self, assignments: tuple[AmaranthAssignment, ...]) -> Body:
        """A list of conditional assignments as nested statements, in the same order."""
        position = 0

        def inside(condition: int) -> Body:
            """Statements under `condition`, from `position` up to the first one that is not under it."""
            nonlocal position
            statements: list[Assign | Switch] = []
            while position < len(assignments):
                assignment = assignments[position]
                if assignment.cond == condition:
                    statements.append(Assign(assignment.start, tuple(assignment.value)))
                    position += 1
                    continue
                inner = self._switch_between(condition, assignment.cond)
                if inner is None:
                    break
                statements.append(switch(inner))
            return tuple(statements)

        def switch(index: int) -> Switch:
            cell = self._source.cells[index]
            assert isinstance(cell, PriorityMatch)
            test: Value = ()
            cases: list[tuple[tuple[str, ...] | None, Body]] = []
            for bit, net in enumerate(cell.inputs):
                patterns = None
                if net != 1:
                    matches = self._source.cells[cell_of(net)]
                    assert isinstance(matches, Matches)
                    test, patterns = tuple(matches.value), matches.patterns
                cases.append((patterns, inside((index << 16) + bit)))
            return Switch(index, test, tuple(cases))

        return inside(1)

    def _switch_between(self, outer: int, condition: int) -> int | None:
        """The switch directly under condition `outer` that `condition` is a case of, if there is one."""
        while condition != 1:
            index = cell_of(condition)
            cell = self._source.cells[index]
            assert isinstance(cell, PriorityMatch)
            if cell.en == outer:
                return index
            condition = cell.en
        return None


def _reset(body: Body, start: Value) -> int | None:
    """The net that overrides everything in `body` with `start`, if its last statement is of that kind."""
    match body:
        case (*_, Switch(test=(net,), cases=((("1",), (Assign(start=0, value=value),)),))) if value == start:
            return net
        case _:
            return None


def _plain(value: int | str | Const) -> int:
    if isinstance(value, Const):
        return value.value
    if isinstance(value, str):
        raise UnknownCell(f"parameter {value!r} of an instance is text, but only numbers are written")
    return value
