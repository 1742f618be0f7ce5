"""`tcugen evaluate`: a model on many images by the emulator and ONNX Runtime, and how often each is right."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from tcugen.compiler import compile_network
from tcugen.console.machine import MachineFlags, existing_architecture, sized
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.console.packages import require
from tcugen.console.progress_bar import emulation_reporter, progress_bar
from tcugen.console.sources import load_model
from tcugen.program import Tensor
from tcugen.report.evaluate_report import (
    ComparisonFigures,
    EvaluationFigures,
    OperatorFigures,
    OperatorTable,
    comparison_table,
    evaluation_summary,
    operator_table,
)

if TYPE_CHECKING:
    from tcugen.evaluate.compare import Comparison
    from tcugen.model.images import Images
    from tcugen.model.quantized import QuantizedNetwork


@dataclass(frozen=True)
class EvaluateOptions:
    """What to evaluate.

    Attributes:
        model: ONNX or .tflite file, or saved model.
        images: .npy file, exactly the model's input: float32 [n, C, H, W] unless the model has it otherwise.
        labels: .npy file of n integers, the right classes; None prints the classes found alone.
        rtl: Folder of an earlier build whose architecture the program is for; None chooses one.
        compare: Other files to run on the same images: ONNX files in ONNX Runtime, .tflite files in LiteRT.
        logits: Where to write the outputs, [n, elements] as the machine stores them; None for nowhere.
        json_file: Where to write the figures; None for nowhere.
    """

    model: Path
    images: Path
    labels: Path | None = None
    rtl: Path | None = None
    compare: Sequence[Path] = ()
    logits: Path | None = None
    json_file: Path | None = None


def evaluate(options: EvaluateOptions, flags: MachineFlags, console: Console) -> Status:
    """Run every image on the emulator, then in ONNX Runtime on reference model and the files `compare`; print top-1.

    Returns:
        MISMATCH if ONNX Runtime's outputs on the reference model are not the emulator's, or if the program breaks a
        rule of the machine.

    Raises:
        ModelError, NetworkError, SizingError, CompileError, ArchitectureError, UsageError: Bad input.
    """
    from tcugen.partition.stored import is_partition

    if is_partition(options.model):
        from tcugen.commands.evaluate_partition import evaluate_partition

        return evaluate_partition(options, flags, console)
    from tcugen.emulator import EmulationError
    from tcugen.evaluate.emulate import emulate_all, read_labels, top1, write_outputs
    from tcugen.model.images import read_images
    from tcugen.tflite.file import is_tflite
    from tcugen.verify.reference import reference_available

    for path in options.compare:
        if not path.is_file():
            raise UsageError(f"--compare {path} is no file; give an ONNX or .tflite file")
        if is_tflite(path):
            require(f"--compare {path}", "tflite", "ai-edge-litert")
    if options.compare and not reference_available():
        raise UsageError(
            "--compare needs the packages onnx and onnxruntime; run `pip install 'tcugen[verify]'`, or leave it out"
        )
    inputs = (options.model, options.images, options.labels, *options.compare)
    start_over({"--logits": options.logits, "--json": options.json_file}, inputs)
    model = load_model(options.model, console)
    network = model.network
    entry, shape = network.inputs[0]
    images = read_images(options.images, shape, model.form(entry))
    classes = network.shapes[network.outputs[0]].channels
    labels = None if options.labels is None else read_labels(options.labels, len(images), classes)
    architecture = existing_architecture(options.rtl, flags) if options.rtl else sized(network, flags).architecture
    console.print("compiling the program", highlight=False)
    program = compile_network(model, architecture)
    started = time.monotonic()
    try:
        with progress_bar(console) as bar:
            outputs = emulate_all(model, program, images, emulation_reporter(bar, len(images)))
    except EmulationError as error:
        console.print(f"the program breaks a rule of the machine: {error}", highlight=False, markup=False)
        return Status.MISMATCH
    seconds = time.monotonic() - started
    found = top1(model, outputs[network.outputs[0]])
    if found is None:
        labels = None
    figures: EvaluationFigures = {
        "format": 1,
        "network": network.name,
        "model": str(options.model),
        "images": len(images),
        "architecture": architecture.to_dict(),
        "images_per_second": len(images) / seconds,
        "top1": found,
        "right": None if found is None or labels is None else int(np.count_nonzero(np.asarray(found) == labels)),
        "compare": _compare(options.compare, model, images, outputs, labels, console),
    }
    console.print(evaluation_summary(figures), highlight=False, markup=False)
    if figures["compare"]:
        console.print(comparison_table(figures))
    operators = _operators(options, model.form(entry).from_network(images), console)
    if operators:
        figures["operators"] = operators
    if options.logits:
        write_outputs(options.logits, outputs)
    if options.json_file:
        write_json(options.json_file, figures)
    agree = all(other["equal"] == len(images) for other in figures["compare"][:1])
    return Status.OK if agree else Status.MISMATCH


def _compare(
    files: Sequence[Path],
    model: "QuantizedNetwork",
    images: "Images",
    outputs: Mapping[str, Tensor],
    labels: NDArray[np.integer] | None,
    console: Console,
) -> list[ComparisonFigures]:
    """The reference model first, then the files, where ONNX Runtime is installed."""
    from tcugen.evaluate.compare import Evaluated, compare_file, compare_reference
    from tcugen.evaluate.litert import compare_litert
    from tcugen.tflite.file import is_tflite
    from tcugen.verify.reference import reference_available

    if not reference_available():
        console.print("ONNX Runtime: not compared, onnx and onnxruntime are not installed", highlight=False)
        return []

    def progress(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    evaluated = Evaluated(model, images, outputs, labels)
    others = [compare_reference(evaluated, progress)]
    for path in files:
        others += (
            compare_litert(path, evaluated, progress) if is_tflite(path) else [compare_file(path, evaluated, progress)]
        )
    return [_figures(other) for other in others]


def _figures(other: "Comparison") -> ComparisonFigures:
    from tcugen.evaluate.compare import ONNX_RUNTIME

    figures: ComparisonFigures = {
        "name": other.name,
        "right": other.right,
        "same": other.same,
        "equal": other.equal,
    }
    return figures if other.by == ONNX_RUNTIME else {**figures, "by": other.by}


def _operators(options: EvaluateOptions, images: "Images", console: Console) -> list[OperatorTable]:
    """The operators of the .tflite files to compare with, if the model is one, each on LiteRT's own tensors.

    Args:
        options: Which files.
        images: As the model's file has them.
        console: Gets the tables.
    """
    from tcugen.evaluate.litert import operator_differences
    from tcugen.tflite.file import is_tflite

    if not is_tflite(options.model):
        return []
    tables: list[OperatorTable] = []
    for path in filter(is_tflite, options.compare):
        found = operator_differences(path, images, lambda text: console.print(text, highlight=False, markup=False))
        rows: list[OperatorFigures] = [
            {
                "operator": entry.op,
                "count": entry.count,
                "elements": entry.elements,
                "by": {
                    kernels.value: {"differing": count, "largest": entry.largest[kernels]}
                    for kernels, count in entry.differing.items()
                },
            }
            for entry in found
        ]
        tables.append({"file": str(path), "rows": rows})
        console.print(operator_table(tables[-1]))
    return tables
