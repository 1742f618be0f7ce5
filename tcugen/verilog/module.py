"""The text of one module: ports, what is declared, logic, instances, registers."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tcugen.verilog.expressions import Expressions
from tcugen.verilog.keywords import plain, snake_case
from tcugen.verilog.layout import always, connections, declared, folded, indented, joined_instance, range_of
from tcugen.verilog.logic import WORD, Item, sorted_logic, spaced
from tcugen.verilog.netlist import (
    Assign,
    Body,
    Choice,
    Instance,
    Memory,
    Net,
    Netlist,
    Operator,
    Part,
    ReadPort,
    Register,
    Switch,
    Value,
    WritePort,
    always_assigned,
    is_constant,
    output,
)
from tcugen.verilog.registers import groups, with_reset
from tcugen.verilog.statements import INDENT, Statements, condition_of, joined
from tcugen.verilog.wires import Wire, Wires

_BRANCHES = 4
"""Longest chain of choices that is an expression; a longer one is a block."""

_SELECTOR = 4
"""Widest value of which it is found out that a chain of choices leaves out none of its numbers."""


def write_module(
    name: str, netlist: Netlist, ports_of: dict[str, tuple[str, ...]], ports: tuple[str, ...]
) -> tuple[str, dict[str, Value]]:
    """Verilog-2001 of `netlist`, from `module` to `endmodule`; and the values of the names that it declares.

    Args:
        ports_of: Ports in order of the modules it instantiates.
        ports: Its own.
    """
    writer = _Writer(netlist, ports_of)
    while True:
        writer.write()
        if not writer.expressions.settle():
            break
    return writer.text(name, ports), writer.declared()


@dataclass
class _Sections:
    """What was written so far, in the order of the text."""

    constants: dict[str, str] = field(default_factory=dict[str, str])
    registers: dict[str, Wire] = field(default_factory=dict[str, Wire])
    memories: list[str] = field(default_factory=list[str])
    logic: list[Item] = field(default_factory=list[Item])
    instances: list[list[str]] = field(default_factory=list[list[str]])
    clocked: list[list[str]] = field(default_factory=list[list[str]])


class _Writer:
    def __init__(self, netlist: Netlist, ports_of: dict[str, tuple[str, ...]]):
        self._netlist = netlist
        self._ports_of = ports_of
        self._wires = Wires(netlist)
        self._constants: dict[tuple[str, str, int, int], tuple[str, str]] = {}
        self._used_constants: set[str] = set()
        self.expressions = Expressions(netlist, self._wires, self._constant)
        self._combinational = Statements(self.expressions, "=")
        self._sequential = Statements(self.expressions, "<=")
        self._sections = _Sections()

    def _constant(self, state: str, value: Value, number: int) -> str:
        """The name of a state of `value`; states of one enumeration, name and number are one."""
        kind = snake_case(plain(self._wires.kind(value)))
        key = (kind, state, number, len(value))
        if key not in self._constants:
            name = self._wires.constant(f"{kind}_{state}")
            self._constants[key] = (name, f"{len(value)}'h{number:x}")
        self._used_constants.add(self._constants[key][0])
        return self._constants[key][0]

    def write(self) -> None:
        """Write everything once, as far as it is known what needs a wire."""
        self._used_constants.clear()
        self._sections = _Sections()
        for index, cell in self._netlist.cells.items():
            wire = self._wires.of_cell(index)
            match cell:
                case Operator() | Part():
                    if wire is not None:
                        self._assign(wire, self.expressions.defined(index).text)
                case Choice():
                    assert wire is not None
                    self._choice(wire, cell)
                case Memory():
                    self._sections.memories += self._memory(index, cell)
                case WritePort():
                    self._sections.clocked.append(self._write_port(cell))
                case ReadPort():
                    assert wire is not None
                    self._read_port(wire, cell)
                case Instance():
                    self._sections.instances.append(self._instance(cell))
                case Register():
                    pass
        self._registers()
        for wire in list(self._wires.wires.values()):
            if wire.direction == "output" and not self._driven(wire):
                self._assign(wire, self._output(wire))
        written: set[str] = set()
        while parts := [w for w in self._wires.wires.values() if w.definition and w.name not in written]:
            for wire in parts:
                written.add(wire.name)
                self._assign(wire, self.expressions.concatenated(wire.value, wire))

    def _output(self, wire: Wire) -> str:
        """What is assigned to an output port that no cell drives."""
        if self._wires.parts.get(wire.value) is wire:
            return self.expressions.concatenated(wire.value, wire)
        return self.expressions.assigned(wire.value)

    def _driven(self, wire: Wire) -> bool:
        """Whether an output port is itself what a cell drives."""
        if is_constant(wire.value[:1]):
            return False
        found = self._wires.find(wire.value[0])
        return found is not None and found[0] is wire

    def _assign(self, wire: Wire, text: str) -> None:
        self._sections.logic.append(Item([wire.name], [f"{wire.name} = {text};"], wire))

    def _choice(self, wire: Wire, cell: Choice) -> None:
        text = self._chain(wire, cell)
        if text is not None:
            self._assign(wire, text)
            return
        body: Body = cell.body
        if not always_assigned(body, cell.width):
            body = (Assign(0, cell.default), *body)
        lines = joined(self._combinational.lines([(wire, body)]))
        self._sections.registers[wire.name] = wire
        self._sections.logic.append(Item([wire.name], always("@*", lines), wire, declared=True))

    def _chain(self, wire: Wire, cell: Choice) -> str | None:
        """A choice of few values, one after the other, as an expression."""
        match cell.body:
            case (Switch(test=test, cases=cases),) if len(cases) <= _BRANCHES:
                pass
            case _:
                return None
        texts: list[str] = []
        left = set(range(1 << len(test))) if len(test) <= _SELECTOR else set[int]()
        for patterns, inner in cases:
            left -= {int(pattern, 2) for pattern in patterns or () if "-" not in pattern}
            value = cell.default
            match inner:
                case (Assign(start=0, value=whole),) if len(whole) == cell.width:
                    value = whole
                case ():
                    pass
                case _:
                    return None
            condition = self._short_condition(test, patterns)
            if condition is None:
                return None
            chosen = self._branch(value, wire)
            if not condition or (not left and len(test) <= _SELECTOR):
                return "".join(texts) + chosen
            texts.append(f"{condition} ? {chosen} : ")
        return "".join(texts) + self._branch(cell.default, wire)

    def _branch(self, value: Value, wire: Wire) -> str:
        if is_constant(value):
            return self.expressions.assigned(value, wire.value)
        return self.expressions.operand(value)

    def _short_condition(self, test: Value, patterns: tuple[str, ...] | None) -> str | None:
        """The condition of a case; "" if it holds in any case, None if it is no simple one."""
        known = condition_of(test, patterns)
        if known is True:
            return ""
        if known is not None:
            text = self._combinational.condition(test, patterns)
        elif patterns is not None and len(patterns) == 1 and "-" not in patterns[0]:
            text = self.expressions.equal(test, int(patterns[0], 2)).text
        else:
            return None
        return text if re.fullmatch(r"!?\w+(\[[^]]*\])?", text) else f"({text})"

    def _memory(self, index: int, cell: Memory) -> list[str]:
        """An array. Zeros at the start are no contents: nobody reads what was not written."""
        name = self._wires.memory(index)
        lines = [f"reg {range_of(cell.word_bits)}{name} [0:{cell.words - 1}];"]
        if any(cell.contents):
            lines.append("initial begin")
            for place, word in enumerate(cell.contents):
                lines.append(f"{INDENT}{name}[{place}] = {cell.word_bits}'h{word:x};")
            lines.append("end")
        return lines

    def _write_port(self, cell: WritePort) -> list[str]:
        address = self.expressions.exact(cell.address)
        word = f"{self._wires.memory(cell.memory)}[{address}]"
        lines: list[str] = []
        start = 0
        while start < len(cell.data):
            stop = start
            while stop < len(cell.data) and cell.enable[stop] == cell.enable[start]:
                stop += 1
            place = word if stop - start == len(cell.data) else f"{word}[{stop - 1}:{start}]"
            condition = self.expressions.exact((cell.enable[start],))
            lines.append(f"if ({condition}) {place} <= {self.expressions.assigned(cell.data[start:stop])};")
            start = stop
        return always(self._edge(cell.clock), lines)

    def _read_port(self, wire: Wire, cell: ReadPort) -> None:
        word = f"{self._wires.memory(cell.memory)}[{self.expressions.exact(cell.address)}]"
        if cell.clock is None:
            self._assign(wire, word)
            return
        self._sections.registers[wire.name] = wire
        condition = "" if cell.enable == 1 else f"if ({self.expressions.exact((cell.enable,))}) "
        self._sections.clocked.append(always(self._edge(cell.clock), [f"{condition}{wire.name} <= {word};"]))

    def _instance(self, cell: Instance) -> list[str]:
        connected: dict[str, str] = {}
        for port, value in cell.inputs.items():
            connected[port] = self.expressions.exact(value)
        for port, (start, width) in cell.outputs.items():
            found = self._wires.find(output(self._index(cell), width, start)[0])
            assert found is not None
            connected[port] = found[0].name
        order = self._ports_of[cell.module]
        head = joined_instance(cell.module, cell.parameters, cell.name)
        return [head, *connections([(port, connected[port]) for port in order]), ");"]

    def _index(self, cell: Instance) -> int:
        return next(index for index, other in self._netlist.cells.items() if other is cell)

    def _edge(self, clock: Net) -> str:
        return f"@(posedge {self.expressions.exact((clock,))})"

    # Registers.

    def _registers(self) -> None:
        for group in groups(self._netlist, self._wires):
            _, first = group[0]
            for wire, _ in group:
                self._sections.registers[wire.name] = wire
            lines = joined(self._sequential.lines([(wire, cell.body) for wire, cell in group]))
            if first.reset is not None:
                start = [f"{wire.name} <= {self._start(wire, cell)};" for wire, cell in group]
                reset = self.expressions.exact((first.reset,))
                lines = with_reset(reset, start, lines)
            self._sections.clocked.append(always(self._edge(first.clock), lines))

    def _start(self, wire: Wire, cell: Register) -> str:
        value = tuple((cell.start >> bit) & 1 for bit in range(cell.width))
        return self.expressions.assigned(value, wire.value)

    # The text.

    def declared(self) -> dict[str, Value]:
        """Values of internal names."""
        return {name: wire.value for name, wire in self._wires.wires.items() if not wire.direction}

    def text(self, name: str, ports: tuple[str, ...]) -> str:
        """All of it."""
        constants = [
            f"{INDENT}localparam {name} = {value};"
            for _, (name, value) in sorted(self._constants.items(), key=lambda item: (item[0][0], item[0][2]))
            if name in self._used_constants
        ]
        self._open_unread()
        logic = sorted_logic(self._sections.logic)
        sections = [
            constants,
            self._declarations(logic),
            [f"{INDENT}{line}" for line in self._sections.memories],
            *spaced(self._definitions(logic)),
            *([indented(line) for line in lines] for lines in self._sections.instances),
            *spaced([indented(line) for line in lines] for lines in self._sections.clocked),
        ]
        body = "\n\n".join("\n".join(section) for section in sections if section)
        return f"module {name} (\n{self._ports(ports)}\n);\n{body}\nendmodule\n"

    def _open_unread(self) -> None:
        """Leave outputs of instances open that nothing reads."""
        lines = [line for item in self._sections.logic for line in item.lines]
        lines += [line for group in (*self._sections.instances, *self._sections.clocked) for line in group]
        mentioned = Counter(word for line in lines for word in WORD.findall(line))
        for name, wire in list(self._wires.wires.items()):
            if self._is_instance_output(wire) and not wire.direction and mentioned[name] == 1:
                del self._wires.wires[name]
                for instance in self._sections.instances:
                    instance[:] = [line.replace(f"({name})", "()") for line in instance]

    def _ports(self, order: tuple[str, ...]) -> str:
        rows: list[tuple[str, str, str]] = []
        for name in order:
            wire = self._wires.wires[name]
            kind = "reg" if name in self._sections.registers else "wire"
            rows.append((f"{wire.direction:<6} {kind:<4}", range_of(wire.width).strip(), name))
        widest = max(len(width) for _, width, _ in rows)
        return ",\n".join(f"{INDENT}{kind} {width:<{widest}} {name}".rstrip() for kind, width, name in rows)

    def _declarations(self, logic: list[Item]) -> list[str]:
        """Registers, and wires that are used before they are defined."""
        early = {item.wire.name for item in logic if item.wire is not None and item.declared}
        wires: list[tuple[str, int, str]] = []
        for name, wire in self._wires.wires.items():
            if wire.direction:
                continue
            if name in self._sections.registers:
                wires.append(("reg", wire.width, name))
            elif name in early or self._is_instance_output(wire):
                wires.append(("wire", wire.width, name))
        return [indented(line) for line in declared(wires)]

    def _is_instance_output(self, wire: Wire) -> bool:
        cell = self._netlist.cells.get(wire.value[0] >> 16) if wire.value[0] > 1 else None
        return isinstance(cell, Instance) and not wire.definition

    def _definitions(self, logic: list[Item]) -> Iterator[list[str]]:
        """Logic, each item as lines."""
        for item in logic:
            wire = item.wire
            assert wire is not None
            if len(item.lines) > 1 or item.lines[0].startswith("always"):
                yield [indented(line) for line in item.lines]
            elif wire.direction or item.declared:
                yield folded(f"assign {item.lines[0]}")
            else:
                yield folded(f"wire {range_of(wire.width)}{item.lines[0]}")
