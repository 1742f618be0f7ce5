"""The table of shapes from figures made by hand."""

from io import StringIO
from typing import Any

from rich.console import Console

from tcugen.registers import Stall
from tcugen.report.losses import REASONS
from tcugen.report.shapes_report import ShapesFigures, shapes_summary, shapes_table


def entry(op: str, output: str, macs: int, cycles: int, losses: dict, layers: int = 1, **more) -> Any:
    return {
        "op": op,
        "input": "16x8x8",
        "output": output,
        "kernel": [3, 3],
        "stride": [1, 1],
        "padding": [1, 1, 1, 1],
        "groups": 1,
        "layers": [f"n{k}" for k in range(layers)],
        "fused": False,
        "macs": macs,
        "ideal_cycles": macs / 16,
        "cycles": cycles,
        "utilisation": macs / 16 / cycles if cycles else None,
        "losses": losses,
        **more,
    }


FIGURES: Any = {
    "network": "made_up",
    "memory": "fixed",
    "architecture": {"rows": 4, "columns": 4},
    "mac_count": 32_000,
    "mismatches": 0,
    "cycles": 2_500,
    "utilisation": 0.8,
    "shapes": [
        entry("conv", "16x8x8", 16_000, 1_250, {"weights": 50, "tiles": 200.0}, layers=2),
        entry("conv", "16x4x4", 16_000, 1_100, {"weights": 100}, stride=[2, 2], groups=4),
        entry("add", "16x4x4", 0, 0, {}, fused=True, kernel=None, stride=None, padding=None),
        entry("global_average_pool", "16x1x1", 0, 150, {"drain": 150}, kernel=None, stride=None, padding=None),
    ],
}


def shown(figures: ShapesFigures) -> list[str]:
    text = StringIO()
    Console(width=160, file=text).print(shapes_table(figures))
    return text.getvalue().splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_one_line_per_shape_and_their_total():
    rows = [cells(line) for line in shown(FIGURES) if line.startswith("│")]
    assert rows == [
        ["conv", "16x8x8", "16x8x8", "3x3", "2", "1,000", "1,250", "80.0", "tiles 200, weights 50"],
        ["conv", "16x8x8", "16x4x4", "3x3 /2x2, 4 groups", "1", "1,000", "1,100", "90.9", "weights 100"],
        ["add", "16x8x8", "16x4x4", "", "1", "", "0", "", "done along with a convolution"],
        ["global_average_pool", "16x8x8", "16x1x1", "", "1", "", "150", "", "drain 150"],
        ["all", "", "", "", "5", "2,000", "2,500", "80.0", "tiles 200, weights 150, drain 150"],
    ]


def test_every_reason_that_occurs_is_explained():
    lines = shapes_summary(FIGURES).splitlines()
    assert lines[:3] == [f"{reason}: {REASONS[reason]}" for reason in ("weights", "tiles", "drain")]
    assert lines[3] == "lowest utilisation of a convolution by its output's size: 8x8 80.0 %, 4x4 90.9 %"
    assert lines[4] == "mismatches = 0: golden, emulator and RTL agree in every element"
    assert shapes_summary(FIGURES | {"mismatches": 7}).endswith("mismatches = 7: 7 elements differ")


def test_there_is_a_reason_for_every_stall_of_the_hardware():
    assert set(REASONS) == {"tiles", *(stall.name.lower() for stall in Stall)}
