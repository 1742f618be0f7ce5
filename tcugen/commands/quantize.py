"""`tcugen quantize`: a float network of PyTorch or ONNX as int8 files for every other command."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import GENERATOR, QUANTIZE_MARKER, check_replaceable, replacing
from tcugen.console.packages import require
from tcugen.evaluate.emulate import read_labels
from tcugen.model.array_files import read_array
from tcugen.model.errors import ModelError
from tcugen.network.graph import Shape
from tcugen.network.layer_config import write_layer_config
from tcugen.report.quantize_report import QuantizeFigures, TestFigures, test_line, trials_table, worst_tensors

if TYPE_CHECKING:
    from tcugen.quantize.aten_graph import AtenGraph
    from tcugen.quantize.choose import Choice
    from tcugen.quantize.error import Fidelity
    from tcugen.quantize.float_network import FloatNetwork

OUTPUTS = ("int32", "int8")
AUTOMATIC = "auto"


@dataclass(frozen=True)
class QuantizeOptions:
    """What to quantize.

    Attributes:
        network: Bundled ResNet; None with `module` and `onnx`.
        module: "FILE.py:FACTORY", a function without arguments that returns an nn.Module.
        weights: .safetensors or .pth; None leaves the module as its factory made it.
        images: .npy file of float32 [n, C, H, W], or as the ONNX file has them, to calibrate on.
        method: How ranges are chosen; "auto" tries all.
        output_type: "int8", "int32" or "auto": int32 where the last layer can store its sums.
        test_images, labels: Images and their classes for top-1; labels alone belong to `images`.
        onnx: A float ONNX file.
    """

    network: str | None
    module: str | None
    weights: Path | None
    images: Path
    method: str = AUTOMATIC
    output_type: str = AUTOMATIC
    test_images: Path | None = None
    labels: Path | None = None
    onnx: Path | None = None

    @property
    def inputs(self) -> tuple[str | Path | None, ...]:
        """All files that are read."""
        file = None if self.module is None else self.module.rpartition(":")[0]
        return file, self.weights, self.images, self.test_images, self.labels, self.onnx


def quantize(options: QuantizeOptions, output: Path | None, console: Console) -> Path:
    """Calibrate and quantize into the folder `output` (default: the network's name) and return that folder.

    It then holds `layer-config.json`, `model.npz` (integers, for every command's `--model`), `reference.onnx` (what
    the hardware computes, for ONNX Runtime), `qdq.onnx` (for other tools) and `quantize.json` (figures), its marker.

    Raises:
        ModelError, NetworkError, QuantizationError, UsageError: Bad input; nothing is written then.
    """
    require("quantizing", "torch", "onnx")
    from tcugen.model.images import read_images
    from tcugen.quantize.choose import choose
    from tcugen.quantize.error import measure
    from tcugen.quantize.integers import stores_sums

    _check(options)

    def step(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    model, folder = _read(options, output, step)
    shape, form = model.network.inputs[0][1], model.form
    images = read_images(options.images, shape, form)
    name = model.network.name
    for note in model.notes:
        step(f"{name}: {note}")
    judged = images if options.test_images is None else read_images(options.test_images, shape, form)
    classes = model.network.shapes[model.network.nodes[-1].name].channels
    labels = None if options.labels is None else read_labels(options.labels, len(judged), classes)
    int32_output = options.output_type == "int32" or (options.output_type == AUTOMATIC and stores_sums(model))
    choice = choose(model, images, _methods(options.method), int32_output, step)
    figures = _figures(options, model, choice, len(images))
    console.print(trials_table(figures))
    step(worst_tensors(figures))
    if labels is not None:
        fidelity = choice.best.fidelity
        if options.test_images is not None:
            step(f"testing on {len(judged)} images")
            fidelity = measure(model, choice.best.model, judged)
        figures["test"] = _test_figures(fidelity, labels)
        step(test_line(figures["test"]))
    _write(folder, choice, figures)
    console.print(
        f"{name}: {len(model.network.nodes)} nodes, {model.network.mac_count:,} MACs; written to {folder}",
        highlight=False,
        markup=False,
    )
    return folder


def _check(options: QuantizeOptions) -> None:
    from tcugen.quantize.ranges import METHODS

    given = [source for source in (options.network, options.module, options.onnx) if source is not None]
    if len(given) != 1:
        found = f"{len(given)} are" if given else "none is"
        raise UsageError(
            f"either --network or --module or --onnx must say what to quantize, but {found} given; give one of them"
        )
    if options.onnx is not None and options.weights is not None:
        raise UsageError("--onnx brings its own weights, but --weights is given as well; leave it out")
    if options.network is not None and options.weights is None:
        raise UsageError("--network needs its trained weights, but --weights is missing; give a .safetensors or .pth")
    if options.method not in (AUTOMATIC, *METHODS):
        allowed = ", ".join((AUTOMATIC, *METHODS))
        raise UsageError(f"--method is {options.method!r}, but it must be one of {allowed}; leave it out to try all")
    if options.output_type not in (AUTOMATIC, *OUTPUTS):
        raise UsageError(f"--output-type is {options.output_type!r}, but it must be auto, {' or '.join(OUTPUTS)}")
    if options.test_images is not None and options.labels is None:
        raise UsageError("--test-images needs the right classes, but --labels is missing; give a .npy file of labels")


def _methods(method: str) -> tuple[str, ...]:
    from tcugen.quantize.ranges import METHODS

    return tuple(METHODS) if method == AUTOMATIC else (method,)


def _image_sides(path: Path) -> tuple[int, ...]:
    """Dimensions of one image of a file; none if it is no file of images: reading it says what is wrong."""
    try:
        return read_array(path, "images").shape[1:]
    except ModelError:
        return ()


def _image_shape(path: Path) -> Shape:
    """Shape of one image of a file, or anything if it is no file of images."""
    sides = _image_sides(path)
    return Shape(*(sides if len(sides) == 3 else (3, 224, 224)))


def _read(options: QuantizeOptions, output: Path | None, step: Callable[[str], None]) -> tuple["FloatNetwork", Path]:
    """The float network, and the folder that can be written."""
    from tcugen.quantize.export import import_graph

    if options.onnx is not None:
        require("quantizing an ONNX file", "onnxruntime")
        from tcugen.network.names import valid_name
        from tcugen.quantize.from_onnx.operators import OPERATORS
        from tcugen.quantize.from_onnx.reader import read_onnx

        folder = output or Path(valid_name(options.onnx.stem))
        check_replaceable(folder, options.inputs)
        source = read_onnx(options.onnx, OPERATORS, _image_sides(options.images))
        step(f"{source.name}: reading {options.onnx} for images of {source.shape}")
    else:
        source, folder = _exported(options, output, step)
    return import_graph(source), folder


def _exported(options: QuantizeOptions, output: Path | None, step: Callable[[str], None]) -> tuple["AtenGraph", Path]:
    """The module with its weights, and the folder that can be written."""
    from tcugen.model.images import read_images
    from tcugen.quantize.factory import module_from_file
    from tcugen.quantize.module_reader import read_module
    from tcugen.quantize.resnet_torch import torch_resnet
    from tcugen.quantize.weights import load_weights, read_weights

    shape = _image_shape(options.images)
    read_images(options.images, shape)
    weights = None if options.weights is None else read_weights(options.weights)
    if options.module is not None:
        module, name = module_from_file(options.module)
    else:
        assert options.network is not None and weights is not None, "_check has seen both"
        name, head = options.network, weights.get("fc.weight")
        module = torch_resnet(name, shape.channels, len(head) if head is not None and head.ndim == 2 else None)
    if weights is not None and options.weights is not None:
        load_weights(module, weights, options.weights)
    folder = output or Path(name)
    check_replaceable(folder, options.inputs)
    step(f"{name}: exporting for images of {shape}")
    return read_module(module, shape, name), folder


def _figures(options: QuantizeOptions, model: "FloatNetwork", choice: "Choice", images: int) -> QuantizeFigures:
    best, last = choice.best, model.network.nodes[-1].name
    return {
        "generator": GENERATOR,
        "format": 1,
        "network": model.network.name,
        "mac_count": model.network.mac_count,
        "inputs_sha256": {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (options.weights, options.onnx, options.images)
            if path is not None
        },
        "notes": list(model.notes),
        "output_type": "int32" if best.model.tensors[last] is None else "int8",
        "calibration_images": images,
        "method": best.method,
        "bias_corrected": best.bias_corrected,
        "trials": [
            {
                "method": trial.method,
                "bias_corrected": trial.bias_corrected,
                "output_decibels": _finite(trial.fidelity.output_decibels),
                "same_top1": trial.fidelity.agreeing,
            }
            for trial in choice.trials
        ],
        "tensors": [
            {
                "name": name,
                "scale": None if quantization is None else float(quantization.scale),
                "zero_point": None if quantization is None else quantization.zero_point,
                "decibels": _finite(best.fidelity.decibels[name]),
            }
            for name, quantization in best.model.tensors.items()
        ],
    }


def _finite(decibels: float) -> float | None:
    """None where nothing differs or there is no signal: JSON has no infinity."""
    return decibels if math.isfinite(decibels) else None


def _test_figures(fidelity: "Fidelity", labels: NDArray[np.integer]) -> TestFigures:
    return {
        "images": len(labels),
        "float_right": int((np.array(fidelity.float_classes) == labels).sum()) if fidelity.classes else None,
        "int8_right": int((np.array(fidelity.classes) == labels).sum()) if fidelity.classes else None,
        "same_top1": fidelity.agreeing,
        "output_decibels": _finite(fidelity.output_decibels),
    }


def _write(folder: Path, choice: "Choice", figures: QuantizeFigures) -> None:
    from tcugen.model.store import save
    from tcugen.onnx.qdq import write_qdq
    from tcugen.onnx.reference import write_reference

    model = choice.best.model
    with replacing(folder) as staging:
        (staging / "layer-config.json").write_text(write_layer_config(model.network))
        save(model, staging / "model.npz")
        write_reference(model, staging / "reference.onnx")
        write_qdq(model, staging / "qdq.onnx")
        (staging / QUANTIZE_MARKER).write_text(json.dumps(figures, indent=1) + "\n")
