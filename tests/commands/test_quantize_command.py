"""`tcugen quantize`: what it writes, what it says, and what it says of bad input."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tcugen import golden
from tcugen.model.images import quantise_images
from tcugen.model.store import load
from tcugen.network.layer_config import read_layer_config
from tcugen.onnx.reference import run_reference
from tcugen.quantize.resnet_torch import torch_resnet
from tests.onnx.importer.graphs import Graph
from tests.quantize.modules import trained

pytest.importorskip("onnxruntime")

NETWORK = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
        )

class Bad(nn.Sequential):
    def __init__(self):
        mirrors = nn.ReflectionPad2d(1), nn.ReflectionPad2d(2)
        super().__init__(nn.Conv2d(1, 4, 3), mirrors[0], nn.Softmax(1), mirrors[1])

def number():
    return 1
"""
ONNX = ("quantize", "--onnx", "net.onnx", "--images", "last.npy")
NET = ("quantize", "--module", "net.py:Net", "--images", "x.npy")
RESNET = ("quantize", "--network", "resnet20", "--images", "x.npy")


def write_onnx(path):
    """A float network whose images have channels last."""
    graph = Graph(shape=(12, 12, 1))
    weights = [graph.constant(graph.rng.normal(0, 0.5, shape), np.float32) for shape in ((4, 1, 3, 3), (4, 4))]
    x = graph.node("Conv", graph.node("Transpose", "image", perm=[0, 3, 1, 2]), weights[0])
    x = graph.node("Flatten", graph.node("GlobalAveragePool", graph.node("Relu", x)))
    graph.save(path, graph.node("MatMul", x, weights[1]))


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """The files that the tests speak of."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "net.py").write_text(NETWORK)
    rng = np.random.default_rng(0)
    batch = rng.normal(0, 1, (4, 1, 12, 12)).astype(np.float32)
    np.save(folder / "x.npy", batch)
    np.save(folder / "y.npy", np.array([0, 1, 2, 3]))
    np.save(folder / "far.npy", np.array([0, 1, 2, 4]))
    np.save(folder / "double.npy", batch.astype(np.float64))
    np.save(folder / "last.npy", batch.transpose(0, 2, 3, 1))
    np.save(folder / "two.npy", np.repeat(batch, 2, axis=1))
    np.save(folder / "flat.npy", batch[:, 0])
    np.save(folder / "none.npy", batch[:0])
    batch[1, 0, 3, 3] = np.nan
    np.save(folder / "nan.npy", batch)
    write_onnx(folder / "net.onnx")
    (folder / "text.npy").write_text("hello\n")
    module = trained(torch_resnet("resnet20", image_channels=1))
    state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    save_file(state, folder / "w.safetensors")
    torch.save({"state_dict": state}, folder / "w.pth")
    torch.save({"fc.weight": state["fc.weight"]}, folder / "part.pth")
    torch.save(state | {"layer1.0.conv1.weight": torch.full((16, 16, 3, 3), torch.nan)}, folder / "damaged.pth")
    torch.save(state | {"fc.weight": torch.tensor(3.0)}, folder / "odd.pth")
    (folder / "foreign").mkdir()
    (folder / "foreign" / "mine").write_text("mine\n")
    return folder


@pytest.fixture
def place(tcugen, tmp_path, material):
    """A copy of the material to work in."""
    shutil.copytree(material, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_resnet_becomes_files_for_everybody(tcugen, place):
    result = tcugen(*RESNET, "--weights", "w.safetensors", "--labels", "y.npy", "-o", "out")
    assert result.exit_code == 0, result.output
    assert {path.name for path in (place / "out").iterdir()} == {
        "layer-config.json",
        "model.npz",
        "reference.onnx",
        "qdq.onnx",
        "quantize.json",
    }
    model = load(place / "out" / "model.npz")
    assert model.network == read_layer_config(place / "out" / "layer-config.json")
    inputs = {"image": quantise_images(np.load(place / "x.npy"), model.quantization("image"))}
    reference = run_reference(place / "out" / "reference.onnx", inputs)
    assert np.array_equal(reference["fc"], golden.run(model, inputs)["fc"])

    figures = json.loads((place / "out" / "quantize.json").read_text())
    assert figures["network"] == "resnet20" and figures["output_type"] == "int32"
    assert figures["mac_count"] == model.network.mac_count
    assert len(figures["trials"]) == 5 and sum(t["bias_corrected"] for t in figures["trials"]) == 1
    assert [tensor["name"] for tensor in figures["tensors"]] == list(model.network.shapes)
    assert all(tensor["decibels"] is None or tensor["decibels"] > 5 for tensor in figures["tensors"])
    assert figures["test"]["images"] == 4 and 0 <= figures["test"]["int8_right"] <= 4
    assert set(figures["inputs_sha256"]) == {"w.safetensors", "x.npy"}
    for text in ("least squares", "min-max", "signal to noise", "furthest from float", "top-1 of 4 images"):
        assert text in result.output


def test_the_same_input_gives_the_same_bytes_and_replaces_an_earlier_output(tcugen, place):
    for _ in range(2):
        assert tcugen(*NET, "--method", "min-max", "-o", "out").exit_code == 0
        shutil.copytree("out", "before", dirs_exist_ok=True)
    # Weights of a module without a file are random, so the second run has others.
    assert tcugen(*RESNET, "--weights", "w.pth", "--method", "min-max", "-o", "out").exit_code == 0
    first = {path.name: path.read_bytes() for path in (place / "out").iterdir()}
    assert tcugen(*RESNET, "--weights", "w.pth", "--method", "min-max", "-o", "out").exit_code == 0
    assert {path.name: path.read_bytes() for path in (place / "out").iterdir()} == first


def test_a_module_of_the_users(tcugen, place):
    arguments = ("--output-type", "int8", "--test-images", "x.npy", "--labels", "y.npy")
    result = tcugen(*NET, *arguments)
    assert result.exit_code == 0, result.output
    model = load(place / "net" / "model.npz")
    assert [node.name for node in model.network.nodes] == ["0", "3", "5"]
    assert model.scale("5") > 0
    assert "testing on 4 images" in result.output


def test_a_float_onnx_file(tcugen, place):
    result = tcugen(*ONNX, "--labels", "y.npy", "-o", "out")
    assert result.exit_code == 0, result.output
    model = load(place / "out" / "model.npz")
    assert [node.op for node in model.network.nodes] == ["conv", "global_average_pool", "linear"]
    assert "top-1 of 4 images: float " in result.output
    # The images stay as the file has them.
    result = tcugen("evaluate", "--model", "out/model.npz", "--images", "last.npy", "--array", "4x4")
    assert result.exit_code == 0, result.output


BAD = {
    "nothing to quantize": (
        ("quantize", "--images", "x.npy"),
        "either --network or --module or --onnx .*none is given",
    ),
    "weights for a file": ((*ONNX, "--weights", "w.pth"), "--onnx brings its own weights"),
    "images as the module has them": ((*ONNX[:-1], "two.npy"), r"two.npy: holds .* must be float32 \(n, 12, 12, 1\)"),
    "no such file": (("quantize", "--onnx", "no.onnx", "--images", "x.npy"), "no.onnx: cannot be read"),
    "both": ((*NET, "--network", "resnet20"), "either --network or --module or --onnx .*2 are given"),
    "no weights": (RESNET, "--network needs its trained weights"),
    "unknown network": (("quantize", "--network", "resnet21", "--images", "x.npy", "--weights", "w.pth"), "resnet20"),
    "unknown method": ((*NET, "--method", "best"), "--method is 'best', .*least squares"),
    "unknown type": ((*NET, "--output-type", "int16"), "--output-type is 'int16', .*auto, int32 or int8"),
    "test images without labels": ((*NET, "--test-images", "x.npy"), "--test-images needs the right classes"),
    "missing images": ((*NET[:-1], "nowhere.npy"), "nowhere.npy: cannot be read"),
    "images that are text": ((*NET[:-1], "text.npy"), "text.npy: is damaged or no .npy file"),
    "images of doubles": ((*NET[:-1], "double.npy"), "double.npy: holds float64"),
    "images without channels": ((*NET[:-1], "flat.npy"), "flat.npy: holds float32 .*4, 12, 12"),
    "no images": ((*NET[:-1], "none.npy"), "none.npy: holds .*n of at least 1"),
    "images with NaN": ((*NET[:-1], "nan.npy"), "tensor 'image': holds nan"),
    "channels last": ((*NET[:-1], "last.npy"), "cannot export it for images of 12x12x1"),
    "images of other channels": ((*RESNET[:-1], "two.npy", "--weights", "w.pth"), r"conv1.weight is \[16, 1, 3, 3\]"),
    "labels of other classes": ((*NET, "--labels", "far.npy"), "far.npy: holds label 4"),
    "labels for other images": ((*NET, "--labels", "x.npy"), "x.npy: holds float32"),
    "no such module": (("quantize", "--module", "no.py:f", "--images", "x.npy"), "there is no file no.py"),
    "no module": (("quantize", "--module", "net.py:number", "--images", "x.npy"), "returns a int"),
    "missing weights": ((*RESNET, "--weights", "nowhere.pth"), "nowhere.pth: no such file"),
    "weights of a part": ((*RESNET, "--weights", "part.pth"), "part.pth: lacks bn1.bias, bn1.running_mean.* more"),
    "weights with NaN": ((*RESNET, "--weights", "damaged.pth"), "layer1.0.conv1.weight hold NaN"),
    "weights of odd shape": ((*RESNET, "--weights", "odd.pth"), r"fc.weight is \[\] instead of"),
    "weights for another module": ((*NET, "--weights", "w.pth"), "w.pth: lacks 0.bias"),
    "output over foreign files": ((*NET, "-o", "foreign"), "foreign holds files that tcugen did not write"),
}


def tree(folder):
    paths = [path for path in folder.rglob("*") if "__pycache__" not in path.parts]
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_bad_input_is_one_clear_line(tcugen, place, arguments, message):
    before = tree(place)
    result = tcugen(*arguments)
    assert result.exit_code == 2
    assert re.fullmatch(f"error: .*{message}.*\n", result.stderr), result.stderr
    assert "Traceback" not in result.output
    assert tree(place) == before, "something was left behind"


def test_everything_that_cannot_run_is_listed(tcugen, place):
    result = tcugen("quantize", "--module", "net.py:Bad", "--images", "x.npy")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert lines[0] == "error: net: 3 nodes cannot run on the hardware:"
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "3"]
    assert "mode = reflect; pad with zeros" in lines[1] and "softmax.int; end the model" in lines[2]
    assert not (place / "net").exists()
