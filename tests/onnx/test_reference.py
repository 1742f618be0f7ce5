"""Every rule against ONNX Runtime: networks of one node, then whole networks, tensor by tensor."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim import corners
from tcugen import golden
from tcugen.model import multipliers
from tcugen.model.errors import QuantizationError
from tcugen.model.integers import AddIntegers, AverageIntegers, ConcatIntegers, RequantiseIntegers, WeightedIntegers
from tcugen.model.quantized import Quantization, QuantizedNetwork
from tcugen.network.activation import Activation, limits_of
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Add, Concat, Conv, GlobalAveragePool, Linear, MaxPool, Requantise
from tcugen.onnx.reference import run_reference, write_reference
from tcugen.synthetic import integers as synthetic

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def assert_equal(
    model: QuantizedNetwork, inputs: dict[str, np.ndarray], path: Path, optimise: bool = False
) -> dict[str, np.ndarray]:
    """Every tensor of the golden model equals ONNX Runtime's, in value, type and shape; returns them."""
    write_reference(model, path / "reference.onnx", every_tensor=True)
    want = run_reference(path / "reference.onnx", inputs, optimise)
    got = golden.run(model, inputs)
    assert list(got) == list(want)
    for name, tensor in got.items():
        assert tensor.dtype == want[name].dtype and tensor.shape == want[name].shape, name
        assert np.array_equal(tensor, want[name]), f"{name}: {(tensor != want[name]).sum()} of {tensor.size} differ"
    return got


CONVOLUTIONS = {
    "1x1": (Shape(64, 9, 7), Conv("conv", ("image",), 32, (1, 1))),
    "1x1 stride 2": (Shape(20, 9, 7), Conv("conv", ("image",), 33, (1, 1), (2, 2))),
    "3x3 relu": (
        Shape(40, 9, 11),
        Conv("conv", ("image",), 24, (3, 3), (1, 1), (1, 1, 1, 1), activation="relu"),
    ),
    "3x3 stride 2": (Shape(16, 14, 14), Conv("conv", ("image",), 17, (3, 3), (2, 2), (1, 1, 1, 1))),
    "3x3, 4608 products": (Shape(512, 7, 7), Conv("conv", ("image",), 16, (3, 3), (1, 1), (1, 1, 1, 1))),
    "7x7 stem": (
        Shape(3, 32, 30),
        Conv("conv", ("image",), 16, (7, 7), (2, 2), (3, 3, 3, 3), activation="relu"),
    ),
    "asymmetric padding": (Shape(6, 9, 8), Conv("conv", ("image",), 8, (3, 2), (1, 2), (2, 0, 1, 1))),
    "groups": (Shape(32, 8, 8), Conv("conv", ("image",), 64, (3, 3), (1, 1), (1, 1, 1, 1), groups=8)),
    "depthwise": (Shape(24, 8, 8), Conv("conv", ("image",), 24, (3, 3), (1, 1), (1, 1, 1, 1), groups=24)),
    "linear": (Shape(100, 1, 1), Linear("fc", ("image",), 50)),
    "linear relu": (Shape(2048, 1, 1), Linear("fc", ("image",), 10, activation="relu")),
}


@pytest.mark.parametrize("int32_output", [False, True])
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolution(case: str, int32_output: bool, tmp_path: Path) -> None:
    shape, node = CONVOLUTIONS[case]
    network = Network("one", (("image", shape),), (node,))
    for seed in range(4):
        model, inputs = synthetic.synthesise(network, seed, images=2, int32_output=int32_output)
        tensor = assert_equal(model, inputs, tmp_path)[node.name]
        assert tensor.dtype == (np.int32 if int32_output else np.int8)


@pytest.mark.parametrize("z_x, z_y", [(-128, -128), (127, 127), (0, 0), (-128, 127), (31, -7)])
@pytest.mark.parametrize("weights", corners.KINDS)
@pytest.mark.parametrize("pixels", corners.KINDS)
def test_convolution_at_the_ends_of_int8(pixels: str, weights: str, z_x: int, z_y: int, tmp_path: Path) -> None:
    shape = Shape(512, 4, 4)
    weight = corners.corner_weights(6, 512, (3, 3), weights)
    bias = np.array([0, 1, -1, 2**27, -(2**27), 12345], np.int32)
    # From multipliers that saturate everything to one that keeps the largest sum inside int8.
    multiplier = np.array([255.9, 1.0, 1e-3, 2.0**-22, 2.0**-21, 2.0**-40], np.float32)
    model = corners.single_convolution(shape, weight, bias, multiplier, z_x, z_y, padding=(1, 1, 1, 1))
    assert_equal(model, {"image": corners.corner_inputs(shape, pixels)}, tmp_path)


