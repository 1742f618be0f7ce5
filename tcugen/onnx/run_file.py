"""Other ONNX files on the same images: what their outputs are, and what the hardware's integers stand for, to compare.

`onnxruntime` is imported when it is used.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tcugen.model.errors import ModelError
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.sums import sum_scales
from tcugen.network.operators import Weighted
from tcugen.onnx.untyped import open_session


def run_file(path: Path, images: np.ndarray) -> Iterator[list[np.ndarray]]:
    """Outputs of any ONNX file with one input, in its order, each flat, image by image.

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
            yield [output.reshape(-1) for output in session.run(None, {entry.name: image[None]})]
        except Exception as error:
            raise ModelError(
                f"{path}: ONNX Runtime cannot run it on an image of shape {image[None].shape} ({error}); give a file "
                "with the model's own input"
            ) from None


def reals(model: QuantizedNetwork, values: np.ndarray, output: str | None = None) -> np.ndarray:
    """What the values [n, C, H, W] of an output stand for, [n, C * H * W]; of the first one, if none is named.

    int8 as DequantizeLinear has it, float32; int32 sums, whose channels may each have a unit of their own, times the
    scales of input and weights, float64, so that sums that differ stay apart, within the limits that the file has
    after them.
    """
    last = model.network.by_name[output or model.network.outputs[0]]
    if model.tensors[last.name] is None and isinstance(last, Weighted):
        real = values * _sum_scale(model, last)
        return np.clip(real, *model.form(last.name).limits).reshape(len(values), -1)
    quantization = model.quantization(last.name)
    flat = values.reshape(len(values), -1)
    return (flat.astype(np.float32) - np.float32(quantization.zero_point)) * np.float32(quantization.scale)


def nearest_sums(model: QuantizedNetwork, values: np.ndarray, output: str) -> np.ndarray:
    """Real values [n, C, H, W] of an output of 32-bit sums, each moved to the next that a sum stands for,
    [n, C * H * W]: other tools add such values up in floating point, whose last digits depend on the order."""
    node = model.network.by_name[output]
    if not isinstance(node, Weighted):
        raise TypeError(f"{output}: holds 32-bit sums, but a {node.op} makes none")
    scale = _sum_scale(model, node)
    return (np.rint(values / scale) * scale).reshape(len(values), -1)


def _sum_scale(model: QuantizedNetwork, node: Weighted) -> np.ndarray:
    """What one step of each channel's sums stands for, float64 [C, 1, 1]."""
    return sum_scales(model, node).reshape(-1, 1, 1)
