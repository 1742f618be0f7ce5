"""A quantized network in one file: an `.npz` of its arrays with a JSON manifest among them."""

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tcugen.model.array_files import read_archive
from tcugen.model.entries import Arrays, arrays_of, integers_from, numbers_of
from tcugen.model.errors import ModelError
from tcugen.model.file_form import form_from
from tcugen.model.integers import NodeIntegers
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.model.validate import broken, validate
from tcugen.network.errors import NetworkError
from tcugen.network.layer_config import parse_layer_config, write_layer_config

FORMAT = 1
MANIFEST = "manifest"


def save(model: QuantizedNetwork, path: str | Path) -> None:
    """Write `model` to `path`, which appears whole or not at all; the same model gives the same bytes.

    Raises:
        NetworkError: For an extract with several inputs or outputs.
        ModelError: If the model breaks a rule of `validate`, or the file cannot be written.
    """
    validate(model)
    arrays: Arrays = {}
    nodes: list[dict[str, Any]] = []
    for index, node in enumerate(model.network.nodes):
        integers = model.integers_of(node)
        held = {key: (f"{index}.{key}", array) for key, array in arrays_of(integers).items()}
        arrays |= {file: np.asarray(array, order="C") for file, array in held.values()}
        names = {key: file for key, (file, _) in held.items()}
        nodes.append({"name": node.name, **numbers_of(integers), "arrays": names})
    manifest: dict[str, Any] = {
        "generator": "tcugen",
        "format": FORMAT,
        "layer_config": json.loads(write_layer_config(model.network)),
        "tensors": {name: _to_json(model.tensors[name]) for name in model.network.shapes},
        "nodes": nodes,
    }
    if model.forms:
        manifest["forms"] = {name: form.to_dict() for name, form in sorted(model.forms.items())}
    text = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    _write(Path(path), {MANIFEST: text} | arrays)


def is_stored(path: str | Path) -> bool:
    """Whether `path` looks like something that `save` wrote: a zip archive."""
    try:
        return zipfile.is_zipfile(path)
    except OSError:
        return False


def load(path: str | Path) -> QuantizedNetwork:
    """Read what `save` wrote.

    Raises:
        ModelError: If it cannot be read, is of another format or breaks a rule of `validate`; begins with the path.
    """
    try:
        arrays = read_archive(path)
    except OSError as error:
        reason = error.strerror or error
        raise ModelError(f"{path}: cannot be read ({reason}); give a model that tcugen saved") from None
    except ValueError as error:
        raise ModelError(f"{path}: is damaged or no saved model ({error}); save it again") from None
    try:
        manifest = json.loads(arrays[MANIFEST].tobytes())
        version = manifest["format"]
    except (KeyError, ValueError, TypeError):
        raise ModelError(f"{path}: holds no manifest of a saved model; save it again") from None
    if version != FORMAT:
        raise ModelError(f"{path}: has format {version!r}, but this version reads {FORMAT}; save it again")
    try:
        model = _from_manifest(manifest, arrays)
        validate(model)
    except (NetworkError, ModelError) as error:
        raise ModelError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(f"{path}: its manifest is damaged ({type(error).__name__}: {error}); save it again") from None
    return model


def _write(path: Path, arrays: Arrays) -> None:
    try:
        descriptor, staging = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        Path(staging).chmod(0o644)
        Path(staging).replace(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    finally:
        Path(staging).unlink(missing_ok=True)


def _to_json(quantization: Quantization | None) -> dict[str, Any] | None:
    # A float32 survives as the double that JSON writes.
    return quantization and {"scale": float(quantization.scale), "zero_point": int(quantization.zero_point)}


def _from_json(name: str, value: dict[str, Any] | None) -> Quantization | None:
    if value is None:
        return None
    point = value["zero_point"]
    if not isinstance(point, int):
        raise broken(f"tensor {name!r}", f"its zero point is {point!r}", "it must be an integer from -128 to 127")
    return Quantization(np.float32(value["scale"]), point)


def _from_manifest(manifest: dict[str, Any], arrays: Arrays) -> QuantizedNetwork:
    network = parse_layer_config(json.dumps(manifest["layer_config"]))
    tensors = {name: _from_json(name, value) for name, value in manifest["tensors"].items()}
    integers: dict[str, NodeIntegers] = {}
    for entry in manifest["nodes"]:
        name = entry["name"]
        numbers = {key: value for key, value in entry.items() if key not in ("name", "arrays")}
        held = {key: arrays[file] for key, file in entry["arrays"].items()}
        integers[name] = integers_from(network.by_name[name], numbers, held)
    forms = {name: form_from(value) for name, value in manifest.get("forms", {}).items()}
    return QuantizedNetwork(network, tensors, integers, forms)
