"""Statements of an `always` block: read from the lines that Yosys writes, written as one would write them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tcugen.verilog.text import UnknownText

_LABEL = re.compile(r"(default|\d+'\w[\w?]*(?:, \d+'\w[\w?]*)*):")
_LABELS_LENGTH = 60
_FULL = "(* full_case = 32'd1 *)"


@dataclass
class Assignment:
    """`target operator value`, the operator being `=` or `<=`."""

    target: str
    operator: str
    value: str


@dataclass
class If:
    """Branches in order; the condition of a last `else` is empty."""

    branches: "list[tuple[str, list[Statement]]]"


@dataclass
class Case:
    """Branches by their labels; `full`: they cover every value of the selector."""

    selector: str
    full: bool
    branches: "list[tuple[str, list[Statement]]]"


Statement = Assignment | If | Case


def parse(lines: list[str]) -> list[Statement]:
    """Statements of the body of an `always` block. Raises UnknownText with the first line that is none."""
    # An attribute before an empty line belongs to a case without a selector, of which nothing else is written.
    text = re.sub(rf"^ *{re.escape(_FULL)}\n *\n", "", "\n".join(lines) + "\n", flags=re.MULTILINE)
    cursor = _Cursor([line.strip() for line in text.splitlines() if line.strip()])
    statements = _sequence(cursor)
    if cursor.line:
        raise UnknownText(f"no statement that is known here: {cursor.line!r}")
    return statements


class _Cursor:
    def __init__(self, lines: list[str]):
        self._lines, self._position = lines, 0

    @property
    def line(self) -> str:
        return self._lines[self._position] if self._position < len(self._lines) else ""

    def next(self) -> str:
        line = self.line
        self._position += 1
        return line


def _sequence(cursor: _Cursor) -> list[Statement]:
    statements: list[Statement] = []
    while True:
        if cursor.line == "begin":
            cursor.next()
            statements += _sequence(cursor)
            _expect(cursor, "end")
        elif (statement := _statement(cursor)) is None:
            return statements
        else:
            statements += statement


def _statement(cursor: _Cursor) -> list[Statement] | None:
    """The next statement, none for one that does nothing; None where a sequence ends."""
    full = cursor.line == _FULL
    if full:
        cursor.next()
    if cursor.line == "/* empty */;":
        cursor.next()
        return []
    if match := re.fullmatch(r"(\S.*?) (<?=) (.*);", cursor.line):
        cursor.next()
        return [Assignment(match[1], match[2], match[3])]
    if match := re.fullmatch(r"casez \((.*)\)", cursor.line):
        cursor.next()
        case = Case(match[1], full, [])
        while label := _LABEL.fullmatch(cursor.line):
            cursor.next()
            case.branches.append((label[1], _sequence(cursor)))
        _expect(cursor, "endcase")
        return [case]
    if match := re.fullmatch(r"if \((.*)\) begin", cursor.line):
        cursor.next()
        branch = If([(match[1], _sequence(cursor))])
        while match := re.fullmatch(r"end else(?: if \((.*)\))? begin", cursor.line):
            cursor.next()
            branch.branches.append((match[1] or "", _sequence(cursor)))
        _expect(cursor, "end")
        return [branch]
    if match := re.fullmatch(r"if \((.*)\)", cursor.line):
        cursor.next()
        body = _statement(cursor)
        if body is None:
            raise UnknownText(f"{cursor.line!r} after an `if`; teach statements.py what it is")
        return [If([(match[1], body)])]
    return None


def _expect(cursor: _Cursor, text: str) -> None:
    if cursor.line != text:
        raise UnknownText(f"{text!r} is missing before {cursor.line!r}")
    cursor.next()


def write(statements: list[Statement], expression: Callable[[str], str], indent: str = "    ") -> Iterator[str]:
    """Lines for `statements`, without indentation on the outermost level; `expression` has the last word on values.

    The last branch of a case that covers every value becomes its default, other branches that do nothing go, and a
    case without wildcards is no `casez`.
    """
    for statement in statements:
        if isinstance(statement, Assignment):
            yield f"{statement.target} {statement.operator} {expression(statement.value)};"
        elif isinstance(statement, If):
            yield from _write_if(statement, expression, indent)
        else:
            yield from _write_case(statement, expression, indent)


def _write_if(statement: If, expression: Callable[[str], str], indent: str) -> Iterator[str]:
    branches = list(statement.branches)
    if len(branches) == 2 and not branches[0][1] and not branches[1][0]:
        condition = branches[0][0]
        branches = [(f"!{condition}" if re.fullmatch(r"[\w\[\]]+", condition) else f"!({condition})", branches[1][1])]
    while len(branches) > 1 and not branches[-1][1]:
        branches.pop()
    while not branches[-1][0] and len(branches[-1][1]) == 1 and isinstance(inner := branches[-1][1][0], If):
        branches[-1:] = inner.branches
    for number, (condition, body) in enumerate(branches):
        head = "end else " if number else ""
        yield f"{head}if ({expression(condition)}) begin" if condition else f"{head}begin"
        for line in write(body, expression, indent):
            yield indent + line
    yield "end"


def _write_case(statement: Case, expression: Callable[[str], str], indent: str) -> Iterator[str]:
    branches = list(statement.branches)
    wild = any("?" in label for label, _ in branches)
    if statement.full:
        branches[-1] = ("default", branches[-1][1])
    elif not wild and all(label != "default" for label, _ in branches):
        branches = [(label, body) for label, body in branches if body]
    if not any(body for _, body in branches):
        return
    if branches[-1][0] != "default":
        branches.append(("default", []))
    yield f"case{'z' if wild else ''} ({expression(statement.selector)})"
    written = [(label, list(write(body, expression, indent))) for label, body in branches]
    for label, lines in _grouped(written):
        if len(lines) == 1:
            yield f"{indent}{label}: {lines[0]}"
        elif not lines:
            yield f"{indent}{label}: ;"
        else:
            yield f"{indent}{label}: begin"
            for line in lines:
                yield indent * 2 + line
            yield f"{indent}end"
    yield "endcase"


def _grouped(branches: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """Neighbours that do the same share a branch, except with the default."""
    grouped: list[tuple[str, list[str]]] = []
    for label, lines in branches:
        if grouped and label != "default" and grouped[-1][1] == lines and len(grouped[-1][0]) < _LABELS_LENGTH:
            grouped[-1] = (f"{grouped[-1][0]}, {label}", lines)
        else:
            grouped.append((label, lines))
    return grouped
