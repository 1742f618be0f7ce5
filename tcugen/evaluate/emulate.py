"""A trained network on many images by the emulator alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tcugen.emulator import Machine
from tcugen.model.array_files import read_array
from tcugen.model.errors import ModelError
from tcugen.model.images import Images, image_quantization, quantise_images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.onnx.run_file import reals
from tcugen.program import Program, Tensor


def emulate(
    model: QuantizedNetwork,
    program: Program,
    images: Images,
    progress: Callable[[int], None] | None = None,
) -> Tensor:
    """Outputs of the emulator, one image after the other.

    Args:
        model: What `program` was compiled from.
        images: [n, C, H, W], the model's input.
        progress: Called after each image with the number of images done.

    Returns:
        int8 or int32 [n, C, H, W].

    Raises:
        ModelError: If an image holds something that is no number.
        EmulationError: If the program breaks a rule.
    """
    machine = Machine(program)
    outputs: list[Tensor] = []
    for number, image in enumerate(images, 1):
        quantised = quantise_images(image, image_quantization(model))
        outputs.append(machine.run({program.inputs[0].tensor: quantised})[program.outputs[0].tensor])
        if progress:
            progress(number)
    return np.stack(outputs)


def top1(model: QuantizedNetwork, outputs: Tensor) -> list[int] | None:
    """Class of the largest real value of each image, the first of several.

    Args:
        model: Whose last layer the outputs are of.
        outputs: int8 or int32 [n, C, H, W].

    Returns:
        [n]; None if the output is not one value per class.
    """
    if outputs.ndim != 4 or outputs.shape[2:] != (1, 1):
        return None
    return reals(model, outputs).argmax(axis=1).tolist()


def write_outputs(path: Path, outputs: Tensor) -> None:
    """Write outputs as a .npy file, [n, elements], under exactly that name."""
    with path.open("wb") as file:
        np.save(file, outputs.reshape(len(outputs), -1))


def read_labels(path: Path, count: int, classes: int) -> NDArray[np.integer]:
    """The right classes of `count` images, [count] integers below `classes`.

    Raises:
        ModelError: If the file cannot be read, has another number of labels or one that is no class.
    """
    labels = read_array(path, "labels")
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ModelError(
            f"{path}: holds {labels.dtype} {labels.shape}, but must hold {count} integers, one per image; "
            "correct the labels"
        )
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise ModelError(f"{path}: holds label {wrong[0]}, but the network has classes 0 to {classes - 1}; correct it")
    return labels
