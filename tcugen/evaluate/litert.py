"""LiteRT compared with the hardware's arithmetic: outputs of whole files, and operators on LiteRT's own tensors."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tcugen.evaluate.compare import Comparison, Evaluated, compare_runs
from tcugen.model.extract import extract
from tcugen.onnx.reference import write_reference
from tcugen.onnx.untyped import Session, open_session
from tcugen.tflite.file import TfliteTensor
from tcugen.tflite.host import host_part
from tcugen.tflite.importer import ImportedTflite, import_tflite
from tcugen.tflite.litert import Kernels, run_litert
from tcugen.tflite.reading import read_tflite
from tcugen.tflite.translation import TO_CHANNELS_FIRST

_AT_ONCE = 8


@dataclass
class OperatorDifference:
    """Operators of one kind, each on the tensors that LiteRT's kernels gave it.

    Attributes:
        op: Its name in the format.
        count: How many operators.
        elements: Of all their outputs, all images.
        differing, largest: Elements that are not what the hardware computes, and by how many steps at most.
    """

    op: str
    count: int = 0
    elements: int = 0
    differing: dict[Kernels, int] = field(default_factory=dict[Kernels, int])
    largest: dict[Kernels, int] = field(default_factory=dict[Kernels, int])


def compare_litert(path: Path, evaluated: Evaluated, progress: Callable[[str], None]) -> list[Comparison]:
    """Outputs of a .tflite file by each of LiteRT's kernels, compared with what the emulator's integers stand for.

    Raises:
        ModelError: As `compare_runs`, or if LiteRT cannot run the file on the images.
    """
    model = evaluated.model
    images = model.form(model.network.inputs[0][0]).from_network(evaluated.images)
    tensors = host_part(read_tflite(path)).outputs
    found: list[Comparison] = []
    for kernels in Kernels:
        runs = ([array.reshape(-1) for array in arrays] for arrays in run_litert(path, images, tensors, kernels))
        found.append(compare_runs(path, runs, evaluated, progress, kernels.value))
    return found


def operator_differences(
    path: Path, images: npt.NDArray[Any], progress: Callable[[str], None]
) -> list[OperatorDifference]:
    """Each operator of a .tflite file computed as the hardware does from the tensors that LiteRT has in front of it,
    and compared with what LiteRT has after it; by kind.

    The hardware's arithmetic is ONNX Runtime on the reference model of that operator alone. Operators that became part
    of another one, such as padding, are compared together with it.

    Args:
        path: The file.
        images: [n, ...], exactly its input.
        progress: Called with a line of text now and then.

    Raises:
        ModelError: If the file cannot be imported, or LiteRT cannot run it on the images.
    """
    imported = import_tflite(path)
    found: dict[str, OperatorDifference] = {}
    with tempfile.TemporaryDirectory(prefix="tcugen-litert-") as folder:
        steps = _steps(imported, Path(folder))
        for step in steps:
            found.setdefault(step.op, OperatorDifference(step.op)).count += 1
        for kernels in Kernels:
            for start in range(0, len(images), _AT_ONCE):
                part = images[start : start + _AT_ONCE]
                tensors = _tensors(imported, path, part, kernels)
                for step in steps:
                    _add(found[step.op], step, tensors, kernels)
                done = start + len(part)
                progress(f"{kernels.value} on {path}: operators of {done} of {len(images)} images")
    for entry in found.values():
        entry.elements //= len(Kernels)
    return list(found.values())


@dataclass(frozen=True, eq=False)
class _Step:
    """One node of the network alone: its name, the file's operator, its inputs, the reference model."""

    name: str
    op: str
    inputs: tuple[str, ...]
    session: Session


def _steps(imported: ImportedTflite, folder: Path) -> list[_Step]:
    """Every node whose inputs and output the file has as well."""
    model, tensors = imported.imported.model, imported.tensors
    producers = {index: operator.op for operator in imported.file.operators for index in operator.outputs}
    steps: list[_Step] = []
    for node in model.network.nodes:
        if node.name in tensors and all(name in tensors for name in node.inputs):
            path = folder / f"{len(steps)}.onnx"
            write_reference(extract(model, [node.name]), path)
            inputs = tuple(dict.fromkeys(node.inputs))
            steps.append(_Step(node.name, producers[tensors[node.name]], inputs, open_session(path)))
    return steps


def _tensors(
    imported: ImportedTflite, path: Path, images: npt.NDArray[Any], kernels: Kernels
) -> dict[str, npt.NDArray[np.int8]]:
    """LiteRT's tensors as the network has them, int8 [n, C, H, W] by name."""
    numbers = list(dict.fromkeys(imported.tensors.values()))
    runs = list(run_litert(path, images, numbers, kernels))
    stacked = {number: np.concatenate([run[place] for run in runs]) for place, number in enumerate(numbers)}
    return {
        name: _as_in_the_network(stacked[number], imported.file.tensors[number])
        for name, number in imported.tensors.items()
    }


def _as_in_the_network(arrays: npt.NDArray[Any], tensor: TfliteTensor) -> npt.NDArray[np.int8]:
    if arrays.dtype == np.uint8:
        arrays = (arrays ^ 128).view(np.int8)
    if len(tensor.shape) == 4:
        return np.ascontiguousarray(arrays.transpose(TO_CHANNELS_FIRST))
    return arrays.reshape(len(arrays), -1, 1, 1)


def _add(entry: OperatorDifference, step: _Step, tensors: dict[str, npt.NDArray[np.int8]], kernels: Kernels) -> None:
    (own,) = step.session.run(None, {name: tensors[name] for name in step.inputs})
    distance = np.abs(own.astype(np.int16) - tensors[step.name])
    entry.elements += distance.size
    entry.differing[kernels] = entry.differing.get(kernels, 0) + int(np.count_nonzero(distance))
    entry.largest[kernels] = max(entry.largest.get(kernels, 0), int(distance.max()))
