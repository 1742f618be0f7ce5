"""Combinational logic in an order in which names are defined before they are used."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tcugen.verilog.wires import Wire

WORD = re.compile(r"(?<![\w'$.])[A-Za-z_]\w*")
"""A name that is read, in a line of Verilog."""


@dataclass
class Item:
    """Combinational logic.

    Attributes:
        defines: Names that are declared by it or, in `declared`, before it.
        lines: Its text.
    """

    defines: list[str]
    lines: list[str]
    wire: Wire | None = None
    declared: bool = False


def sorted_logic(items: list[Item]) -> list[Item]:
    """Definitions before uses, else in the order given; where that is impossible, `declared` is set."""
    by_name = {name: item for item in items for name in item.defines}
    done: set[int] = set()
    busy: set[int] = set()
    result: list[Item] = []

    def visit(item: Item) -> None:
        if id(item) in done:
            return
        if id(item) in busy:
            item.declared = True
            return
        busy.add(id(item))
        own = set(item.defines)
        for line in item.lines:
            for word in WORD.findall(line):
                if word in by_name and word not in own:
                    visit(by_name[word])
        done.add(id(item))
        result.append(item)

    for item in items:
        visit(item)
    return result


def spaced(groups: Iterable[list[str]]) -> Iterator[list[str]]:
    """Definitions of a line or two without empty lines between them, blocks with; blocks of one line stand together."""
    pending: list[str] = []
    kind = ""
    for lines in groups:
        first = lines[0].lstrip().partition(" ")[0]
        alone = first == "always" and len(lines) > 1
        if pending and (alone or (first == "always") != (kind == "always")):
            yield pending
            pending = []
        if alone:
            yield lines
        else:
            pending += lines
            kind = first
    if pending:
        yield pending
