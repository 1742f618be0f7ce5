"""The emulator's outputs compared with ONNX Runtime's: equal on the reference model, perhaps not on other files."""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.model.errors import ModelError
from tcugen.model.images import Images, image_quantization, quantise_images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.onnx.reference import run_reference, write_reference
from tcugen.onnx.run_file import nearest_sums, reals, run_file
from tcugen.program import Tensor

REFERENCE = "the reference model"
ONNX_RUNTIME = "ONNX Runtime"


@dataclass(frozen=True)
class Comparison:
    """One other computation.

    Attributes:
        name: The file, or REFERENCE.
        right: Images whose largest value in the first output is the right class; None without labels.
        same: Images with the emulator's class.
        equal: Images with the emulator's outputs, every value of every one.
        by: The program that computed it.
    """

    name: str
    right: int | None
    same: int
    equal: int
    by: str = ONNX_RUNTIME


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What the emulator did.

    Attributes:
        model: The network.
        images: [n, C, H, W], the model's input.
        outputs: int8 or int32 [n, C, H, W] of the emulator on them, by name of output in the network's order.
        labels: The right classes, if they are known.
    """

    model: QuantizedNetwork
    images: Images
    outputs: Mapping[str, Tensor]
    labels: NDArray[np.integer] | None


def compare_reference(evaluated: Evaluated, progress: Callable[[str], None]) -> Comparison:
    """The integers of ONNX Runtime on the reference model, compared with the emulator's.

    `progress` is called with a line of text now and then.

    Raises:
        QuantizationError: As `write_reference`.
    """
    model, images, outputs = evaluated.model, evaluated.images, evaluated.outputs
    entry = model.network.inputs[0][0]
    found = {name: np.empty_like(output) for name, output in outputs.items()}
    with tempfile.TemporaryDirectory(prefix="tcugen-reference-") as folder:
        path = Path(folder) / "reference.onnx"
        write_reference(model, path)
        for start in range(0, len(images), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            quantised = quantise_images(images[part], image_quantization(model))
            for name, output in run_reference(path, {entry: quantised}).items():
                found[name][part] = output
            progress(f"ONNX Runtime on {REFERENCE}: {min(part.stop, len(images))} of {len(images)} images")
    pairs = [(reals(model, found[name], name), reals(model, output, name)) for name, output in outputs.items()]
    return _judge(REFERENCE, pairs, evaluated.labels)


def compare_file(path: Path, evaluated: Evaluated, progress: Callable[[str], None]) -> Comparison:
    """The outputs of ONNX Runtime on any ONNX file compared with what the emulator's integers stand for.

    `progress` is called with a line of text now and then.

    Raises:
        ModelError: If the file cannot be run on the images or has another number of outputs.
    """
    model = evaluated.model
    images = model.form(model.network.inputs[0][0]).from_network(evaluated.images)
    return compare_runs(path, run_file(path, images), evaluated, progress, ONNX_RUNTIME)


def compare_runs(
    path: Path,
    runs: Iterable[Sequence[NDArray[Any]]],
    evaluated: Evaluated,
    progress: Callable[[str], None],
    by: str,
) -> Comparison:
    """Outputs of any file compared with what the emulator's integers stand for.

    Args:
        path: The file.
        runs: Its outputs, each flat, image by image.
        evaluated: What they are compared with.
        progress: Called with a line of text now and then.
        by: The program that computes them.

    Raises:
        ModelError: If the file has another number of outputs; and whatever `runs` raises.
    """
    model = evaluated.model
    own = {name: _own(model, output, name) for name, output in evaluated.outputs.items()}
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in own}
    for number, results in enumerate(runs, 1):
        if len(results) < len(own):
            raise ModelError(
                f"{path}: has {len(results)} outputs, but the model has {len(own)}; give a file of the same outputs"
            )
        for row, (name, values) in zip(results, own.items(), strict=False):
            if row.size != values.shape[1]:
                raise ModelError(
                    f"{path}: has {row.size} outputs an image, but the model has {values.shape[1]}; give a file of "
                    "the same classes"
                )
            rows[name].append(row)
        if number % _AT_ONCE == 0 or number == len(evaluated.images):
            progress(f"{by} on {path}: {number} of {len(evaluated.images)} images")
    pairs = [(_found(evaluated, name, np.stack(rows[name])), values) for name, values in own.items()]
    return replace(_judge(str(path), pairs, evaluated.labels), by=by)


def _own(model: QuantizedNetwork, output: Tensor, name: str) -> NDArray[Any]:
    values = reals(model, output, name)
    return nearest_sums(model, values.reshape(output.shape), name) if output.dtype == np.int32 else values


def _found(evaluated: Evaluated, name: str, rows: NDArray[Any]) -> NDArray[Any]:
    """What a file's output stands for, [n, C * H * W], in the network's order of elements; `rows` in the file's."""
    model, shape, form = evaluated.model, evaluated.model.network.shapes[name], evaluated.model.form(name)
    found = form.to_network(rows.reshape(-1, *form.shape(shape)), shape)
    kind = evaluated.outputs[name].dtype
    if found.dtype == np.uint8 and kind == np.int8:
        # The network holds what the file has as uint8 less 128.
        found = (found ^ 128).view(np.int8)
    if found.dtype == kind:
        # A file that gives integers gives them in the model's own units.
        found = reals(model, found, name)
    elif kind == np.int32:
        found = nearest_sums(model, found, name)
    return found.reshape(len(found), -1)


_AT_ONCE = 16


def _judge(
    name: str, pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]], labels: NDArray[np.integer] | None
) -> Comparison:
    """Per output what was found and what is the emulator's, real values [n, elements] both; they are equal as far as
    the type of what was found tells."""
    classes, own = pairs[0][0].argmax(axis=1), pairs[0][1]
    equal = [(found == values.astype(found.dtype)).all(axis=1) for found, values in pairs]
    return Comparison(
        name,
        None if labels is None else int((classes == labels).sum()),
        int((classes == own.argmax(axis=1)).sum()),
        int(np.all(equal, axis=0).sum()),
    )
