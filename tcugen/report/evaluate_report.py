"""The tables of an evaluation, from its figures (the JSON that `tcugen evaluate --json` writes)."""

from typing import NotRequired, TypedDict

from rich.markup import escape
from rich.table import Table


class ComparisonFigures(TypedDict):
    """One computation compared with the emulator's: images that it gets right, that agree in class, in every output.

    `by` is the program that did it, where that is not ONNX Runtime.
    """

    name: str
    right: int | None
    same: int
    equal: int
    by: NotRequired[str]


class KernelDifference(TypedDict):
    """How one implementation of an operator differs from the hardware: elements, and steps at most."""

    differing: int
    largest: int


class OperatorFigures(TypedDict):
    """Operators of one kind, each on the tensors that LiteRT has in front of it; `by` goes by kernels."""

    operator: str
    count: int
    elements: int
    by: dict[str, KernelDifference]


class OperatorTable(TypedDict):
    """The operators of one .tflite file."""

    file: str
    rows: list[OperatorFigures]


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
    operators: NotRequired[list[OperatorTable]]


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
        name = escape(f"{other.get('by', 'ONNX Runtime')}, {other['name']}")
        table.add_row(name, _count(other["right"]), str(other["same"]), str(other["equal"]))
    return table


def operator_table(figures: OperatorTable) -> Table:
    """How many elements of each kind of operator are not the hardware's, and by how many steps at most."""
    kernels = list(dict.fromkeys(name for row in figures["rows"] for name in row["by"]))
    table = Table(title=escape(f"{figures['file']}: elements that differ (steps), operator by operator"))
    table.add_column("operator", no_wrap=True)
    for heading in ("operators", "elements", *kernels):
        table.add_column(heading, justify="right")
    for row in figures["rows"]:
        shown = [f"{e['differing']:,} ({e['largest']})" if e["differing"] else "0" for e in row["by"].values()]
        table.add_row(row["operator"], str(row["count"]), f"{row['elements']:,}", *shown)
    return table


def _count(right: int | None) -> str:
    return "" if right is None else str(right)
