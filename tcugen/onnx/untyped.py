"""What is used of the libraries onnx and onnxruntime that comes without types or with half of them, with types.

Both are imported when they are used.
"""

# The libraries' own signatures lack types; everything in this file has them for whoever calls it.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

if TYPE_CHECKING:
    import onnx


class Entry(Protocol):
    """An input or output of a file."""

    @property
    def name(self) -> str:
        """As in the file."""
        ...

    @property
    def type(self) -> str:
        """Such as `tensor(float)`."""
        ...

    @property
    def shape(self) -> Sequence[int | str | None]:
        """Its dimensions; those that are no numbers are found when the file runs."""
        ...


class Session(Protocol):
    """A file that ONNX Runtime has opened. All its tensors are arrays."""

    def get_inputs(self) -> Sequence[Entry]:
        """Inputs of the graph, without its constants."""
        ...

    def get_outputs(self) -> Sequence[Entry]:
        """Outputs of the graph."""
        ...

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, np.ndarray]) -> Sequence[np.ndarray]:
        """The outputs of these names, or all, on arrays by name of input."""
        ...


def open_session(path: str | Path | bytes, optimise: bool = False) -> Session:
    """An ONNX file in ONNX Runtime on the CPU.

    Args:
        path: The file, or what is in it.
        optimise: Let ONNX Runtime rewrite the graph first; off, it runs the operators as they are written.
    """
    import onnxruntime

    model = path if isinstance(path, bytes) else str(path)
    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    return cast(Session, onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]))


def load_outside_data(model: onnx.ModelProto, folder: Path) -> None:
    """Reads into the model those of its tensors that are in files of their own, in `folder`.

    Raises:
        onnx.checker.ValidationError, OSError, ValueError: If that fails.
    """
    import onnx.external_data_helper

    onnx.external_data_helper.load_external_data_for_model(model, str(folder))


def check_model(model: onnx.ModelProto) -> None:
    """Raises onnx.checker.ValidationError if the model is not valid."""
    import onnx

    onnx.checker.check_model(model)


def evaluate(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The model's outputs as the reference implementation of onnx has them. Raises whatever that raises."""
    from onnx.reference import ReferenceEvaluator

    return [np.asarray(array) for array in ReferenceEvaluator(model).run(None, dict(inputs))]
