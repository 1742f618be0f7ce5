"""`tcugen evaluate` on a model in parts: those of the unit on the emulator, the others in ONNX Runtime, in turns."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from tcugen.commands.evaluate import EvaluateOptions
from tcugen.commands.partition_machine import architecture_of, check_outside, output_figures, part_rows, programs_of
from tcugen.console.machine import MachineFlags
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.console.packages import require
from tcugen.console.progress_bar import emulation_reporter, progress_bar
from tcugen.model.images import Images, image_quantization, quantise_images
from tcugen.partition.comparison import FileRun, Reference, equal_images, flat, run_whole
from tcugen.partition.stored import Arrays, StoredPartition, UnitPart, load_partition
from tcugen.program import Program
from tcugen.report.evaluate_report import ComparisonFigures, comparison_table, evaluation_summary
from tcugen.report.partition_report import (
    PartitionEvaluation,
    output_lines,
    part_table,
    reference_table,
    share_line,
)

_AT_ONCE = 16
"""Images that go through all parts together, so that the tensors of few are in memory."""


def evaluate_partition(options: EvaluateOptions, flags: MachineFlags, console: Console) -> Status:
    """Run every image through all parts; compare each part with its reference model and the outputs with ONNX Runtime
    on the whole model and the files `compare`; print top-1.

    Returns:
        MISMATCH if a part's outputs are not those of its reference model, or a program breaks a rule of the machine.
        What ONNX Runtime makes of the whole model may differ, see `docs/import.md`, and is printed.

    Raises:
        ModelError, NetworkError, SizingError, CompileError, ArchitectureError, UsageError: Bad input.
    """
    from tcugen.emulator import EmulationError
    from tcugen.evaluate.emulate import read_labels

    require("evaluating a model in parts", "onnx", "onnxruntime")
    for path in options.compare:
        if not path.is_file():
            raise UsageError(f"--compare {path} is no file; give an ONNX file")
    check_outside(options.model, {"--logits": options.logits, "--json": options.json_file})
    inputs = (options.images, options.labels, *options.compare)
    start_over({"--logits": options.logits, "--json": options.json_file}, inputs)
    partition = load_partition(options.model)
    images = partition.read_images(options.images)
    classes = _classes(partition)
    labels = None if options.labels is None else read_labels(options.labels, len(images), classes or 1)
    if labels is not None and classes is None:
        raise UsageError(
            f"--labels {options.labels} needs one value per class, but the first output has another shape; "
            "leave the labels out"
        )
    architecture = architecture_of(partition, options.rtl, flags)
    programs = programs_of(partition, architecture, console)
    started = time.monotonic()
    try:
        outputs, equal = _run(partition, programs, images, console)
    except EmulationError as error:
        console.print(f"a program breaks a rule of the machine: {error}", highlight=False, markup=False)
        return Status.MISMATCH
    seconds = time.monotonic() - started
    first = flat(next(iter(outputs.values())))
    found = None if classes is None else first.argmax(axis=1)
    console.print("ONNX Runtime on the whole model", highlight=False)
    whole = run_whole(partition.whole, images, outputs)
    compared = [(path, run_whole(path, images, outputs)) for path in options.compare]

    def right(tops: npt.NDArray[Any]) -> int | None:
        return None if labels is None else int(np.count_nonzero(tops == labels))

    def comparison(name: str, run: FileRun) -> ComparisonFigures:
        tops = run.rows[0].argmax(axis=1)
        same = int(np.count_nonzero(tops == first.argmax(axis=1)))
        return {"name": name, "right": right(tops), "same": same, "equal": equal_images(outputs, run)}

    figures: PartitionEvaluation = {
        "format": 1,
        "network": partition.manifest.network,
        "model": str(options.model),
        "images": len(images),
        "architecture": architecture.to_dict(),
        "images_per_second": len(images) / seconds,
        "top1": None if found is None else found.tolist(),
        "right": None if found is None else right(found),
        "compare": [
            comparison("the whole model", whole),
            *(comparison(str(path), run) for path, run in compared),
        ],
        "host_share": partition.manifest.host_share,
        "parts": part_rows(partition),
        "reference": [{"name": name, "equal": count} for name, count in equal.items()],
        "outputs": output_figures(outputs, whole),
    }
    _show(figures, console)
    if options.logits:
        with options.logits.open("wb") as file:
            np.save(file, np.concatenate([_rows(arrays) for arrays in outputs.values()], axis=1))
    if options.json_file:
        write_json(options.json_file, figures)
    return Status.OK if all(count == len(images) for count in equal.values()) else Status.MISMATCH


def _show(figures: PartitionEvaluation, console: Console) -> None:
    console.print(part_table(figures["network"], figures["parts"]))
    console.print(share_line(figures["host_share"]), highlight=False)
    console.print(evaluation_summary(figures), highlight=False, markup=False)
    console.print(reference_table(figures["reference"], figures["images"]))
    console.print(comparison_table(figures))
    for line in output_lines(figures["outputs"], figures["images"]):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _run(
    partition: StoredPartition, programs: dict[str, Program], images: Images, console: Console
) -> tuple[dict[str, Arrays], dict[str, int]]:
    """The model's outputs, and for how many images each part on the unit has what its reference model has."""
    from tcugen.emulator import Machine

    machines = {name: Machine(program) for name, program in programs.items()}
    references = {part.entry.name: Reference(part.model) for part in partition.unit_parts}
    equal = dict.fromkeys(machines, 0)

    def on_unit(part: UnitPart, taken: Images) -> dict[str, npt.NDArray[Any]]:
        name = part.entry.name
        quantised = quantise_images(taken, image_quantization(part.model))
        runs = [machines[name].run({programs[name].inputs[0].tensor: image}) for image in quantised]
        made = {output: np.stack([run[output] for run in runs]) for output in part.model.network.outputs}
        equal[name] += references[name].equal(quantised, made)
        return made

    outputs: dict[str, Arrays] = {entry.name: [] for entry in partition.manifest.outputs}
    with progress_bar(console) as bar:
        report = emulation_reporter(bar, len(images))
        for start in range(0, len(images), _AT_ONCE):
            for name, arrays in partition.run(images[start : start + _AT_ONCE], on_unit).items():
                outputs[name] += arrays
            report(min(start + _AT_ONCE, len(images)))
    return outputs, equal


def _classes(partition: StoredPartition) -> int | None:
    """Classes of the first output, if it is one value per class."""
    sides: Sequence[int] = partition.manifest.outputs[0].shape or ()
    return sides[1] if len(sides) > 1 and all(side == 1 for side in (sides[0], *sides[2:])) else None


def _rows(arrays: Arrays) -> npt.NDArray[Any]:
    return np.stack([array.reshape(-1) for array in arrays])
