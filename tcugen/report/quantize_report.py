"""What `tcugen quantize` shows of its figures."""

from rich.table import Table

WORST = 5
"""Tensors with the largest error that are shown; the figures have all of them."""


def trials_table(figures: dict) -> Table:
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


def worst_tensors(figures: dict) -> str:
    """The tensors that are furthest from float."""
    tensors = [tensor for tensor in figures["tensors"] if tensor["decibels"] is not None]
    tensors.sort(key=lambda tensor: tensor["decibels"])
    shown = ", ".join(f"{tensor['name']} {decibels(tensor['decibels'])}" for tensor in tensors[:WORST])
    return f"furthest from float: {shown}"


def test_line(test: dict) -> str:
    """Top-1 of the float and the int8 network."""
    count = test["images"]
    if test["int8_right"] is None:
        return f"test output: {decibels(test['output_decibels'])} on {count} images"
    shares = (
        f"{kind} {test[key]} ({100 * test[key] / count:.2f} %)"
        for kind, key in (("float", "float_right"), ("int8", "int8_right"))
    )
    return f"top-1 of {count} images: {', '.join(shares)}; both say the same of {test['same_top1']}"


def decibels(value: float | None) -> str:
    """A signal-to-noise ratio as text; None stands for no noise at all."""
    return "exact" if value is None else f"{value:.2f} dB"
