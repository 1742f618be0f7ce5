"""Parts beside their reference models, and all of them beside ONNX Runtime on the whole model."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tcugen.model.errors import ModelError
from tcugen.model.quantized import QuantizedNetwork
from tcugen.onnx.reference import write_reference
from tcugen.onnx.run_file import run_file
from tcugen.onnx.untyped import open_session
from tcugen.partition.stored import Arrays


class Reference:
    """The reference model of a part, open in ONNX Runtime."""

    def __init__(self, model: QuantizedNetwork):
        with tempfile.TemporaryDirectory(prefix="tcugen-reference-") as folder:
            path = Path(folder) / "reference.onnx"
            write_reference(model, path)
            self._session = open_session(path.read_bytes())
        self._entry = model.network.inputs[0][0]
        self._outputs = list(model.network.outputs)

    def equal(self, images: npt.NDArray[np.int8], outputs: Mapping[str, np.ndarray]) -> int:
        """For how many int8 images [n, C, H, W] every element of every output is what `outputs` has by name."""
        found = self._session.run(self._outputs, {self._entry: images})
        own = [outputs[name] for name in self._outputs]
        same = [
            (there == here).reshape(len(here), -1).all(axis=1) & (there.dtype == here.dtype)
            for there, here in zip(found, own, strict=True)
        ]
        return int(np.all(same, axis=0).sum())


@dataclass(frozen=True)
class OutputComparison:
    """One output of a model.

    Attributes:
        name: In the file.
        equal: Images with every element equal.
        largest_difference: Of any element; None if one of the two is no finite number.
        largest_value: Magnitude of any element of ONNX Runtime's.
    """

    name: str
    equal: int
    largest_difference: float | None
    largest_value: float


@dataclass(frozen=True, eq=False)
class FileRun:
    """What ONNX Runtime makes of a file: per output float64 [n, elements], in the order of the file."""

    rows: tuple[npt.NDArray[np.float64], ...]


def run_whole(path: Path, images: np.ndarray, own: Mapping[str, Arrays]) -> FileRun:
    """Run an ONNX file on images [n, ...], exactly its input.

    Raises:
        ModelError: If it cannot be run, or its outputs are not of the size of `own`, which the parts made.
    """
    rows: list[list[npt.NDArray[np.float64]]] = [[] for _ in own]
    for number, results in enumerate(run_file(path, images)):
        if len(results) < len(rows):
            raise ModelError(
                f"{path}: has {len(results)} outputs, but the model has {len(rows)}; give a file of the same outputs"
            )
        for row, result, (name, arrays) in zip(rows, results, own.items(), strict=False):
            if result.size != arrays[number].size:
                raise ModelError(
                    f"{path}: gives {result.size} elements where the model's output {name!r} has "
                    f"{arrays[number].size}; give a file of the same outputs"
                )
            row.append(result.astype(np.float64))
    return FileRun(tuple(np.stack(row) for row in rows))


def compare_outputs(own: Mapping[str, Arrays], whole: FileRun) -> list[OutputComparison]:
    """Every output of the parts beside what a file makes of the same images."""
    found: list[OutputComparison] = []
    for (name, arrays), there in zip(own.items(), whole.rows, strict=True):
        apart = _apart(flat(arrays), there)
        largest = float(apart.max(initial=0.0))
        finite = np.abs(there[np.isfinite(there)])
        found.append(
            OutputComparison(
                name,
                int((apart == 0).all(axis=1).sum()),
                largest if np.isfinite(largest) else None,
                float(finite.max(initial=0.0)),
            )
        )
    return found


def equal_images(own: Mapping[str, Arrays], whole: FileRun) -> int:
    """Images with every element of every output equal."""
    same = [
        (_apart(flat(arrays), there) == 0).all(axis=1) for arrays, there in zip(own.values(), whole.rows, strict=True)
    ]
    return int(np.all(same, axis=0).sum())


def _apart(here: npt.NDArray[np.float64], there: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far elements are apart. Infinities of one sign, as masks have them, are equal; so are two that are no
    numbers."""
    same = (here == there) | (np.isnan(here) & np.isnan(there))
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, np.abs(here - there))


def flat(arrays: Arrays) -> npt.NDArray[np.float64]:
    """One output of all images, [n, elements]."""
    return np.stack([array.reshape(-1).astype(np.float64) for array in arrays])
