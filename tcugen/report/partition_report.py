"""The tables and lines of a model in parts, from its figures."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from rich.markup import escape
from rich.table import Table

from tcugen.report.evaluate_report import EvaluationFigures
from tcugen.report.run_report import RunFigures


class PartRow(TypedDict):
    """A part: where it runs, how many nodes of the file it has and what they multiply for an image, where that is
    known, and the tensors that it reads and makes."""

    name: str
    on: Literal["unit", "host"]
    nodes: int
    multiplications: int | None
    inputs: list[str]
    outputs: list[str]


class OutputFigures(TypedDict):
    """An output of the model compared with ONNX Runtime's on the whole model: images with every element equal, the
    largest difference, None where one of the two is no finite number, and the largest magnitude of ONNX Runtime's."""

    name: str
    equal: int
    largest_difference: float | None
    largest_value: float


class ReferenceRow(TypedDict):
    """A part of the unit compared with ONNX Runtime on its reference model: images with every output equal."""

    name: str
    equal: int


class PartitionEvaluation(EvaluationFigures):
    """What `tcugen evaluate --json` writes of a model in parts.

    `compare` has the whole model first; `reference` is empty where it was not compared.
    """

    host_share: float | None
    parts: list[PartRow]
    reference: list[ReferenceRow]
    outputs: list[OutputFigures]


class PartitionRun(TypedDict):
    """What `tcugen simulate --json` writes of a model in parts; `runs` has the figures of the unit's parts by name,
    `cycles_per_image` the sum of theirs."""

    format: int
    network: str
    model: str
    images: str
    memory: str
    architecture: dict[str, int]
    host_share: float | None
    mac_count: int
    cycles_per_image: list[int]
    mismatches: int
    parts: list[PartRow]
    runs: dict[str, RunFigures]
    outputs: list[OutputFigures]


def part_table(title: str, rows: Sequence[PartRow]) -> Table:
    """The parts in order, one line each."""
    table = Table(title=f"{escape(title)} in parts")
    for heading in ("part", "on the"):
        table.add_column(heading, no_wrap=True)
    for heading in ("nodes", "multiplications"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("reads", "makes"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        count = "?" if row["multiplications"] is None else f"{row['multiplications']:,}"
        reads, makes = (escape(", ".join(names)) for names in (row["inputs"], row["outputs"]))
        table.add_row(row["name"], row["on"], str(row["nodes"]), count, reads, makes)
    return table


def refusal_lines(reasons: Mapping[str, str], on_host: int) -> list[str]:
    """Why nodes are on the host: a line for each that the unit refused, one for the others that are there with them."""
    if not on_host:
        return ["the unit takes the whole model"]
    count = len(reasons)
    lines = [f"{count} node{'s' * (count != 1)} cannot run on the unit:", *(f"  {text}" for text in reasons.values())]
    others = on_host - count
    if others > 0:
        lines.append(f"{others} more, without multiplications, stay{'s' * (others == 1)} with them")
    return lines


def share_line(share: float | None) -> str:
    """How much of the model stays on the host."""
    if share is None:
        return "how many of the model's multiplications stay on the host is not known, as shapes are not"
    return f"{100 * share:.1f} % of the model's multiplications stay on the host"


def reference_table(rows: Sequence[ReferenceRow], images: int) -> Table:
    """For how many images ONNX Runtime has what the emulator has, part by part."""
    table = Table(title=f"parts on the unit, {images} images")
    table.add_column("part", no_wrap=True)
    table.add_column("equal to the reference model", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row["name"], str(row["equal"]))
    return table


def output_lines(outputs: Sequence[OutputFigures], images: int) -> list[str]:
    """The outputs of all parts together beside those of the whole model in ONNX Runtime."""
    lines: list[str] = []
    for figures in outputs:
        apart = figures["largest_difference"]
        lines.append(
            f"output {figures['name']}: {figures['equal']} of {images} images equal to ONNX Runtime on the whole "
            f"model, largest difference {'not finite' if apart is None else f'{apart:.3g}'} of values up to "
            f"{figures['largest_value']:.3g}"
        )
    return lines


def run_summary(figures: PartitionRun) -> str:
    """Cycles of all parts and agreement in a few lines."""
    cycles, count, differing = figures["cycles_per_image"], len(figures["runs"]), figures["mismatches"]
    images = f"{len(cycles)} images, " if len(cycles) > 1 else ""
    verdict = "golden, emulator, RTL and reference model agree in every element of every part"
    if differing:
        verdict = f"{differing:,} elements differ"
    return "\n".join(
        (
            f"{images}{sum(cycles):,} cycles in {count} part{'s' * (count != 1)} on the unit ({figures['memory']} "
            f"memory, {figures['model']}; {figures['mac_count']:,} MACs per image)",
            share_line(figures["host_share"]),
            *output_lines(figures["outputs"], len(cycles)),
            f"mismatches = {differing}: {verdict}",
        )
    )
