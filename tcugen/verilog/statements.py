"""Conditional assignments as Verilog: several cells of the same conditions side by side."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tcugen.verilog.expressions import Expressions
from tcugen.verilog.netlist import Assign, Body, Switch, Value
from tcugen.verilog.wires import Wire

INDENT = "    "

_SHORT = 96
"""Characters of a condition and an assignment that share a line."""

_ASSIGNMENT = re.compile(r"[\w\[\]:]+ <?= ")

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
        keyword = "if"
        for place, (patterns, inner) in enumerate(cases):
            head = f"{keyword} ({self.condition(switch.test, patterns)})"
            if patterns is None:
                head = "else"
            elif not inner and place == len(cases) - 2 and not place:
                # Nothing to do under the first condition: the second one holds where the first does not.
                negated = self.condition(switch.test, patterns, negated=True)
                last, body = cases[-1]
                also = "" if last is None else self.condition(switch.test, last)
                yield from _block(
                    f"if ({f'{_both(negated)} && {_both(also)}' if also else negated})", self._lines(body)
                )
                return
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
        kind, value, wanted = known
        if kind == "bit":
            return self._expressions.condition(value, negated=negated == bool(wanted)).text
        text = self._expressions.equal(value, wanted).text
        return text.replace(" == ", " != ") if negated else text

    def _case(self, switch: _Switched) -> Lines:
        wild = any("-" in pattern for patterns, _ in switch.cases for pattern in patterns or ())
        yield f"{'casez' if wild else 'case'} ({self._expressions.exact(switch.test)})"
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
        for labels, lines in written:
            yield from (f"{INDENT}{line}" for line in _labelled(labels, lines))
        if written[-1][0] != ["default"]:
            yield f"{INDENT}default: ;"
        yield "endcase"

    def _label(self, test: Value, pattern: str) -> str:
        if "-" in pattern:
            return f"{len(pattern)}'b{pattern.replace('-', '?')}"
        return self._expressions.label(test, pattern)


def condition_of(test: Value, patterns: tuple[str, ...] | None) -> tuple[str, Value, int] | bool | None:
    """A case as a condition: ("bit", net, its value), or True for all; None if it needs a comparison."""
    if patterns is None:
        return True
    if len(patterns) != 1:
        return None
    (pattern,) = patterns
    decided = [place for place, bit in enumerate(reversed(pattern)) if bit != "-"]
    if len(decided) != 1:
        return None
    (place,) = decided
    return "bit", (test[place],), int(pattern[-1 - place])


def in_order(body: Body) -> bool:
    """Whether the switches of `body` are in the order of their keys, each once, so that bodies can be merged."""
    keys = [statement.key for statement in body if isinstance(statement, Switch)]
    inner = [case for statement in body if isinstance(statement, Switch) for _, case in statement.cases]
    return all(a < b for a, b in pairwise(keys)) and all(map(in_order, inner))


def _merged(bodies: list[tuple[Wire, Body]]) -> _Statements:
    """All bodies as one. An assignment stays behind the switch it stands behind, and before the next one."""
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


def _both(condition: str) -> str:
    return condition if condition.isidentifier() or condition.startswith("!") else f"({condition})"


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
