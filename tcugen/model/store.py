"""A quantized network in one file: an `.npz` of its arrays with a JSON manifest among them."""

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tcugen.model.errors import ModelError
from tcugen.model.quantized import NodeIntegers, Quantization, QuantizedNetwork
from tcugen.model.validate import validate
from tcugen.network.graph import NetworkError
from tcugen.network.layer_config import parse_layer_config, write_layer_config

FORMAT = 1
MANIFEST = "manifest"
_ARRAYS = ("weight", "bias", "multiplier", "weight_scale")
_NUMBERS = ("add_multipliers", "add_shift", "clamp")


def save(model: QuantizedNetwork, path: str | Path) -> None:
    """Write `model` to `path`, which appears whole or not at all; the same model gives the same bytes.

    Raises:
        NetworkError: For an extract with several inputs or outputs.
        ModelError: If the model breaks a rule of `validate`, or the file cannot be written.
    """
    validate(model)
    arrays, nodes = {}, []
    for index, node in enumerate(model.network.nodes):
        integers = model.integers[node.name]
        entry: dict[str, Any] = {"name": node.name}
        entry |= {key: getattr(integers, key) for key in _NUMBERS if getattr(integers, key) is not None}
        entry["arrays"] = {}
        for key in _ARRAYS:
            if getattr(integers, key) is not None:
                entry["arrays"][key] = f"{index}.{key}"
                arrays[f"{index}.{key}"] = np.asarray(getattr(integers, key), order="C")
        nodes.append(entry)
    manifest = {
        "generator": "tcugen",
        "format": FORMAT,
        "layer_config": json.loads(write_layer_config(model.network)),
        "tensors": {name: _to_json(model.tensors[name]) for name in model.network.shapes},
        "nodes": nodes,
    }
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
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except OSError as error:
        reason = error.strerror or error
        raise ModelError(f"{path}: cannot be read ({reason}); give a model that tcugen saved") from None
    # zipfile raises the last for a compression or an encryption that a damaged header seems to ask for.
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile, NotImplementedError) as error:
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


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    try:
        descriptor, staging = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, **arrays)
        os.chmod(staging, 0o644)
        os.replace(staging, path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    finally:
        Path(staging).unlink(missing_ok=True)


def _to_json(quantization: Quantization | None) -> dict[str, Any] | None:
    # A float32 survives as the double that JSON writes.
    return quantization and {"scale": float(quantization.scale), "zero_point": int(quantization.zero_point)}


def _from_manifest(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> QuantizedNetwork:
    network = parse_layer_config(json.dumps(manifest["layer_config"]))
    tensors = {
        name: None if value is None else Quantization(np.float32(value["scale"]), value["zero_point"])
        for name, value in manifest["tensors"].items()
    }
    integers = {}
    for entry in manifest["nodes"]:
        numbers = {key: entry[key] for key in _NUMBERS if key in entry}
        numbers = {key: tuple(value) if isinstance(value, list) else value for key, value in numbers.items()}
        held = {key: arrays[entry["arrays"][key]] for key in _ARRAYS if key in entry["arrays"]}
        integers[entry["name"]] = NodeIntegers(**held, **numbers)
    return QuantizedNetwork(network, tensors, integers)
