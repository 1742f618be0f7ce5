"""Lines of Verilog: lists, blocks, and lines that are too long."""

import textwrap

from tcugen.verilog.statements import INDENT

COLUMNS = 118


def always(trigger: str, lines: list[str]) -> list[str]:
    """A block; a single statement does without `begin`."""
    if len(lines) == 1:
        return [f"always {trigger} {lines[0]}"]
    return [f"always {trigger} begin", *(f"{INDENT}{line}" for line in lines), "end"]


def listed(rows: list[str]) -> list[str]:
    """Commas behind all but the last."""
    return [*(f"{row}," for row in rows[:-1]), rows[-1]]


def range_of(width: int) -> str:
    """What stands before the name of a wire that is declared."""
    return "" if width == 1 else f"[{width - 1}:0] "


def indented(line: str) -> str:
    """One level deeper, on several lines if it is long."""
    return "\n".join(folded(line))


def folded(line: str) -> list[str]:
    """One level deeper, as lines of the text."""
    stripped = line.lstrip()
    indent = INDENT + line[: len(line) - len(stripped)]
    if len(indent) + len(stripped) <= COLUMNS:
        return [indent + stripped]
    return textwrap.wrap(
        stripped,
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent + INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
