"""Runs the commands whose results docs/results.md and the README show and writes these there: run by `make results`."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

from rich.table import Table

from tcugen.report.bench_report import BenchRow, bench_table
from tcugen.report.run_report import RunFigures, run_table
from tcugen.report.shapes_report import ShapesFigures, shapes_summary, shapes_table

README = Path(__file__).parents[1] / "README.md"
RESULTS = Path(__file__).with_name("results.md")

RESNET50 = "--layer-config resnet50 --array 16x16"
"""What is shown layer by layer and shape by shape."""
SUMMARY = (
    "--layer-config resnet50",
    RESNET50,
    "--layer-config resnet50 --array 32x32 --bus-bytes 16",
    "--layer-config resnet50 --activation-kib 64",
    "--layer-config resnet18 --array 16x16 --images 2",
    "--layer-config resnet20",
)
"""What the README shows."""
NETWORKS = (
    *SUMMARY[:2],
    f"{RESNET50} --memory ddr",
    f"{RESNET50} --bus-bytes 4",
    SUMMARY[2],
    "--layer-config resnet50 --array 8x16 --activation-kib 256",
    "--layer-config resnet50 --array 8x8 --activation-kib 256",
    "--layer-config resnet50 --activation-kib 128",
    SUMMARY[3],
    f"{RESNET50} --activation-kib 64",
    "--layer-config resnet34 --array 16x16",
    *SUMMARY[4:],
)
"""Networks and machines whose results docs/results.md shows."""
BUNDLED = tuple(
    f"--layer-config {name} --array 16x16"
    for name in (
        *("lenet5", "alexnet", "vgg16", "googlenet", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2"),
        *("efficientnet_lite0", "resnet50_v2", "resnet50_pruned", "resnet110_stochastic_depth", "wide_resnet101_2"),
        *("resnext101_32x8d", "resnext101_64x4d", "densenet121", "inception_v3", "se_resnet50", "mobilenet_v3_small"),
        *("highway20", "yolov4_tiny"),
    )
)
"""Bundled networks beside the ResNets above, whose results docs/results.md shows."""
BOTTLENECK = ",".join(f"layer1.0.{part}" for part in ("conv1", "conv2", "conv3", "downsample", "add"))


class SpeedFigures(TypedDict):
    """Of what `tcugen speed --json` writes, what is shown."""

    whole_cycles_per_second: list[float]
    array_cycles_per_second: list[float]
    ratio: float


class BenchFigures(TypedDict):
    """What `tcugen bench --json` writes."""

    rows: list[BenchRow]


@cache
def figures_of(command: str) -> Any:
    """What `tcugen COMMAND --json` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        arguments = [*command.split(), "--json", str(path)]
        print(f"tcugen {command}", flush=True)
        subprocess.run([sys.executable, "-m", "tcugen", *arguments], check=True, stdout=subprocess.DEVNULL)
        return json.loads(path.read_text())


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def markdown(table: Table) -> list[str]:
    """A table of the commands' output as Markdown."""
    headings = [str(column.header) for column in table.columns]
    rule = ["---:" if column.justify == "right" else "---" for column in table.columns]
    cells = zip(*(column.cells for column in table.columns), strict=True)
    return [row(headings), f"|{'|'.join(rule)}|", *(row([str(cell) for cell in line]) for line in cells)]


def networks(commands: Iterable[str]) -> list[str]:
    """One line per command: cycles, utilisation, elements that differ."""
    lines = [row(["command", "cycles per image", "utilisation", "elements that differ"]), "|---|---:|---:|---:|"]
    for command in commands:
        figures = figures_of(f"simulate {command}")
        cycles = " / ".join(f"{count:,}" for count in figures["cycles_per_image"])
        differ = f"{figures['mismatches'] + figures['reference']['mismatches']} of {figures['reference']['elements']:,}"
        share = f"{100 * figures['utilisation']:.1f} %"
        lines.append(row([f"`tcugen simulate {command}`", cycles, share, differ]))
    return lines


def speed(figures: SpeedFigures) -> list[str]:
    """Medians of the rounds."""
    whole, array = sorted(figures["whole_cycles_per_second"]), sorted(figures["array_cycles_per_second"])
    return [
        "```",
        f"whole machine: {whole[len(whole) // 2]:,.0f} cycles/s",
        f"array alone: {array[len(array) // 2]:,.0f} cycles/s",
        f"ratio = {figures['ratio']:.3f}",
        "```",
    ]


def layers(figures: RunFigures) -> list[str]:
    return markdown(run_table(figures))


def bench(figures: BenchFigures) -> list[str]:
    return markdown(bench_table(figures["rows"]))


def shapes(figures: ShapesFigures) -> list[str]:
    return [*markdown(shapes_table(figures)), "", "```", *shapes_summary(figures).splitlines(), "```"]


@dataclass(frozen=True)
class Block:
    """Lines between two marks of a page."""

    page: Path
    lines: Callable[[], list[str]]


BLOCKS = {
    "summary": Block(README, lambda: networks(SUMMARY)),
    "networks": Block(RESULTS, lambda: networks(NETWORKS)),
    "bundled": Block(RESULTS, lambda: networks(BUNDLED)),
    "bottleneck": Block(RESULTS, lambda: layers(figures_of(f"simulate {RESNET50} --only {BOTTLENECK}"))),
    "layers": Block(RESULTS, lambda: layers(figures_of(f"simulate {RESNET50}"))),
    "shapes": Block(RESULTS, lambda: shapes(figures_of("shapes resnet50 --array 16x16"))),
    "bench": Block(RESULTS, lambda: bench(figures_of("bench"))),
    "speed": Block(RESULTS, lambda: speed(figures_of("speed"))),
}


def replaced(text: str, name: str, lines: Iterable[str]) -> str:
    """`text` with other lines in its block `name`; raises ValueError unless it has one such block."""
    parts = re.split(rf"(<!-- {name}: [^>]*-->\n).*?(\n<!-- /{name} -->)", text, flags=re.DOTALL)
    if len(parts) != 4:
        raise ValueError(f"must have one block {name!r}")
    return "".join((parts[0], parts[1], *(f"\n{line}" for line in lines), "\n", parts[2], parts[3]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("blocks", nargs="*", help=f"blocks to write, of {', '.join(BLOCKS)}; all if left out")
    wanted = parser.parse_args().blocks or list(BLOCKS)
    if unknown := [name for name in wanted if name not in BLOCKS]:
        parser.error(f"{unknown[0]!r} is no block; give some of {', '.join(BLOCKS)}")
    for name in wanted:
        block = BLOCKS[name]
        lines = block.lines()
        try:
            block.page.write_text(replaced(block.page.read_text(), name, lines))
        except ValueError as error:
            raise SystemExit(f"error: {block.page} {error}") from None


if __name__ == "__main__":
    main()
