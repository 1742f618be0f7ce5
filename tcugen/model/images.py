"""Images from a file, quantized as the host does it in front of the hardware."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tcugen.model.array_files import read_array
from tcugen.model.errors import ModelError
from tcugen.model.file_form import FLOAT_NCHW, FileForm
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.network.graph import Shape

Images = npt.NDArray[Any]
"""float32 [n, C, H, W]; int8 or uint8 where the model's input is quantized already."""

Tensors = dict[str, npt.NDArray[np.int8]]
"""int8 [n, C, H, W] by name."""


def read_images(path: str | Path, shape: Shape, form: FileForm = FLOAT_NCHW) -> Images:
    """Read images, exactly the model's input, from a `.npy` file. The file is mapped, not loaded.

    Args:
        path: Holds [n, *form.shape(shape)] of type `form.kind`.
        shape, form: Of one image in the network, and how the model has it.

    Returns:
        [n, C, H, W] of the same type.

    Raises:
        ModelError: If it cannot be read, holds no image, or has another type or shape.
    """
    images = read_array(path, "images")
    wanted = form.shape(shape)
    if images.dtype != form.kind or images.shape[1:] != wanted or images.ndim != len(wanted) + 1 or not len(images):
        remedy = f"prepare the images as for the model itself and save them as {form.kind}"
        if form.layout == "nchw" and images.ndim == 4 and images.shape[1:] == (wanted[1], wanted[2], wanted[0]):
            remedy = "put channels first, for example with transpose(0, 3, 1, 2)"
        raise ModelError(
            f"{path}: holds {images.dtype} {images.shape}, but images must be {form.kind} "
            f"(n, {', '.join(map(str, wanted))}) with n of at least 1; {remedy}"
        )
    return form.to_network(images, shape)


def quantise_images(images: npt.NDArray[Any], quantization: Quantization) -> npt.NDArray[np.int8]:
    """clamp(rint(x / s) + z) in single precision, ties to even, as QuantizeLinear: int8 of the same shape.

    Integers are quantized already: int8 stays, uint8 moves down by 128.

    Raises:
        ModelError: If an image holds something that is no number.
    """
    if images.dtype == np.int8:
        return images
    if images.dtype == np.uint8:
        return (images ^ 128).view(np.int8)
    images = np.asarray(images, np.float32)
    if not np.isfinite(images).all():
        raise ModelError("the images hold values that are not finite, but each must be a number; prepare them again")
    with np.errstate(over="ignore"):
        steps = np.rint(images / np.float32(quantization.scale))
    # The sum is exact in double, whatever the steps are.
    return np.clip(steps.astype(np.float64) + quantization.zero_point, -128, 127).astype(np.int8)


def image_quantization(model: QuantizedNetwork) -> Quantization:
    """Quantization of the network's one input."""
    return model.quantization(model.network.inputs[0][0])