@pytest.mark.parametrize("shift", [1, 2, 3])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3)])
def test_convolution_with_ties(kernel: tuple[int, int], shift: int, tmp_path: Path) -> None:
    model, image = corners.tied_convolution(Shape(8, 12, 12), 16, kernel, seed=shift, shift=shift)
    assert_equal(model, {"image": image}, tmp_path)


def test_convolution_next_to_ties(tmp_path: Path) -> None:
    shape = Shape(4, 2, 2)
    for seed in range(4):
        model = corners.nearly_tied_convolution(shape, 2000, seed)
        assert_equal(model, {"image": corners.corner_inputs(shape, "alternating")}, tmp_path)


def test_convolution_of_arbitrary_scales(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    shape, node = Shape(256, 6, 6), Conv("conv", ("image",), 64, (1, 1))
    network = Network("one", (("image", shape),), (node,))
    for _ in range(20):
        s_x, s_y = np.exp(rng.uniform(-8, 3, 2)).astype(np.float32)
        z_x, z_y = (int(z) for z in rng.integers(-128, 128, 2))
        # Products of about 1 to 200 around the zero point, whatever the scales are.
        s_w = (rng.uniform(1e-5, 2e-3, 64) * (s_y / s_x)).astype(np.float32)
        integers = WeightedIntegers(
            weight=rng.integers(-128, 128, (64, 256, 1, 1), dtype=np.int8),
            bias=rng.integers(-(2**16), 2**16, 64, dtype=np.int32),
            multiplier=multipliers.convolution_multiplier(s_x, s_w, s_y, layer="conv"),
            clamp=(-128, 127),
            weight_scale=s_w,
        )
        tensors: dict[str, Quantization | None] = {"image": Quantization(s_x, z_x), "conv": Quantization(s_y, z_y)}
        image = rng.integers(-128, 128, (1, 256, 6, 6), dtype=np.int8)
        assert_equal(QuantizedNetwork(network, tensors, {"conv": integers}), {"image": image}, tmp_path)


ADD_SCALES = {
    "ordinary": (0.0231, 0.0417, 0.0389),
    "equal": (0.05, 0.05, 0.05),
    "ties": (0.5, 0.25, 1.0),
    "odd ties": (0.75, 1.5, 1.0),
    "one operand hardly counts": (1.0, 2.0**-16, 1.0),
    "large ratios": (255.0, 128.0, 1.0),
    "small ratios": (2.0**-16, 2.0**-15, 1.0),
}


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("zero_points", [(0, 0, 0), (-128, -128, -128), (127, -128, 5), (-37, 12, -128)])
@pytest.mark.parametrize("scales", ADD_SCALES)
def test_add_of_all_pairs(scales: str, zero_points: tuple[int, ...], activation: Activation, tmp_path: Path) -> None:
    shape = Shape(1, 256, 256)
    node = Add("sum", ("a", "b"), activation=activation)
    values = [np.float32(scale) for scale in ADD_SCALES[scales]]
    tensors: dict[str, Quantization | None] = {
        name: Quantization(s, z) for name, s, z in zip(("a", "b", "sum"), values, zero_points, strict=True)
    }
    m_a, m_b, shift = multipliers.add_multipliers(*values, layer="sum")
    limits = multipliers.clamp_limits(limits_of(activation), values[2], zero_points[2])
    integers = AddIntegers((m_a, m_b), shift, limits)
    network = Network("one", (("a", shape), ("b", shape)), (node,))
    a, b = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    inputs = {"a": a.reshape(1, 1, 256, 256).copy(), "b": b.reshape(1, 1, 256, 256).copy()}
    assert_equal(QuantizedNetwork(network, tensors, {"sum": integers}), inputs, tmp_path)


def test_add_of_all_pairs_for_random_scales(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    shape = Shape(1, 256, 256)
    network = Network("one", (("a", shape), ("b", shape)), (Add("sum", ("a", "b")),))
    a, b = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    inputs = {"a": a.reshape(1, 1, 256, 256).copy(), "b": b.reshape(1, 1, 256, 256).copy()}
    for _ in range(20):
        s_a, s_b, s_y = np.exp(rng.uniform(-5, 0, 3)).astype(np.float32)
        m_a, m_b, shift = multipliers.add_multipliers(s_a, s_b, s_y, layer="sum")
        z_a, z_b, z_y = (int(z) for z in rng.integers(-128, 128, 3))
        tensors: dict[str, Quantization | None] = {
            "a": Quantization(s_a, z_a),
            "b": Quantization(s_b, z_b),
            "sum": Quantization(s_y, z_y),
        }
        integers = AddIntegers((m_a, m_b), shift, (-128, 127))
        assert_equal(QuantizedNetwork(network, tensors, {"sum": integers}), inputs, tmp_path)


@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 1, 1, 1), (1, 0, 0, 1), (0, 1, 1, 0)])
@pytest.mark.parametrize("kernel, stride", [((3, 3), (2, 2)), ((2, 2), (2, 2)), ((3, 2), (1, 2))])
def test_max_pool(kernel, stride, padding, tmp_path: Path) -> None:
    node = MaxPool("pool", ("image",), kernel, stride, padding)
    network = Network("one", (("image", Shape(5, 12, 11)),), (node,))
    model, inputs = synthetic.synthesise(network, seed=1, images=2)
    assert_equal(model, inputs, tmp_path)
    assert_equal(model, {"image": np.minimum(inputs["image"], -120)}, tmp_path)


