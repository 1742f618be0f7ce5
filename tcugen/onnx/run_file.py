"""Other ONNX files on the same images: what their outputs are, and what the hardware's integers stand for, to compare.

`onnxruntime` is imported when it is used.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tcugen.model.errors import ModelError
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import Weighted
from tcugen.onnx.untyped import open_session


def run_file(path: Path, images: np.ndarray) -> Iterator[np.ndarray]:
    """First output of any ONNX file with one input, flat, image by image.

    ONNX Runtime may rewrite the graph first, as it does for everybody who runs the file.

    Args:
        path: The file.
        images: [n, ...], exactly its input.

    Raises:
        ModelError: If ONNX Runtime cannot read the file or cannot run it on an image.
    """
    try:
        session = open_session(path, optimise=True)
        (entry,) = session.get_inputs()
    except Exception as error:  # ONNX Runtime's exceptions have no public base class
        raise ModelError(f"{path}: ONNX Runtime cannot open it ({error}); give an ONNX file with one input") from None
    for image in images:
        try:
            yield session.run(None, {entry.name: image[None]})[0].reshape(-1)
        except Exception as error:
            raise ModelError(
                f"{path}: ONNX Runtime cannot run it on an image of shape {image[None].shape} ({error}); give a file "
                "with the model's own input"
            ) from None


def reals(model: QuantizedNetwork, outputs: np.ndarray) -> np.ndarray:
    """What the last layer's outputs [n, C, H, W] stand for, [n, C * H * W].

    int8 as DequantizeLinear has it, float32; int32 sums, whose channels may each have a unit of their own, times the
    scales of input and weights, float64, so that sums that differ stay apart, within the limits that the file has
    after them.
    """
    last = model.network.nodes[-1]
    if model.tensors[last.name] is None and isinstance(last, Weighted):
        scale = np.float64(model.scale(last.inputs[0])) * model.integers_of(last).weight_scale
        return np.clip(outputs * scale.reshape(-1, 1, 1), *model.form(last.name).limits).reshape(len(outputs), -1)
    quantization = model.quantization(last.name)
    flat = outputs.reshape(len(outputs), -1)
    return (flat.astype(np.float32) - np.float32(quantization.zero_point)) * np.float32(quantization.scale)
