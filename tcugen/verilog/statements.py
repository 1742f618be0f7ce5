"""Conditional assignments as Verilog: several cells of the same conditions side by side."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tcugen.verilog.expressions import Expressions
from tcugen.verilog.netlist import Assign, Body, Net, Switch, Value
from tcugen.verilog.wires import Wire

INDENT = "    "

_SHORT = 96
"""Characters of a condition and an assignment that share a line."""

_ASSIGNMENT = re.compile(r"[\w\[\]:]+ <?= ")

_SIMPLE = re.compile(r"!?\w+(\[[\w:]+\])?")
"""A condition that needs no brackets beside another one."""

_ELSE = "\0"
"""Marks a branch until it is known what stands before it."""

Lines = Iterator[str]


@dataclass(frozen=True)
class _Assigned:
    """An assignment to `wire`."""

    wire: Wire
    assign: Assign


@dataclass(frozen=True)
class _Switched:
    test: Value
    cases: "tuple[tuple[tuple[str, ...] | None, _Statements], ...]"


_Statements = tuple[_Assigned | _Switched, ...]


class Statements:
    """Writes bodies of wires; `operator` is "=" or "<=". The switches of each body come in the order of their keys."""

    def __init__(self, expressions: Expressions, operator: str):
        self._expressions = expressions
        self._operator = operator

    def lines(self, bodies: list[tuple[Wire, Body]]) -> list[str]:
        """Statements that do what all bodies do, each to its wire."""
        return list(self._lines(_merged(bodies)))

    def _lines(self, statements: _Statements) -> Lines:
        for statement in statements:
            if isinstance(statement, _Assigned):
                yield self._assignment(statement.wire, statement.assign)
            else:
                yield from self._switch(statement)

    def _assignment(self, wire: Wire, assign: Assign) -> str:
        width = len(assign.value)
        target = wire.name
        if width < wire.width:
            end = f"{assign.start + width - 1}:" if width > 1 else ""
            target = f"{target}[{end}{assign.start}]"
        bits = wire.value[assign.start : assign.start + width]
        return f"{target} {self._operator} {self._expressions.assigned(assign.value, bits)};"

    def _switch(self, switch: _Switched) -> Lines:
        conditions = [condition_of(switch.test, patterns) for patterns, _ in switch.cases]
        if all(condition is not None for condition in conditions):
            yield from self._branches(switch)
        else:
            yield from self._case(switch)

    def _branches(self, switch: _Switched) -> Lines:
        cases = list(switch.cases)
        while cases and not cases[-1][1]:
            cases.pop()
        idle = next(place for place, (_, inner) in enumerate(cases) if inner)
        if idle:
            # Nothing to do under the first conditions: what follows them holds where they do not.
            guards = [self.condition(switch.test, patterns, negated=True) for patterns, _ in cases[:idle]]
            cases = cases[idle:]
            patterns, inner = cases[0]
            if len(cases) == 1 and patterns is not None:
                guards.append(self.condition(switch.test, patterns))
            lines = self._lines(inner) if len(cases) == 1 else self._branches(_Switched(switch.test, tuple(cases)))
            yield from _block(f"if ({_all(guards)})", lines)
            return
        keyword = "if"
        for place, (patterns, inner) in enumerate(cases):
            head = f"{keyword} ({self.condition(switch.test, patterns)})" if patterns is not None else "else"
            if place:
                yield from _continued(head, self._lines(inner))
            else:
                yield from _block(head, self._lines(inner))
            keyword = "else if"

    def condition(self, test: Value, patterns: tuple[str, ...] | None, negated: bool = False) -> str:
        """The condition of a case that `condition_of` knows."""
        known = condition_of(test, patterns)
        assert known is not None
        if isinstance(known, bool):
            return ""
        net, wanted = known
        return self._expressions.condition((net,), negated=negated == bool(wanted)).text

    def _case(self, switch: _Switched) -> Lines:
        indexed = self._indexed(switch)
        if indexed:
            yield indexed
            return
        wild = any("-" in pattern for patterns, _ in switch.cases for pattern in patterns or ())
        written: list[tuple[list[str], list[str]]] = []
        for patterns, inner in switch.cases:
            labels = ["default"] if patterns is None else [self._label(switch.test, pattern) for pattern in patterns]
            lines = list(self._lines(inner))
            if written and written[-1][1] == lines and labels != ["default"]:
                written[-1][0].extend(labels)
            else:
                written.append((labels, lines))
        ordered = wild or written[-1][0] == ["default"]
        if not ordered:
            written = [item for item in written if item[1]]
            if len(written) == 1 and len(written[0][0]) == 1:
                (patterns,) = (patterns for patterns, inner in switch.cases if inner)
                assert patterns is not None
                condition = self._expressions.equal(switch.test, int(patterns[0], 2)).text
                yield from _block(f"if ({condition})", iter(written[0][1]))
                return
        yield f"{'casez' if wild else 'case'} ({self._expressions.exact(switch.test)})"
        for labels, lines in written:
            yield from (f"{INDENT}{line}" for line in _labelled(labels, lines))
        if written[-1][0] != ["default"]:
            yield f"{INDENT}default: ;"
        yield "endcase"

    def _indexed(self, switch: _Switched) -> str | None:
        """One assignment to a part that the number in question chooses, if that is all that is done."""
        first = switch.cases[0][1]
        if len(first) != 1 or not isinstance(first[0], _Assigned):
            return None
        wire, value = first[0].wire, first[0].assign.value
        width = len(value)
        places: set[int] = set()
        for patterns, inner in switch.cases:
            match patterns, inner:
                case (pattern,), (_Assigned(wire=other, assign=assign),) if "-" not in pattern and other is wire:
                    if assign.value != value or assign.start != int(pattern, 2) * width:
                        return None
                    places.add(assign.start)
                case _:
                    return None
        reached = min(wire.width // width, 1 << len(switch.test))
        if len(places) < reached or wire.width % width:
            return None
        index = self._expressions.exact(switch.test)
        start = index if _SIMPLE.fullmatch(index) else f"({index})"
        place = f"[{index}]" if width == 1 else f"[{start} * {width} +: {width}]"
        return f"{wire.name}{place} {self._operator} {self._expressions.assigned(value)};"

    def _label(self, test: Value, pattern: str) -> str:
        if "-" in pattern:
            return f"{len(pattern)}'b{pattern.replace('-', '?')}"
        return self._expressions.label(test, pattern)


def condition_of(test: Value, patterns: tuple[str, ...] | None) -> tuple[Net, int] | bool | None:
    """A case as a condition: a bit and its value, or True for all; None if it needs a comparison."""
    if patterns is None:
        return True
    if len(patterns) != 1:
        return None
    (pattern,) = patterns
    decided = [place for place, bit in enumerate(reversed(pattern)) if bit != "-"]
    if len(decided) != 1:
        return None
    (place,) = decided
    return test[place], int(pattern[-1 - place])


def in_order(body: Body) -> bool:
    """Whether the switches of `body` are in the order of their keys, each once, so that bodies can be merged."""
    keys = [statement.key for statement in body if isinstance(statement, Switch)]
    inner = [case for statement in body if isinstance(statement, Switch) for _, case in statement.cases]
    return all(a < b for a, b in pairwise(keys)) and all(map(in_order, inner))


def _merged(bodies: list[tuple[Wire, Body]]) -> _Statements:
    """All bodies as one. An assignment stays after the switch that it comes after, and before the next one."""
    if len(bodies) == 1:
        ((wire, body),) = bodies
        return tuple(
            _Assigned(wire, statement)
            if isinstance(statement, Assign)
            else _Switched(
                statement.test, tuple((patterns, _merged([(wire, inner)])) for patterns, inner in statement.cases)
            )
            for statement in body
        )
    placed: list[tuple[int, int, _Assigned]] = []
    switches: dict[int, list[tuple[Wire, Switch]]] = {}
    for order, (wire, body) in enumerate(bodies):
        last = -1
        for statement in body:
            if isinstance(statement, Assign):
                placed.append((last, order, _Assigned(wire, statement)))
            else:
                last = statement.key
                switches.setdefault(last, []).append((wire, statement))
    statements: list[tuple[int, int, _Assigned | _Switched]] = [(key, order + 1, item) for key, order, item in placed]
    for key, members in switches.items():
        patterns_of = _common_cases([switch for _, switch in members])
        cases = [
            (patterns, _merged([(wire, body) for (wire, _), body in zip(members, inner, strict=True) if body]))
            for patterns, inner in patterns_of
        ]
        statements.append((key, 0, _Switched(members[0][1].test, tuple(cases))))
    return tuple(item for _, _, item in sorted(statements, key=lambda entry: entry[:2]))


def _common_cases(switches: list[Switch]) -> list[tuple[tuple[str, ...] | None, list[Body]]]:
    """Cases of switches of one statement; each may lack some at the end, where nothing is done."""
    longest = max(switches, key=lambda switch: len(switch.cases))
    return [
        (patterns, [switch.cases[place][1] if place < len(switch.cases) else () for switch in switches])
        for place, (patterns, _) in enumerate(longest.cases)
    ]


def _all(conditions: list[str]) -> str:
    """All of the conditions as one."""
    if len(conditions) == 1:
        return conditions[0]
    return " && ".join(text if _SIMPLE.fullmatch(text) else f"({text})" for text in conditions)


def _block(head: str, lines: Lines) -> Lines:
    """Statements under `head`; a single assignment stands on the same line."""
    body = list(lines)
    if len(body) == 1 and _ASSIGNMENT.match(body[0]) and len(head) + len(body[0]) < _SHORT:
        yield f"{head} {body[0]}"
        return
    yield f"{head} begin"
    yield from (f"{INDENT}{line}" for line in body)
    yield "end"


def _continued(head: str, lines: Lines) -> Lines:
    """A branch after another one."""
    first, *rest = _block(head, lines)
    yield f"{_ELSE}{first}"
    yield from rest


def joined(lines: list[str]) -> list[str]:
    """`else` goes onto the line of the `end` before it."""
    result: list[str] = []
    for line in lines:
        stripped = line.lstrip()
        if not stripped.startswith(_ELSE):
            result.append(line)
        elif result[-1].strip() == "end":
            result[-1] += f" {stripped[1:]}"
        else:
            result.append(line.replace(_ELSE, "", 1))
    return result


def _labelled(labels: list[str], lines: list[str]) -> Lines:
    rows: list[str] = [""]
    for label in labels:
        if rows[-1] and len(rows[-1]) + len(label) > 80:
            rows.append("")
        rows[-1] += f"{', ' if rows[-1] else ''}{label}"
    heads = [f"{row}," for row in rows[:-1]]
    yield from heads
    if len(lines) == 1 and _ASSIGNMENT.match(lines[0]):
        yield f"{rows[-1]}: {lines[0]}"
    elif not lines:
        yield f"{rows[-1]}: ;"
    else:
        yield from _block(f"{rows[-1]}:", iter(lines))