@pytest.mark.parametrize("kernel, stride, dilation, padding", [
    ((3, 1), (1, 1), (2, 1), (2, 0, 2, 0)), ((3, 1), (2, 1), (3, 1), (4, 0, 3, 0)),
    ((1, 2), (1, 3), (1, 4), (0, 3, 0, 1)), ((3, 3), (2, 2), (2, 1), (3, 1, 2, 1)),
])  # fmt: skip
def test_dilated_max_pool(kernel, stride, dilation, padding, tmp_path: Path) -> None:
    """Also where the padding is not smaller than the kernel, which ONNX Runtime refuses as padding of a pool."""
    node = MaxPool("pool", ("image",), kernel, stride, padding, dilation)
    network = Network("one", (("image", Shape(5, 12, 11)),), (node,))
    model, inputs = synthetic.synthesise(network, seed=1, images=2)
    assert_equal(model, inputs, tmp_path)
    assert_equal(model, {"image": np.full_like(inputs["image"], -128)}, tmp_path)


@pytest.mark.parametrize("height, width", [(7, 7), (1, 1), (8, 8), (3, 5), (14, 14)])
def test_global_average_pool(height: int, width: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(height * width)
    shape, node = Shape(300, height, width), GlobalAveragePool("mean", ("image",))
    network = Network("one", (("image", shape),), (node,))
    # Powers of two make ties where the number of pixels is one too.
    for s_x, s_y in [(1.0, 1.0), (0.5, 1.0), *np.exp(rng.uniform(-5, -3, (10, 2)))]:
        s_x, s_y = np.float32(s_x), np.float32(s_y)
        z_x, z_y = (int(z) for z in rng.integers(-128, 128, 2))
        multiplier = multipliers.average_multiplier(s_x, s_y, height * width, layer="mean")
        tensors: dict[str, Quantization | None] = {"image": Quantization(s_x, z_x), "mean": Quantization(s_y, z_y)}
        model = QuantizedNetwork(network, tensors, {"mean": AverageIntegers(multiplier, (-128, 127))})
        image = rng.integers(-128, 128, (2, 300, height, width), dtype=np.int8)
        assert_equal(model, {"image": image}, tmp_path)
        for kind in corners.KINDS:
            assert_equal(model, {"image": corners.corner_inputs(shape, kind)}, tmp_path)


def test_requantise_of_every_value(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    network = Network("one", (("image", Shape(1, 16, 16)),), (Requantise("rescaled", ("image",)),))
    image = np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 16, 16)
    for s_x, s_y in [(1.0, 2.0), (3.0, 2.0), (1.0, 8.0), (200.0, 1.0), *np.exp(rng.uniform(-4, 0, (20, 2)))]:
        s_x, s_y = np.float32(s_x), np.float32(s_y)
        z_x, z_y = (int(z) for z in rng.integers(-128, 128, 2))
        multiplier = multipliers.requantise_multiplier(s_x, s_y, layer="rescaled")
        tensors: dict[str, Quantization | None] = {"image": Quantization(s_x, z_x), "rescaled": Quantization(s_y, z_y)}
        integers = RequantiseIntegers(multiplier, (-128, 127))
        assert_equal(QuantizedNetwork(network, tensors, {"rescaled": integers}), {"image": image}, tmp_path)


def test_concat_of_every_value_is_qlinear_concat(tmp_path: Path) -> None:
    """The rule, the reference model and ONNX Runtime's own QLinearConcat, over a hundred triples of scales."""
    rng = np.random.default_rng(11)
    inputs = (("a", Shape(1, 16, 16)), ("b", Shape(1, 16, 16)))
    network = Network("two", inputs, (Concat("joined", ("a", "b")),))
    every = np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 16, 16)
    for _ in range(100):
        s_a, s_b, s_y = (np.float32(scale) for scale in np.exp(rng.uniform(-4, 0, 3)))
        z_a, z_b, z_y = (int(z) for z in rng.integers(-128, 128, 3))
        factors = multipliers.concat_multipliers([s_a, s_b], s_y, layer="joined")
        tensors = {"a": Quantization(s_a, z_a), "b": Quantization(s_b, z_b), "joined": Quantization(s_y, z_y)}
        model = QuantizedNetwork(network, {**tensors}, {"joined": ConcatIntegers(factors, (-128, 127))})
        made = assert_equal(model, {"a": every, "b": every}, tmp_path)["joined"]
        assert np.array_equal(made, _qlinear_concat(every, *tensors.values()))


