"""A partition in its folder: read, checked, ready to run image by image through all parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tcugen.model.array_files import read_array
from tcugen.model.errors import ModelError
from tcugen.model.images import Images
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.store import load
from tcugen.onnx.run_file import reals
from tcugen.onnx.untyped import Session, open_session
from tcugen.partition.manifest import MANIFEST, WHOLE, HostEntry, Manifest, UnitEntry, UnitTensor, parse_manifest

Arrays = list[npt.NDArray[Any]]
"""One tensor of the file for each image, with a batch of 1 as the file has it."""

MODEL = "model.npz"

_SPLIT_AGAIN = "split the model again with tcugen import --partition"


@dataclass(frozen=True, eq=False)
class UnitPart:
    """A part that the unit runs."""

    entry: UnitEntry
    model: QuantizedNetwork

    def images(self, arrays: Arrays) -> Images:
        """What the part's network takes, [n, C, H, W] of the type that the file has.

        Raises:
            ModelError: If the part before made something else than the manifest says.
        """
        name, wanted = self.entry.input.name, (self.entry.input.type, self.entry.input.shape)
        for array in arrays:
            if (array.dtype.name, array.shape) != wanted:
                raise ModelError(
                    f"{self.entry.name}: its input {name!r} came as {array.dtype} {array.shape}, but must be "
                    f"{wanted[0]} {wanted[1]}; {_SPLIT_AGAIN}"
                )
        tensor, shape = self.model.network.inputs[0]
        return self.model.form(tensor).to_network(np.concatenate(arrays), shape)

    def file_images(self, images: Images) -> Images:
        """Inverse of `images`, as `--images` takes them: [n, ...] as the file has them."""
        return self.model.form(self.model.network.inputs[0][0]).from_network(images)

    def file_arrays(self, outputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, Arrays]:
        """What the network's outputs, int8 or int32 [n, C, H, W] by name, are in the file, by name there."""
        return {entry.name: self._file_array(entry, outputs[entry.tensor]) for entry in self.entry.outputs}

    def _file_array(self, entry: UnitTensor, values: npt.NDArray[Any]) -> Arrays:
        form = self.model.form(entry.tensor)
        match form.kind:
            case "int8":
                made = values
            case "uint8":
                made = values.view(np.uint8) ^ np.uint8(128)
            case "float32":
                made = reals(self.model, values, entry.tensor).astype(np.float32).reshape(values.shape)
        sides = entry.shape or (1, *values.shape[1:])
        return [np.ascontiguousarray(image).reshape(sides) for image in form.from_network(made)]


@dataclass(frozen=True, eq=False)
class HostPart:
    """A part that ONNX Runtime runs."""

    entry: HostEntry
    session: Session = field(repr=False)

    def run(self, tensors: Mapping[str, Arrays]) -> dict[str, Arrays]:
        """Its outputs by name, image by image, from the tensors that are there.

        Raises:
            ModelError: If ONNX Runtime cannot run it.
        """
        names = [entry.name for entry in self.entry.outputs]
        inputs = {entry.name: tensors[entry.name] for entry in self.entry.inputs}
        made: dict[str, Arrays] = {name: [] for name in names}
        for number in range(len(next(iter(inputs.values())))):
            try:
                found = self.session.run(names, {name: arrays[number] for name, arrays in inputs.items()})
            except Exception as error:  # ONNX Runtime's exceptions have no public base class
                raise ModelError(
                    f"{self.entry.name}: ONNX Runtime cannot run it ({' '.join(str(error).split())}); see whether it "
                    "runs the whole model, and export that again"
                ) from None
            for name, array in zip(names, found, strict=True):
                made[name].append(array)
        return made


