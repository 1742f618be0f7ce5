"""Writes everything that an outside checker needs to recompute a run: tensors, integers, geometry, cycles."""

import json
import re
from pathlib import Path
from typing import Any, assert_never

import numpy as np

from tcugen.model.integers import WeightedIntegers, clamp_of
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import (
    Add,
    AveragePool,
    ChannelShuffle,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Multiply,
    Requantise,
    Resize,
    Slice,
    Table,
    Weighted,
    Windowed,
    as_convolution,
    keeps_quantization,
)
from tcugen.network.windows import divisors
from tcugen.onnx.reference import write_reference
from tcugen.program import Program
from tcugen.verify.compare import NodeResult, Verification
from tcugen.verify.reference import reference_available

FORMAT = 1
REFERENCE = "reference.onnx"


def write_dump(
    directory: Path, model: QuantizedNetwork, program: Program, inputs: dict[str, np.ndarray], outcome: Verification
) -> None:
    """Write `dump.json` and its NumPy files; the directory is created if need be.

    Output tensors are those observed on the RTL, whether or not they equal golden's. `dump.json` is written last, so
    that an interrupted dump is not taken for a whole one. Where the packages onnx and onnxruntime are installed,
    `reference.onnx` beside it has every tensor as an output.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "dump.json").unlink(missing_ok=True)
    (directory / REFERENCE).unlink(missing_ok=True)
    if reference_available():
        write_reference(model, directory / REFERENCE, every_tensor=True)
    files = _Files(directory)
    sources = {name: files.save(f"input.{name}", tensor) for name, tensor in inputs.items()}
    tensors: dict[str, Any] = dict(sources)
    for result in outcome.nodes:
        name = result.node.name
        tensors[name] = {"node": name} if result.fused else files.save(f"{name}.output", outcome.rtl[name])
    manifest = {
        "format": FORMAT,
        "network": model.network.name,
        "mac_count": model.network.mac_count,
        "architecture": program.architecture.to_dict(),
        "cycles": sum(outcome.cycles),
        "cycles_per_image": list(outcome.cycles),
        "inputs": sources,
        "outputs": list(model.network.outputs),
        "nodes": [_entry(files, model, result, tensors) for result in outcome.nodes],
    }
    staging = directory / ".dump.json"
    staging.write_text(json.dumps(manifest, indent=1) + "\n")
    staging.replace(directory / "dump.json")


class _Files:
    """NumPy files in one directory, named after what they hold as far as file names allow."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.names: set[str] = set()

    def save(self, name: str, array: np.ndarray) -> str:
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", name)
        # Names that differ only in replaced characters or in case stay apart on every file system.
        while stem.lower() in self.names:
            stem += "_"
        self.names.add(stem.lower())
        file = f"{stem}.npy"
        np.save(self.directory / file, np.ascontiguousarray(array))
        return file


def _entry(files: _Files, model: QuantizedNetwork, result: NodeResult, tensors: dict[str, Any]) -> dict[str, Any]:
    node = result.node
    output = model.tensors[node.name]
    entry: dict[str, Any] = {
        "name": node.name,
        "op": node.op,
        "cycles": result.cycles,
        "inputs": [tensors[name] for name in node.inputs],
        "input_zero_points": list(model.input_zero_points(node.name)),
    }
    match node:
        case Conv():
            numbers = model.integers_of(node)
            entry |= _window(node) | {"groups": node.groups} | _weighted(files, node, numbers, numbers.weight)
            entry |= _dilation(node)
        case Linear():
            numbers, whole = model.integers_of(node), as_convolution(node)
            matrix = numbers.weight.reshape(len(numbers.weight), -1)
            entry |= _window(whole) | {"groups": whole.groups} | _weighted(files, node, numbers, matrix)
        case Add():
            add = model.integers_of(node)
            entry |= {"multiplier": list(add.multipliers), "shift": add.shift}
            if node.unrounded is not None:
                entry["unrounded"] = node.unrounded
        case MaxPool():
            entry |= _window(node) | _dilation(node)
        case AveragePool():
            counts = divisors(node, model.network.shapes[node.inputs[0]])
            factors = (float(factor) for factor in model.integers_of(node).multipliers)
            entry |= _window(node) | {"count_include_pad": node.count_include_pad}
            entry["multipliers"] = {str(count): factor for count, factor in zip(counts, factors, strict=True)}
        case GlobalAveragePool() | Requantise() | Multiply():
            entry["multiplier"] = float(model.integers_of(node).multiplier)
        case Table():
            entry["table"] = files.save(f"{node.name}.table", model.integers_of(node).entries)
        case Concat():
            entry["multipliers"] = [float(multiplier) for multiplier in model.integers_of(node).multipliers]
        case Resize():
            entry["factor"] = list(node.factor)
        case DepthToSpace():
            entry |= {"block": node.block, "mode": node.mode}
        case ChannelShuffle():
            entry["groups"] = node.groups
        case Slice():
            entry["channels"] = list(node.channels)
        case _:
            assert_never(node)
    if not keeps_quantization(node):
        clamp = clamp_of(model.integers_of(node))
        entry["output_zero_point"] = None if output is None or clamp is None else output.zero_point
        entry["clamp"] = None if clamp is None else list(clamp)
    if not result.fused:
        entry["output"] = tensors[node.name]
    return entry


def _window(node: Windowed) -> dict[str, Any]:
    return {"kernel": list(node.kernel), "stride": list(node.stride), "padding": list(node.padding)}


def _dilation(node: Conv | MaxPool) -> dict[str, Any]:
    return {"dilation": list(node.dilation)} if node.dilation != (1, 1) else {}


def _weighted(files: _Files, node: Weighted, integers: WeightedIntegers, weight: np.ndarray) -> dict[str, Any]:
    multiplier = integers.multiplier
    return {
        "weight": files.save(f"{node.name}.weight", weight),
        "bias": files.save(f"{node.name}.bias", integers.bias),
        "multiplier": None if multiplier is None else files.save(f"{node.name}.multiplier", multiplier),
    }
