"""Programs of the compiler are certified, whatever they hold; none of another network is."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.certify.checker import certify
from tcugen.certify.errors import NotCertified
from tcugen.certify.files import decode_files
from tcugen.compiler import compile_network
from tcugen.isa import Opcode, Window
from tcugen.model.integers import AddIntegers
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.operators import Add, Conv, MaxPool
from tcugen.network.resnets import bundled_network
from tcugen.network.select import select
from tcugen.synthetic.integers import synthesise
from tcugen.synthetic.placeholder import placeholder
from tests.certify.programs import files_of
from tests.compiler.networks import NETWORKS, network
from tests.compiler.product_networks import PRODUCTS
from tests.compiler.table_networks import TABLES
from tests.compiler.unrounded_networks import UNROUNDED
from tests.small_networks import build_every_operator
from tests.typed import present, typed, weighted

EVERYTHING = dict(tables=1, multiply=1, per_channel=1, unrounded_add=1)
NETS = [*TABLES.values(), *PRODUCTS.values(), *UNROUNDED.values()]
ARRAYS = {
    "4x4": dict(rows=4, columns=4, output_lanes=1),
    "8x8": dict(rows=8, columns=8, output_lanes=2),
    "16x8_small_rings": dict(rows=16, columns=8, output_lanes=2, weight_tiles=16, parameter_groups=4),
    "4x32": dict(rows=4, columns=32, output_lanes=4),
    "32x4_shallow": dict(rows=32, columns=4, output_lanes=4, accumulator_depth=16, bus_bytes=4),
}


def certified(model: QuantizedNetwork, architecture: Architecture) -> dict[str, int]:
    program = compile_network(model, architecture)
    return certify(model, architecture, files_of(program, architecture)).counts


@pytest.mark.parametrize("array", ["8x8", "16x8_small_rings"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_operator_on_chip_and_in_stripes(name, array):
    model, _ = synthesise(NETWORKS[name], seed=3)
    certified(model, Architecture(activation_kib=48 if name == "wide" else 12, **ARRAYS[array]))


@pytest.mark.parametrize("array", ARRAYS)
def test_all_operators_in_one_network(array):
    model, _ = synthesise(build_every_operator(), seed=5)
    certified(model, Architecture(activation_kib=64, **ARRAYS[array], **EVERYTHING))


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.name)
def test_tables_products_and_unrounded_operands(net):
    model, _ = synthesise(net, seed=7)
    certified(model, Architecture(activation_kib=32, **ARRAYS["8x8"], **EVERYTHING))


@pytest.mark.parametrize("rows, kib, spills", [(4, 64, False), (8, 16, True)])
def test_resnet20(rows, kib, spills):
    model, _ = synthesise(bundled_network("resnet20"), seed=0, int32_output=spills)
    architecture = Architecture(rows=rows, columns=rows, activation_kib=kib, output_lanes=rows // 4)
    program = compile_network(model, architecture)
    assert spills == any(i["window"] == Window.SCRATCH for i in program.instructions if i.opcode == Opcode.STORE)
    counts = certify(model, architecture, files_of(program, architecture)).counts
    assert counts["output_elements"] == 10 and counts["products"] > model.network.mac_count
    assert counts["weight_bytes"] == program.weights.size


def test_a_bottleneck_of_resnet50():
    names = ("layer1.0.conv1", "layer1.0.conv2", "layer1.0.conv3", "layer1.0.downsample", "layer1.0.add")
    model = placeholder(select(bundled_network("resnet50"), names))
    certified(model, Architecture(rows=16, columns=16, activation_kib=256))


@pytest.mark.verify
def test_resnet50_takes_less_than_a_minute():
    model, architecture = placeholder(bundled_network("resnet50")), Architecture(weight_tiles=512)
    files = files_of(compile_network(model, architecture), architecture)
    started = time.process_time()
    certify(model, architecture, files)
    assert time.process_time() - started < 60


SMALL = network(
    "small", (3, 12, 12), Conv("a", ("image",), 12, (3, 3), padding=(1, 1, 1, 1), activation="relu"),
    MaxPool("p", ("a",), (2, 2), (2, 2)), Conv("b", ("p",), 12, (3, 3), padding=(1, 1, 1, 1)), Add("s", ("b", "p")),
)  # fmt: skip
"""What the models below are of."""


def other_models(model: QuantizedNetwork) -> dict[str, QuantizedNetwork]:
    """Models that differ from it in one thing."""
    nodes = {node.name: node for node in model.network.nodes}
    a, s = weighted(model, "a"), typed(AddIntegers, model.integers["s"])
    limits = s.clamp
    weight, bias, multiplier = a.weight.copy(), a.bias.copy(), present(a.multiplier).copy()
    weight[7, 2, 1, 1] ^= 1
    bias[11] += 1
    multiplier[0] = np.nextafter(multiplier[0], np.float32(1))
    point = replace(model.quantization("b"), zero_point=model.zero_point("b") ^ 1)
    nodes_of = model.network.nodes
    strided = (nodes_of[0], MaxPool("p", ("a",), (3, 3), (2, 2), (0, 0, 1, 1)), *nodes_of[2:])
    swapped = (*nodes_of[:3], replace(nodes["s"], inputs=("p", "b")))
    return {
        "weight": replace(model, integers=model.integers | {"a": replace(a, weight=weight)}),
        "bias": replace(model, integers=model.integers | {"a": replace(a, bias=bias)}),
        "multiplier": replace(model, integers=model.integers | {"a": replace(a, multiplier=multiplier)}),
        "clamp": replace(model, integers=model.integers | {"s": replace(s, clamp=(limits[0] + 1, limits[1]))}),
        "shift": replace(model, integers=model.integers | {"s": replace(s, shift=s.shift - 1)}),
        "zero point": replace(model, tensors=model.tensors | {"b": point}),
        "window": replace(model, network=replace(model.network, nodes=strided)),
        "operands": replace(model, network=replace(model.network, nodes=swapped)),
    }


MODEL = synthesise(SMALL, seed=1)[0]


@pytest.mark.parametrize("what", other_models(MODEL))
def test_a_program_of_another_model_is_refused(what):
    architecture = Architecture(rows=4, columns=4, activation_kib=8, output_lanes=2)
    files = files_of(compile_network(MODEL, architecture), architecture)
    certify(MODEL, architecture, files)
    with pytest.raises(NotCertified):
        certify(other_models(MODEL)[what], architecture, files)


@pytest.mark.parametrize("key, value, message", [
    ("outputs", [], "outputs are []"),
    ("observations", [], "observations are not those of the DRAIN"),
    ("input_bytes", 5, "does not fit its window of 5 bytes"),
    ("layers", [{"nodes": [], "tensor": "p"}] * 9, "which is not what layer 0 makes"),
])  # fmt: skip
def test_the_agreement_with_the_host_is_checked(key, value, message):
    architecture = Architecture(rows=4, columns=4, activation_kib=8, output_lanes=2)
    files = files_of(compile_network(MODEL, architecture), architecture)
    manifest = json.dumps(json.loads(files.manifest) | {key: value}).encode()
    with pytest.raises(NotCertified, match=message.replace("[", r"\[")):
        certify(MODEL, architecture, decode_files(files.code, files.weights.tobytes(), manifest, architecture))
