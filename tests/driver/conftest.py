"""The trained ResNet-20 built with its driver, and a small network with int8 outputs for the same machine."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tcugen.arch import Architecture
from tcugen.cli import app
from tcugen.compiler.compile import compile_network
from tcugen.driver.folder import write_driver, write_quantization
from tcugen.driver.quantization import quantization_of
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.store import load
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv, MaxPool
from tcugen.synthetic.integers import synthesise

EXAMPLE = Path(__file__).parents[2] / "examples" / "fashion_mnist"
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
MACHINE = ("--array", "8x8", "--activation-kib", "64")


@pytest.fixture(scope="session")
def trained() -> QuantizedNetwork:
    return load(EXAMPLE / "resnet20_int8.npz")


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """float32 [2, 1, 28, 28]."""
    return np.load(EXAMPLE / "images.npy")[:2]


@pytest.fixture(scope="session")
def trained_build(tmp_path_factory) -> Path:
    """Folder of a build of the trained network, with class names."""
    folder = tmp_path_factory.mktemp("driver")
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    model, names = str(EXAMPLE / "resnet20_int8.npz"), str(folder / "classes.txt")
    result = CliRunner().invoke(
        app, ["build", "--model", model, "--classes", names, *MACHINE, "-o", str(folder / "build")]
    )
    assert result.exit_code == 0, result.output
    return folder / "build"


@pytest.fixture(scope="session")
def small() -> QuantizedNetwork:
    """Two int8 outputs, five channels in, so that nothing is packed or square."""
    network = Network(
        name="small",
        inputs=(("image", Shape(5, 9, 7)),),
        nodes=(
            Conv("conv", ("image",), 10, (3, 3), (1, 1), (1, 1, 1, 1), activation="relu"),
            MaxPool("maxpool", ("conv",), kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1)),
            Conv("head", ("maxpool",), 6, (1, 1)),
        ),
        named_outputs=("head", "maxpool"),
    )
    return synthesise(network, seed=3)[0]


@pytest.fixture(scope="session")
def small_build(tmp_path_factory, trained_build, small) -> Path:
    """Program and driver of the small network for the machine of `trained_build`."""
    architecture = Architecture.from_dict(json.loads((trained_build / "architecture.json").read_text()))
    folder = tmp_path_factory.mktemp("small")
    program, quantization = compile_network(small, architecture), quantization_of(small)
    for name in ("program", "driver"):
        (folder / name).mkdir()
    program.write(folder / "program")
    write_quantization(folder / "program", quantization)
    write_driver(folder / "driver", program, quantization)
    return folder


@pytest.fixture(scope="session")
def cache_dir(pytestconfig) -> Path:
    """One cache for all tests, kept from run to run: a simulator is compiled again only when its inputs change."""
    return pytestconfig.cache.mkdir("tcugen-simulators")
