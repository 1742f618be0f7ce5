"""Sound files of every kind that a command reads, how each is damaged, and what reads it."""

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import torch
from safetensors.torch import save as safetensors

from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.console.machine import MachineFlags, existing_architecture
from tcugen.evaluate.emulate import read_labels
from tcugen.fpga.parts import find_part
from tcugen.model.images import quantise_images, read_images
from tcugen.model.quantized import Quantization
from tcugen.model.store import load, save
from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.layer_config import parse_layer_config, read_layer_config, write_layer_config
from tcugen.network.operators import Add, Conv
from tcugen.onnx.importer.onnx_model import import_onnx
from tcugen.onnx.qdq import write_qdq
from tcugen.quantize.weights import read_weights
from tcugen.synthetic.integers import synthesise
from tcugen.tflite.importer import import_tflite
from tests.fuzz import mutations
from tests.small_networks import build_every_operator

MACHINE = Architecture(rows=4, columns=4, output_lanes=1, activation_kib=64, tables=1, multiply=1, per_channel=1)
COUNT, CLASSES, IMAGE = 3, 10, Shape(3, 6, 5)


@dataclass(frozen=True)
class Reader:
    """One kind of file.

    Attributes:
        name: What the file is called; some readers ask for the ending.
        mutate: A damaged copy of a sound file.
        read: Reads the file, and does with it what a command would.
    """

    name: str
    mutate: Callable[[bytes, Random], bytes]
    read: Callable[[Path], object]


def _images(path: Path) -> None:
    images = read_images(path, IMAGE)
    quantise_images(np.asarray(images[:COUNT]), Quantization(np.float32(0.1), 3))


def _layer_config(path: Path) -> None:
    compile_network(synthesise(read_layer_config(path), 1)[0], MACHINE)


def _onnx(path: Path) -> None:
    model = import_onnx(path).model
    assert parse_layer_config(write_layer_config(model.network)) == model.network
    compile_network(model, MACHINE)


def _tflite(path: Path) -> None:
    model = import_tflite(path).imported.model
    assert parse_layer_config(write_layer_config(model.network)) == model.network
    compile_network(model, MACHINE)


READERS: Mapping[str, Reader] = {
    "images": Reader("x.npy", mutations.mutate_bytes, _images),
    "labels": Reader("x.npy", mutations.mutate_bytes, lambda path: read_labels(path, COUNT, CLASSES).sum()),
    "saved model": Reader("x.npz", mutations.mutate_archive, lambda path: compile_network(load(path), MACHINE)),
    "layer config": Reader("x.json", mutations.mutate_json, _layer_config),
    "onnx": Reader("x.onnx", mutations.mutate_message, _onnx),
    "tflite": Reader("x.tflite", mutations.mutate_words, _tflite),
    "part": Reader("x.json", mutations.mutate_json, lambda path: find_part(str(path))),
    "machine": Reader(
        "architecture.json", mutations.mutate_json, lambda path: existing_architecture(path.parent, MachineFlags())
    ),
    "safetensors": Reader("x.safetensors", mutations.mutate_bytes, read_weights),
    "pickled weights": Reader("x.pth", mutations.mutate_bytes, read_weights),
}


@cache
def sound_files(kind: str) -> tuple[bytes, ...]:
    """Files that `READERS[kind]` takes."""
    match kind:
        case "images":
            return (
                _npy(np.ones((COUNT, IMAGE.channels, IMAGE.height, IMAGE.width), np.float32)),
                _npy(np.ones((1, IMAGE.channels, IMAGE.height, IMAGE.width), np.float32)),
            )
        case "labels":
            return _npy(np.arange(COUNT)), _npy(np.zeros(COUNT, np.uint8))
        case "saved model":
            return tuple(_written(save, synthesise(network, 1)[0]) for network in (_block(), build_every_operator()))
        case "layer config":
            return tuple(write_layer_config(network).encode() for network in (_block(), build_every_operator()))
        case "onnx":
            return (_written(write_qdq, synthesise(_block(), 1)[0]),)
        case "tflite":
            return tuple(file.content(output) for file, output in _small_tflite())
        case "part":
            part = find_part("xc7z020")
            return (part.model_dump_json().encode(),)
        case "machine":
            return (json.dumps(MACHINE.to_dict()).encode(),)
        case "safetensors":
            return (safetensors(_weights()),)
        case "pickled weights":
            stream = io.BytesIO()
            torch.save(_weights(), stream)
            return (stream.getvalue(),)
    raise ValueError(kind)


def _block():
    nodes = (
        Conv("a", ("image",), 8, (3, 3), (1, 1), (1, 1, 1, 1), activation="relu"),
        Conv("b", ("a",), 8, (1, 1)),
        Add("sum", ("b", "a"), activation="relu"),
    )
    return checked_network("block", (("image", IMAGE),), nodes)


def _small_tflite():
    """What becomes of every kind of operator: windows, sums, tables, other arrangements."""
    # It needs the packages of the extra [tflite], which other kinds of files do not.
    from tests.tflite.cases import CASES

    return [CASES[name]() for name in ("pad", "add", "logistic", "flatten", "split", "squeeze", "uint8 ends")]


def _weights() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _written(write: Callable[..., object], model: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(model, Path(folder) / "x")
        return (Path(folder) / "x").read_bytes()
