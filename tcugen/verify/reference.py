"""Golden compared with ONNX Runtime, on the file that says in ONNX what the hardware computes."""

import importlib.util
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcugen.model.quantized import QuantizedNetwork
from tcugen.onnx.reference import run_reference, write_reference


@dataclass(frozen=True)
class ReferenceCheck:
    """How many tensors and elements were compared, and elements that differ by tensor that has any."""

    tensors: int
    elements: int
    differing: dict[str, int]

    @property
    def mismatches(self) -> int:
        return sum(self.differing.values())


def reference_available() -> bool:
    """Whether the packages onnx and onnxruntime are installed."""
    return all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))


def check_reference(
    model: QuantizedNetwork, inputs: Mapping[str, np.ndarray], golden: Mapping[str, np.ndarray]
) -> ReferenceCheck:
    """Run the reference model on `inputs` (int8 [n, C, H, W] by name) and compare every tensor with golden's.

    Raises:
        QuantizationError: If a multiplier of `model` is not the one that its scales give.
    """
    with tempfile.TemporaryDirectory(prefix="tcugen-reference-") as folder:
        path = Path(folder) / "reference.onnx"
        write_reference(model, path, every_tensor=True)
        tensors = run_reference(path, inputs)
    differing = {name: _differing(tensor, golden[name]) for name, tensor in tensors.items()}
    elements = sum(tensor.size for tensor in tensors.values())
    return ReferenceCheck(len(tensors), elements, {name: count for name, count in differing.items() if count})


def _differing(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.count_nonzero(a != b)) if a.shape == b.shape and a.dtype == b.dtype else max(a.size, b.size)
