"""The machine to scale: memories by their bytes, the array by its multipliers, at one scale."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

MULTIPLIER_BYTES = 256
"""A multiplier with its registers is drawn as large as so many bytes of memory: about what silicon takes."""

_TALLEST = 330.0
_WIDEST_MEMORY, _WIDEST_STACK = 330.0, 230.0
_GAP = 24.0
_LABEL = 36.0
"""From one line of words to the next."""
_WORDS = 160.0
_LEFT, _TOP = 120.0, 50.0
_BANKS = 4


@dataclass(frozen=True)
class Block:
    """A rectangle of the drawing, in pixels.

    Attributes:
        name, size: What it is and how large, in words.
        style: Class of the style sheet.
        columns, rows: Lines that divide it: cells of the array, banks of a memory.
        label_x, label_y, anchor: Where the words are and which end of them is there.
    """

    name: str
    size: str
    style: str
    x: float
    y: float
    width: float
    height: float
    columns: int
    rows: int
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True)
class Arrow:
    """A polyline through `points` ("x,y x,y"), with a word beside it."""

    points: str
    word: str
    x: float
    y: float


@dataclass(frozen=True)
class Drawing:
    """The whole drawing."""

    blocks: tuple[Block, ...]
    arrows: tuple[Arrow, ...]
    width: float
    height: float


def draw(sizes: Mapping[str, int], architecture: Mapping[str, int]) -> Drawing:
    """The drawing of a machine.

    Args:
        sizes: Bytes of `activation`, `weights`, `parameters`, `accumulators` and `tables`, the last one maybe 0.
        architecture: Its parameters.
    """
    rows, columns, lanes = architecture["rows"], architecture["columns"], architecture["output_lanes"]
    cell = math.sqrt(MULTIPLIER_BYTES)
    array_width, array_height = cell * columns, cell * rows
    # Memories beside the array are as wide as it is, unless they became towers.
    stack = {
        name: max(array_width, math.sqrt(sizes[name])) for name in ("weights", "parameters", "accumulators", "tables")
    }
    heights = {name: sizes[name] / width for name, width in stack.items()}
    tower = array_height + heights["weights"] + heights["parameters"] + heights["accumulators"]
    lane_height = lanes * MULTIPLIER_BYTES / array_width
    bank_side = math.sqrt(sizes["activation"])
    scale = min(
        _TALLEST / (tower + lane_height), _WIDEST_MEMORY / bank_side, _WIDEST_STACK / max(stack.values())
    )  # fmt: skip
    middle = _LEFT + bank_side * scale + 120 + max(stack.values()) * scale / 2
    right = middle + max(stack.values()) * scale / 2 + 14
    blocks: list[Block] = []

    def put(name: str, size: str, style: str, y: float, width: float, height: float, grid: tuple[int, int]) -> Block:
        # Words of neighbours must not meet.
        words = max(y + height / 2 - 2, blocks[-1].label_y + _LABEL if blocks else 0.0)
        block = Block(name, size, style, middle - width / 2, y, width, max(height, 1.5), *grid, right, words, "start")
        blocks.append(block)
        return block

    ring = put(
        "weight ring", f"{architecture['weight_tiles']} tiles, {_kib(sizes['weights'])}", "memory", _TOP,
        stack["weights"] * scale, heights["weights"] * scale, (1, 1),
    )  # fmt: skip
    array = put(
        "array", f"{rows} x {columns} multipliers", "array", ring.y + ring.height + _GAP,
        array_width * scale, array_height * scale, (columns, rows),
    )  # fmt: skip
    sums = put(
        "accumulators", f"2 banks, {_kib(sizes['accumulators'])}", "memory", array.y + array.height + _GAP,
        stack["accumulators"] * scale, heights["accumulators"] * scale, (1, 2),
    )  # fmt: skip
    stage = put(
        "output stage", f"{lanes} lane{'s' if lanes > 1 else ''}", "array", sums.y + sums.height + _GAP,
        array_width * scale, max(lane_height * scale, 6), (lanes, 1),
    )  # fmt: skip
    parameters = put(
        "parameter ring",
        f"{architecture['parameter_groups']} groups, {_kib(sizes['parameters'])}"
        + (f", tables {_kib(sizes['tables'])}" if sizes["tables"] else ""),
        "memory", stage.y + stage.height + _GAP, stack["parameters"] * scale, heights["parameters"] * scale, (1, 1),
    )  # fmt: skip
    side = bank_side * scale
    middle_y = (array.y + array.height / 2 + stage.y + stage.height / 2) / 2
    top = max(_TOP + _LABEL, middle_y - side / 2)
    bottom = max(parameters.label_y + _LABEL, parameters.y + parameters.height, top + side) + 12
    memory = Block(
        "activation memory", f"4 banks, {_kib(sizes['activation'])}", "memory", _LEFT, top, side, side, _BANKS, 1,
        _LEFT + side / 2, top - 22, "middle",
    )  # fmt: skip
    blocks.append(memory)
    edge = _LEFT + side
    array_y = min(max(array.y + array.height / 2, top + 4), top + side - 4)
    stage_y = min(max(stage.y + stage.height / 2, top + 8), top + side - 2)
    bus = f"AXI4, {architecture['bus_bytes']} bytes a beat"
    return Drawing(
        tuple(blocks),
        (
            _arrow((edge, array_y), (array.x, array.y + array.height / 2), "pixels"),
            _arrow((stage.x, stage.y + stage.height / 2), (edge, stage_y), "results"),
            Arrow(f"{middle:.1f},{ring.y + ring.height:.1f} {middle:.1f},{array.y:.1f}", "", middle + 6, 0),
            Arrow(f"{middle:.1f},{array.y + array.height:.1f} {middle:.1f},{sums.y:.1f}", "", middle + 6, 0),
            Arrow(f"{middle:.1f},{sums.y + sums.height:.1f} {middle:.1f},{stage.y:.1f}", "", middle + 6, 0),
            Arrow(f"{middle:.1f},{parameters.y:.1f} {middle:.1f},{stage.y + stage.height:.1f}", "", middle, 0),
            Arrow(f"14,{_TOP - 30:.1f} {middle:.1f},{_TOP - 30:.1f} {middle:.1f},{_TOP:.1f}", bus, 14, _TOP - 36),
            Arrow(f"14,{top + side * 0.45:.1f} {_LEFT:.1f},{top + side * 0.45:.1f}", "load", 40, top + side * 0.45 - 6),
            Arrow(f"{_LEFT:.1f},{top + side * 0.6:.1f} 14,{top + side * 0.6:.1f}", "store", 40, top + side * 0.6 + 14),
        ),
        right + _WORDS,
        bottom,
    )


def _arrow(start: tuple[float, float], end: tuple[float, float], word: str) -> Arrow:
    """From one side of the drawing to the other, with a step half way if they are not level."""
    half = (start[0] + end[0]) / 2
    points = (
        f"{start[0]:.1f},{start[1]:.1f} {half:.1f},{start[1]:.1f} {half:.1f},{end[1]:.1f} {end[0]:.1f},{end[1]:.1f}"
    )
    return Arrow(points, word, half, min(start[1], end[1]) - 6)


def _kib(size: int) -> str:
    return f"{size / 1024:,.4g} KiB" if size >= 1024 else f"{size} bytes"
