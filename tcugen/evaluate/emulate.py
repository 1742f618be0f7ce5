"""A trained network on many images by the emulator alone."""

from collections.abc import Callable, Mapping
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
    """The first output of the emulator, one image after the other; as `emulate_all`."""
    return emulate_all(model, program, images, progress)[model.network.outputs[0]]


def emulate_all(
    model: QuantizedNetwork,
    program: Program,
    images: Images,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Tensor]:
    """Outputs of the emulator, one image after the other.

    Args:
        model: What `program` was compiled from.
        images: [n, C, H, W], the model's input.
        progress: Called after each image with the number of images done.

    Returns:
        int8 or int32 [n, C, H, W] by name of output, in the network's order.

    Raises:
        ModelError: If an image holds something that is no number.
        EmulationError: If the program breaks a rule.
    """
    machine = Machine(program)
    runs: list[dict[str, Tensor]] = []
    for number, image in enumerate(images, 1):
        quantised = quantise_images(image, image_quantization(model))
        runs.append(machine.run({program.inputs[0].tensor: quantised}))
        if progress:
            progress(number)
    return {name: np.stack([run[name] for run in runs]) for name in model.network.outputs}


def top1(model: QuantizedNetwork, outputs: Tensor) -> list[int] | None:
    """Class of the largest real value of each image, the first of several.

    Args:
        model: Whose first output they are.
        outputs: int8 or int32 [n, C, H, W].

    Returns:
        [n]; None if the output is not one value per class.
    """
    if outputs.ndim != 4 or outputs.shape[2:] != (1, 1):
        return None
    return reals(model, outputs).argmax(axis=1).tolist()


def write_outputs(path: Path, outputs: Mapping[str, Tensor]) -> None:
    """Write outputs as a .npy file, [n, elements], under exactly that name; those of several one after the other."""
    with path.open("wb") as file:
        np.save(file, np.concatenate([output.reshape(len(output), -1) for output in outputs.values()], axis=1))


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
