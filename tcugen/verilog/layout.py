"""Lines of Verilog: lists, blocks, and lines that are too long."""

import re
from collections import Counter

from tcugen.verilog.statements import INDENT

COLUMNS = 118

_FAMILY = 4
"""Fewest names, different in their numbers only, that are declared apart from others."""

_NUMBER = re.compile(r"\d+")


def always(trigger: str, lines: list[str]) -> list[str]:
    """A block; a single statement does without `begin`."""
    if len(lines) == 1:
        return [f"always {trigger} {lines[0]}"]
    return [f"always {trigger} begin", *(f"{INDENT}{line}" for line in lines), "end"]


def listed(rows: list[str]) -> list[str]:
    """Commas after all but the last."""
    return [*(f"{row}," for row in rows[:-1]), rows[-1]]


def connections(connected: list[tuple[str, str]]) -> list[str]:
    """Lines that connect ports, in order; those of a stream stand side by side, as do ports of one word.

    Args:
        connected: Ports and what they are connected to.
    """
    lines: list[str] = []
    before = None
    for port, value in connected:
        row = f".{port}({value})"
        kind = port.partition("_")[0] if "_" in port else ""
        if kind == before and len(lines[-1]) + len(row) < COLUMNS - 3 * len(INDENT):
            lines[-1] += f", {row}"
        else:
            lines.append(row)
        before = kind
    return [f"{INDENT}{line}" for line in listed(lines)]


def declared(wires: list[tuple[str, int, str]]) -> list[str]:
    """Declarations of kind, width and name, where the first name is; names of one kind and width share one.

    Many names that differ in their numbers only have one of their own.
    """
    families = [(kind, width, _NUMBER.sub("#", name)) for kind, width, name in wires]
    members = Counter(families)
    declarations: dict[tuple[str, int, str], list[str]] = {}
    for (kind, width, name), family in zip(wires, families, strict=True):
        shared = family if members[family] >= _FAMILY else (kind, width, "")
        declarations.setdefault(shared, []).append(name)
    return [f"{kind} {range_of(width)}{', '.join(names)};" for (kind, width, _), names in declarations.items()]


def range_of(width: int) -> str:
    """What stands before the name of a wire that is declared."""
    return "" if width == 1 else f"[{width - 1}:0] "


def indented(line: str) -> str:
    """One level deeper, on several lines if it is long."""
    return "\n".join(folded(line))


def folded(line: str) -> list[str]:
    """One level deeper, as lines of the text; a long line is broken where the fewest brackets are open."""
    rest = line.lstrip()
    indent = INDENT + line[: len(line) - len(rest)]
    lines: list[str] = []
    while len(indent) + len(rest) > COLUMNS and (place := _break(rest, COLUMNS - len(indent))):
        lines.append(indent + rest[:place])
        rest = rest[place + 1 :]
        if len(lines) == 1:
            indent += INDENT
    return [*lines, indent + rest]


def _break(text: str, columns: int) -> int:
    """The space where a line of so many columns ends, 0 if there is none; not in its first half if that can be."""
    found: list[tuple[bool, int, int]] = []
    depth = 0
    for place, character in enumerate(text[: columns + 1]):
        depth += (character in "([{") - (character in ")]}")
        if character == " " and place and not text.startswith(" begin", place):
            found.append((place < columns // 2, depth, -place))
    return -min(found)[2] if found else 0


def joined_instance(head: str, given: dict[str, int], name: str) -> str:
    """The first line of an instance, with the parameters that it is given."""
    parameters = ", ".join(f".{parameter}({value})" for parameter, value in given.items())
    return f"{head} #({parameters}) {name} (" if parameters else f"{head} {name} ("