@dataclass(frozen=True, eq=False)
class StoredPartition:
    """A model in parts.

    Attributes:
        folder: Where it is.
        manifest: What its parts are.
        parts: In the order in which they run.
    """

    folder: Path
    manifest: Manifest
    parts: tuple[UnitPart | HostPart, ...]

    @property
    def whole(self) -> Path:
        """The whole model, for ONNX Runtime."""
        return self.folder / WHOLE

    @property
    def unit_parts(self) -> list[UnitPart]:
        return [part for part in self.parts if isinstance(part, UnitPart)]

    def read_images(self, path: Path) -> Images:
        """Images [n, ...], exactly the model's input, from a .npy file.

        Raises:
            ModelError: If it cannot be read, holds no image, or has another type or shape.
        """
        images, entry = read_array(path, "images"), self.manifest.input
        sides = (entry.shape or ())[1:]
        if images.dtype.name != entry.type or images.shape[1:] != sides or images.ndim < 2 or not len(images):
            raise ModelError(
                f"{path}: holds {images.dtype} {images.shape}, but images must be {entry.type} "
                f"(n, {', '.join(map(str, sides))}) with n of at least 1; prepare them as for the model itself"
            )
        return images

    def run(
        self, images: Images, on_unit: Callable[[UnitPart, Images], Mapping[str, npt.NDArray[Any]]]
    ) -> dict[str, Arrays]:
        """The model's outputs by name.

        Args:
            images: [n, ...], the model's input.
            on_unit: Runs a part on images [n, C, H, W]: its network's outputs [n, C, H, W] by name.

        Raises:
            ModelError: If a part cannot run on what the parts before it make.
        """
        tensors: dict[str, Arrays] = {self.manifest.input.name: [np.asarray(image)[None] for image in images]}
        for part in self.parts:
            match part:
                case UnitPart():
                    images = part.images(tensors[part.entry.input.name])
                    tensors |= part.file_arrays(on_unit(part, images))
                case HostPart():
                    tensors |= part.run(tensors)
        return {entry.name: tensors[entry.name] for entry in self.manifest.outputs}


def is_partition(path: Path | str) -> bool:
    """Whether `path` looks like a folder that `tcugen import --partition` wrote."""
    return (Path(path) / MANIFEST).is_file()


def load_partition(folder: Path) -> StoredPartition:
    """Read what `tcugen import --partition` wrote.

    Raises:
        ModelError: If a file cannot be read or is not what the manifest says.
    """
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); {_SPLIT_AGAIN}") from None
    manifest = parse_manifest(text, str(path))
    if not (folder / WHOLE).is_file():
        raise ModelError(f"{folder / WHOLE}: is missing, but holds the model that {MANIFEST} is of; {_SPLIT_AGAIN}")
    parts = tuple(
        _unit_part(folder, entry) if isinstance(entry, UnitEntry) else _host_part(folder, entry)
        for entry in manifest.parts
    )
    return StoredPartition(folder, manifest, parts)


def unit_tensor(model: QuantizedNetwork, tensor: str) -> tuple[float | None, int | None]:
    """Scale and zero point of a tensor as a manifest has them."""
    quantization = model.tensors[tensor]
    return (None, None) if quantization is None else (float(quantization.scale), int(quantization.zero_point))


def _unit_part(folder: Path, entry: UnitEntry) -> UnitPart:
    path = folder / entry.name / MODEL
    model = load(path)
    network = model.network
    stated: Sequence[UnitTensor] = (entry.input, *entry.outputs)
    tensors = (network.inputs[0][0], *network.outputs)
    if tuple(tensor.tensor for tensor in stated) != tensors:
        raise ModelError(
            f"{path}: reads and makes {', '.join(tensors)}, but {MANIFEST} says "
            f"{', '.join(tensor.tensor for tensor in stated)}; {_SPLIT_AGAIN}"
        )
    for tensor in stated:
        found = unit_tensor(model, tensor.tensor)
        if found != (tensor.scale, tensor.zero_point):
            raise ModelError(
                f"{path}: {tensor.tensor!r} has scale and zero point {found}, but {MANIFEST} says "
                f"{(tensor.scale, tensor.zero_point)}; {_SPLIT_AGAIN}"
            )
    return UnitPart(entry, model)


def _host_part(folder: Path, entry: HostEntry) -> HostPart:
    path = folder / f"{entry.name}.onnx"
    try:
        session = open_session(path, optimise=True)
    except Exception as error:  # ONNX Runtime's exceptions have no public base class
        raise ModelError(
            f"{path}: ONNX Runtime cannot open it ({' '.join(str(error).split())}); {_SPLIT_AGAIN}"
        ) from None
    found = ({one.name for one in session.get_inputs()}, {one.name for one in session.get_outputs()})
    if found != ({one.name for one in entry.inputs}, {one.name for one in entry.outputs}):
        raise ModelError(f"{path}: reads and makes other tensors than {MANIFEST} says; {_SPLIT_AGAIN}")
    return HostPart(entry, session)
