"""The tables of an evaluation, from its figures (the JSON that `tcugen evaluate --json` writes)."""

from typing import TypedDict

from rich.markup import escape
from rich.table import Table


class ComparisonFigures(TypedDict):
    """One computation compared with the emulator's: images that it gets right, that agree in class, in every output."""

    name: str
    right: int | None
    same: int
    equal: int


class EvaluationFigures(TypedDict):
    """What `tcugen evaluate --json` writes; `right` is None without labels, `top1` without one output per class."""

    format: int
    network: str
    model: str
    images: int
    architecture: dict[str, int]
    images_per_second: float
    top1: list[int] | None
    right: int | None
    compare: list[ComparisonFigures]


def evaluation_summary(figures: EvaluationFigures) -> str:
    """Network, machine, images, speed, and the classes where nobody knows the right ones."""
    architecture, count = figures["architecture"], figures["images"]
    text = (
        f"{figures['network']} on {architecture['rows']}x{architecture['columns']}: {count} images at "
        f"{figures['images_per_second']:.2f} images/s"
    )
    if figures["right"] is not None:
        return f"{text}\ntop-1: {figures['right']} of {count} right, {100 * figures['right'] / count:.2f} %"
    if figures["top1"] is not None:
        return f"{text}\nlargest outputs: {', '.join(map(str, figures['top1']))}"
    return text


def comparison_table(figures: EvaluationFigures) -> Table:
    """The emulator and what it is compared with, one line each."""
    table = Table(title=escape(f"{figures['images']} images"))
    table.add_column("computed by", overflow="fold")
    for heading in ("right", "same class", "every output equal"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("tcugen, emulator", _count(figures["right"]), "", "")
    for other in figures["compare"]:
        name = escape(f"ONNX Runtime, {other['name']}")
        table.add_row(name, _count(other["right"]), str(other["same"]), str(other["equal"]))
    return table


def _count(right: int | None) -> str:
    return "" if right is None else str(right)
