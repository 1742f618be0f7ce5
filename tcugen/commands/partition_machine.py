"""One machine for all parts of a model that the unit runs, and what figures say of the parts."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.compiler import compile_network, int32_outputs
from tcugen.console.machine import MachineFlags, existing_architecture, sized_for
from tcugen.console.outcome import UsageError
from tcugen.partition.comparison import FileRun, compare_outputs
from tcugen.partition.manifest import UnitEntry
from tcugen.partition.stored import Arrays, StoredPartition
from tcugen.program import Program
from tcugen.report.partition_report import OutputFigures, PartRow
from tcugen.sizing.search import Sizing
from tcugen.sizing.workload import Workload


def check_outside(folder: Path, outputs: Mapping[str, Path | None]) -> None:
    """Raises UsageError if a file that a run is to write, by the flag that names it, lies in the partition."""
    for flag, path in outputs.items():
        if path is not None and path.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{flag} {path} is in {folder}, which holds the model; choose another place")


def sizings_of(partition: StoredPartition, flags: MachineFlags) -> tuple[Sizing, ...]:
    """One architecture for all parts on the unit, a sizing for each. Errors as those of `sized_for`."""
    return sized_for([Workload(part.model.network, int32_outputs(part.model)) for part in partition.unit_parts], flags)


def architecture_of(partition: StoredPartition, rtl: Path | None, flags: MachineFlags) -> Architecture:
    """That of an earlier build, or one sized for all parts on the unit.

    Raises:
        UsageError, SizingError, CompileError: If there is none, or flags cannot be obeyed.
    """
    if rtl is not None:
        return existing_architecture(rtl, flags)
    return sizings_of(partition, flags)[0].architecture


def programs_of(partition: StoredPartition, architecture: Architecture, console: Console) -> dict[str, Program]:
    """The program of every part on the unit, by its name.

    Raises:
        CompileError: If the machine lacks something that a part needs.
    """
    console.print("compiling the programs", highlight=False)
    return {part.entry.name: compile_network(part.model, architecture) for part in partition.unit_parts}


def part_rows(partition: StoredPartition) -> list[PartRow]:
    """The parts as figures have them."""
    return [
        {
            "name": part.name,
            "on": part.on,
            "nodes": len(part.nodes),
            "multiplications": part.multiplications,
            "inputs": [part.input.name] if isinstance(part, UnitEntry) else [entry.name for entry in part.inputs],
            "outputs": [entry.name for entry in part.outputs],
        }
        for part in partition.manifest.parts
    ]


def output_figures(outputs: Mapping[str, Arrays], whole: FileRun) -> list[OutputFigures]:
    """The model's outputs beside those of ONNX Runtime on the whole model, as figures have them."""
    return [
        {
            "name": output.name,
            "equal": output.equal,
            "largest_difference": output.largest_difference,
            "largest_value": output.largest_value,
        }
        for output in compare_outputs(outputs, whole)
    ]