def _qlinear_concat(x: np.ndarray, *quantizations: Quantization) -> np.ndarray:
    """ONNX Runtime's kernel on `x` twice; the last quantization is the output's."""
    import onnx
    import onnxruntime

    constants = []
    for index, one in enumerate(quantizations):
        constants.append(onnx.numpy_helper.from_array(np.array(one.scale, np.float32), f"s{index}"))
        constants.append(onnx.numpy_helper.from_array(np.array(one.zero_point, np.int8), f"z{index}"))
    names = ["s2", "z2", "x", "s0", "z0", "x", "s1", "z1"]
    node = onnx.helper.make_node("QLinearConcat", names, ["y"], domain="com.microsoft", axis=1)
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT8, ["n", "c", "h", "w"]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "kernel", value[:1], value[1:], constants)
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


@pytest.mark.parametrize("optimise", [False, True])
def test_network_of_every_operator(every_operator: Network, optimise: bool, tmp_path: Path) -> None:
    for seed in range(5):
        model, inputs = synthetic.synthesise(every_operator, seed, images=2)
        assert_equal(model, inputs, tmp_path, optimise)


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("int32_output", [False, True])
def test_residual_network(resnet: Callable[..., Network], bottleneck: bool, int32_output: bool, tmp_path: Path) -> None:
    network = resnet((2, 1, 1), bottleneck, size=65, width=16, classes=100)
    model, inputs = synthetic.synthesise(network, seed=7, images=2, int32_output=int32_output)
    tensors = assert_equal(model, inputs, tmp_path)
    write_reference(model, tmp_path / "last.onnx")
    last = run_reference(tmp_path / "last.onnx", inputs)
    assert list(last) == ["fc"]
    assert np.array_equal(last["fc"], tensors["fc"])


def test_the_same_model_gives_the_same_bytes(every_operator: Network, tmp_path: Path) -> None:
    for name in ("first.onnx", "second.onnx"):
        write_reference(synthetic.synthesise(every_operator, seed=1)[0], tmp_path / name)
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()


@pytest.mark.parametrize("name", ["stem", "mean", "fc"])
def test_a_multiplier_that_scales_do_not_give_is_refused(every_operator: Network, name: str, tmp_path: Path) -> None:
    model, _ = synthetic.synthesise(every_operator, seed=1)
    integers = model.integers[name]
    assert isinstance(integers, WeightedIntegers | AverageIntegers) and integers.multiplier is not None
    moved = replace(integers, multiplier=np.nextafter(integers.multiplier, np.float32(1)))
    model = replace(model, integers={**model.integers, name: moved})
    with pytest.raises(QuantizationError, match=f"layer '{name}'.*multipliers"):
        write_reference(model, tmp_path / "reference.onnx")
