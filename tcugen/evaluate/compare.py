"""The emulator's outputs compared with ONNX Runtime's: equal on the reference model, perhaps not on other files."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcugen.model.errors import ModelError
from tcugen.model.images import Images, image_quantization, quantise_images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.onnx.reference import run_reference, write_reference
from tcugen.onnx.run_file import reals, run_file
from tcugen.program import Tensor

REFERENCE = "the reference model"


@dataclass(frozen=True)
class Comparison:
    """One other computation.

    Attributes:
        name: The file, or REFERENCE.
        right: Images whose largest output is the right class; None without labels.
        same: Images with the emulator's class.
        equal: Images with the emulator's outputs, every one.
    """

    name: str
    right: int | None
    same: int
    equal: int


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What the emulator did.

    Attributes:
        model: The network.
        images: [n, C, H, W], the model's input.
        outputs: int8 or int32 [n, classes, 1, 1] of the emulator on them.
        labels: The right classes, if they are known.
    """

    model: QuantizedNetwork
    images: Images
    outputs: Tensor
    labels: NDArray[np.integer] | None


def compare_reference(evaluated: Evaluated, progress: Callable[[str], None]) -> Comparison:
    """The integers of ONNX Runtime on the reference model, compared with the emulator's.

    `progress` is called with a line of text now and then.

    Raises:
        QuantizationError: As `write_reference`.
    """
    model, images, outputs = evaluated.model, evaluated.images, evaluated.outputs
    (entry, _), last = model.network.inputs[0], model.network.nodes[-1].name
    found = np.empty_like(outputs)
    with tempfile.TemporaryDirectory(prefix="tcugen-reference-") as folder:
        path = Path(folder) / "reference.onnx"
        write_reference(model, path)
        for start in range(0, len(images), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            quantised = quantise_images(images[part], image_quantization(model))
            found[part] = run_reference(path, {entry: quantised})[last]
            progress(f"ONNX Runtime on {REFERENCE}: {min(part.stop, len(images))} of {len(images)} images")
    return _judge(REFERENCE, reals(model, found), reals(model, outputs), evaluated.labels)


def compare_file(path: Path, evaluated: Evaluated, progress: Callable[[str], None]) -> Comparison:
    """The outputs of ONNX Runtime on any ONNX file compared with what the emulator's integers stand for.

    `progress` is called with a line of text now and then.

    Raises:
        ModelError: If the file cannot be run on the images or has another number of outputs.
    """
    model, outputs = evaluated.model, evaluated.outputs
    images = model.form(model.network.inputs[0][0]).from_network(evaluated.images)
    last = model.network.nodes[-1].name
    shape, form = model.network.shapes[last], model.form(last)
    own = reals(model, outputs)
    rows: list[NDArray[Any]] = []
    for number, row in enumerate(run_file(path, images), 1):
        if row.size != own.shape[1]:
            raise ModelError(
                f"{path}: has {row.size} outputs an image, but the model has {own.shape[1]}; give a file of the same "
                "classes"
            )
        rows.append(row)
        if number % _AT_ONCE == 0 or number == len(images):
            progress(f"ONNX Runtime on {path}: {number} of {len(images)} images")
    found = form.to_network(np.stack(rows).reshape(-1, *form.shape(shape)), shape)
    if found.dtype == np.uint8 and outputs.dtype == np.int8:
        # The network holds what the file has as uint8 less 128.
        found = (found ^ 128).view(np.int8)
    if found.dtype == outputs.dtype:
        # A file that gives integers gives them in the model's own units.
        found = reals(model, found)
    found = found.reshape(len(found), -1)
    return _judge(str(path), found, own, evaluated.labels)


_AT_ONCE = 16


def _judge(name: str, found: NDArray[Any], own: NDArray[Any], labels: NDArray[np.integer] | None) -> Comparison:
    """`found` against `own`, real values [n, classes] both; they are equal as far as the type of `found` tells."""
    classes = found.argmax(axis=1)
    return Comparison(
        name,
        None if labels is None else int((classes == labels).sum()),
        int((classes == own.argmax(axis=1)).sum()),
        int((found == own.astype(found.dtype)).all(axis=1).sum()),
    )
