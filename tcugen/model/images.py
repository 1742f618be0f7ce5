"""Images from a file, quantized as the host does it in front of the hardware."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tcugen.model.array_files import read_array
from tcugen.model.errors import ModelError
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.network.graph import Shape

Images = npt.NDArray[np.float32]
"""float32 [n, C, H, W], exactly the model's input."""

Tensors = dict[str, npt.NDArray[np.int8]]
"""int8 [n, C, H, W] by name."""


def read_images(path: str | Path, shape: Shape) -> npt.NDArray[np.float32]:
    """Read float32 [n, C, H, W] images, exactly the model's input, from a `.npy` file. The file is mapped, not loaded.

    Raises:
        ModelError: If it cannot be read, holds no image, or has another type or shape.
    """
    images = read_array(path, "images")
    wanted = (shape.channels, shape.height, shape.width)
    if images.dtype != np.float32 or images.ndim != 4 or images.shape[1:] != wanted or not len(images):
        remedy = "prepare the images as for the model itself and save them as float32"
        if images.ndim == 4 and images.shape[1:] == (wanted[1], wanted[2], wanted[0]):
            remedy = "put channels first, for example with transpose(0, 3, 1, 2)"
        raise ModelError(
            f"{path}: holds {images.dtype} {images.shape}, but images must be float32 "
            f"(n, {wanted[0]}, {wanted[1]}, {wanted[2]}) with n of at least 1; {remedy}"
        )
    return images


def quantise_images(images: npt.NDArray[Any], quantization: Quantization) -> npt.NDArray[np.int8]:
    """clamp(rint(x / s) + z) in single precision, ties to even, as QuantizeLinear: int8 of the same shape.

    Raises:
        ModelError: If an image holds something that is no number.
    """
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
