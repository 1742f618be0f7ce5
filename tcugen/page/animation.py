"""The page that shows an array at work, cycle by cycle, from what it really did."""

from pathlib import Path
from typing import TypedDict

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_ASSETS = Path(__file__).parent / "assets"


class CycleContent(TypedDict):
    """One cycle, see `tcugen.trace.array_values.ArrayCycle`."""

    cycle: int
    operands: list[int]
    live: list[list[int]]
    shadow: list[list[int]]
    products: list[list[int]]
    sums: list[list[int]]
    loaded_row: int
    swaps: list[bool]


class AnimationContent(TypedDict):
    """What the page shows: an array of `rows` x `columns` that ran `network`."""

    network: str
    rows: int
    columns: int
    cycles: list[CycleContent]


def animation(content: AnimationContent) -> str:
    """The page as HTML, with style, script and data inside; the same content gives the same bytes."""
    environment = Environment(loader=FileSystemLoader(_ASSETS), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("array.html.j2").render(
        content=content,
        style=Markup((_ASSETS / "page.css").read_text() + (_ASSETS / "array.css").read_text()),
        script=Markup((_ASSETS / "array.js").read_text()),
    )
