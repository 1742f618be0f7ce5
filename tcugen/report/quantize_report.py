"""What `tcugen quantize` shows of its figures."""

from typing import NotRequired, TypedDict

from rich.table import Table

WORST = 5
"""Tensors with the largest error that are shown; the figures have all of them."""


class TrialFigures(TypedDict):
    """One way to quantize that was tried."""

    method: str
    bias_corrected: bool
    output_decibels: float | None
    same_top1: int


class TensorFigures(TypedDict):
    """One tensor; None for the scale and zero point of an int32 output, and for decibels where nothing differs."""

    name: str
    scale: float | None
    zero_point: int | None
    decibels: float | None


class TestFigures(TypedDict):
    """Images on which the float and the int8 network are right; None without one output per class."""

    images: int
    float_right: int | None
    int8_right: int | None
    same_top1: int
    output_decibels: float | None


class QuantizeFigures(TypedDict):
    """`quantize.json`; `test` is there where labels were given."""

    generator: str
    format: int
    network: str
    mac_count: int
    inputs_sha256: dict[str, str]
    notes: list[str]
    output_type: str
    calibration_images: int
    method: str
    bias_corrected: bool
    trials: list[TrialFigures]
    tensors: list[TensorFigures]
    test: NotRequired[TestFigures]


def trials_table(figures: QuantizeFigures) -> Table:
    """Every way to quantize that was tried."""
    table = Table(title=f"Network output on {figures['calibration_images']} calibration images")
    table.add_column("ranges")
    for column in ("biases corrected", "signal to noise", "same top-1", "chosen"):
        table.add_column(column, justify="right")
    for trial in figures["trials"]:
        chosen = trial["method"] == figures["method"] and trial["bias_corrected"] == figures["bias_corrected"]
        table.add_row(
            trial["method"],
            "yes" if trial["bias_corrected"] else "no",
            decibels(trial["output_decibels"]),
            str(trial["same_top1"]),
            "*" if chosen else "",
        )
    return table


def worst_tensors(figures: QuantizeFigures) -> str:
    """The tensors that are furthest from float."""
    tensors = [(noise, tensor["name"]) for tensor in figures["tensors"] if (noise := tensor["decibels"]) is not None]
    tensors.sort(key=lambda tensor: tensor[0])
    shown = ", ".join(f"{name} {decibels(noise)}" for noise, name in tensors[:WORST])
    return f"furthest from float: {shown}"


def test_line(test: TestFigures) -> str:
    """Top-1 of the float and the int8 network."""
    count = test["images"]
    if test["float_right"] is None or test["int8_right"] is None:
        return f"test output: {decibels(test['output_decibels'])} on {count} images"
    shares = (
        f"{kind} {right} ({100 * right / count:.2f} %)"
        for kind, right in (("float", test["float_right"]), ("int8", test["int8_right"]))
    )
    return f"top-1 of {count} images: {', '.join(shares)}; both say the same of {test['same_top1']}"


def decibels(value: float | None) -> str:
    """A signal-to-noise ratio as text; None stands for no noise at all."""
    return "exact" if value is None else f"{value:.2f} dB"
