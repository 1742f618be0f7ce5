"""The golden model against convolutions written out in 64-bit integers."""

import numpy as np
import pytest
import torch

from sim import corners
from tcugen import golden
from tcugen.model.errors import QuantizationError
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Add, Conv, Linear, as_convolution
from tcugen.synthetic import integers as synthetic
from tests.typed import typed, weighted


def integer_convolution(layer: Conv, weight: np.ndarray, bias: np.ndarray, x: np.ndarray, z_x: int) -> np.ndarray:
    top, left, bottom, right = layer.padding
    centred = np.pad(x.astype(np.int64) - z_x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(centred, layer.kernel, axis=(2, 3))
    windows = windows[:, :, :: layer.stride[0], :: layer.stride[1]]
    in_group, out_group = weight.shape[1], len(weight) // layer.groups
    groups = [
        np.einsum(
            "nihwyx,oiyx->nohw",
            windows[:, g * in_group : (g + 1) * in_group],
            weight[g * out_group : (g + 1) * out_group].astype(np.int64),
        )
        for g in range(layer.groups)
    ]
    return np.concatenate(groups, axis=1) + bias.reshape(-1, 1, 1)


CASES = {
    "1x1": (Shape(17, 5, 6), 9, (1, 1), (1, 1), (0, 0, 0, 0), 1),
    "1x1 stride 2": (Shape(17, 5, 6), 9, (1, 1), (2, 2), (0, 0, 0, 0), 1),
    "3x3": (Shape(8, 6, 5), 7, (3, 3), (1, 1), (1, 1, 1, 1), 1),
    "3x3 stride 2": (Shape(8, 9, 8), 7, (3, 3), (2, 2), (1, 1, 1, 1), 1),
    "7x7 stem": (Shape(3, 20, 18), 8, (7, 7), (2, 2), (3, 3, 3, 3), 1),
    "asymmetric padding": (Shape(5, 6, 7), 4, (2, 3), (1, 2), (1, 0, 0, 2), 1),
    "groups": (Shape(12, 6, 6), 8, (3, 3), (1, 1), (1, 1, 1, 1), 4),
    "depthwise": (Shape(12, 6, 6), 24, (3, 3), (1, 1), (1, 1, 1, 1), 12),
    "float32 parts": (Shape(1024, 4, 4), 3, (3, 3), (1, 1), (1, 1, 1, 1), 1),
    "float32 parts in groups": (Shape(1024, 4, 4), 4, (3, 3), (1, 1), (1, 1, 1, 1), 2),
    "float64": (Shape(2, 33, 34), 3, (33, 33), (1, 1), (0, 1, 0, 1), 1),
}


@pytest.mark.parametrize("z_x", [-128, 5, 127])
@pytest.mark.parametrize("kind", ["random", *corners.KINDS])
@pytest.mark.parametrize("case", CASES)
def test_accumulators_are_exact(case: str, kind: str, z_x: int) -> None:
    shape, out_channels, kernel, stride, padding, groups = CASES[case]
    node = Conv("conv", ("image",), out_channels, kernel, stride, padding, groups)
    rng = np.random.default_rng(1)
    bias = rng.integers(-(2**20), 2**20, out_channels, dtype=np.int32)
    if kind == "random":
        x = rng.integers(-128, 128, (2, shape.channels, shape.height, shape.width), dtype=np.int8)
        weight = rng.integers(-128, 128, (out_channels, shape.channels // groups, *kernel), dtype=np.int8)
    else:
        x = corners.corner_inputs(shape, kind)
        weight = corners.corner_weights(out_channels, shape.channels // groups, kernel, kind)
    got = golden.accumulate(node, weight, bias, torch.from_numpy(x), z_x)
    assert got.dtype == torch.int32
    assert np.array_equal(got.numpy(), integer_convolution(node, weight, bias, x, z_x))


def test_a_sum_beyond_32_bits_is_refused_by_name() -> None:
    node = Conv("conv4", ("image",), 1, (1, 1))
    weight, x = np.full((1, 8, 1, 1), 127, np.int8), torch.full((1, 8, 1, 1), 127, dtype=torch.int8)
    edge = 2**31 - 1 - 8 * 127 * 127
    assert golden.accumulate(node, weight, np.array([edge], np.int32), x, 0).item() == 2**31 - 1
    with pytest.raises(QuantizationError, match="layer 'conv4'.*2147483648.*32 bits"):
        golden.accumulate(node, weight, np.array([edge + 1], np.int32), x, 0)


def test_run_returns_every_node_in_order(every_operator: Network) -> None:
    model, inputs = synthetic.synthesise(every_operator, seed=2, images=3)
    tensors = golden.run(model, inputs)
    assert list(tensors) == [node.name for node in every_operator.nodes]
    for name, tensor in tensors.items():
        shape = every_operator.shapes[name]
        assert tensor.dtype == np.int8
        assert tensor.shape == (3, shape.channels, shape.height, shape.width)


def test_images_do_not_influence_each_other(every_operator: Network) -> None:
    model, inputs = synthetic.synthesise(every_operator, seed=2, images=3)
    together = golden.run(model, inputs)
    for image in range(3):
        alone = golden.run(model, {"image": inputs["image"][image : image + 1]})
        assert all(np.array_equal(alone[name][0], together[name][image]) for name in together)


def test_images_may_be_a_file_that_is_only_read(every_operator: Network) -> None:
    model, inputs = synthetic.synthesise(every_operator, 5, 1)
    locked = {name: array.copy() for name, array in inputs.items()}
    for array in locked.values():
        array.flags.writeable = False
    expected, found = golden.run(model, inputs), golden.run(model, locked)
    assert all(np.array_equal(found[name], tensor) for name, tensor in expected.items())


def test_a_last_layer_without_multiplier_stores_its_sums(every_operator: Network) -> None:
    model, inputs = synthetic.synthesise(every_operator, seed=2, int32_output=True)
    tensors = golden.run(model, inputs)
    integers, last = weighted(model, "fc"), typed(Linear, every_operator.nodes[-1])
    source = last.inputs[0]
    want = integer_convolution(
        as_convolution(last),
        integers.weight,
        integers.bias,
        tensors[source],
        model.zero_point(source),
    )
    assert tensors["fc"].dtype == np.int32
    assert np.array_equal(tensors["fc"], want)


def test_relu_clamps_at_the_zero_point() -> None:
    weight = np.ones((1, 1, 1, 1), np.int8)
    model = corners.single_convolution(
        Shape(1, 1, 4), weight, np.zeros(1, np.int32), 1.0, z_x=10, z_y=-20, activation="relu"
    )
    x = np.array([-128, 9, 11, 127], np.int8).reshape(1, 1, 1, 4)
    assert golden.run(model, {"image": x})["conv"].flatten().tolist() == [-20, -20, -19, 97]


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros((1, 3, 19, 17), np.uint8), "'image' is uint8"),
        (np.zeros((3, 19, 17), np.int8), r"\(n, 3, 19, 17\)"),
        (np.zeros((1, 3, 19, 18), np.int8), r"\(n, 3, 19, 17\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(every_operator: Network, array: np.ndarray, message: str) -> None:
    model, _ = synthetic.synthesise(every_operator, seed=0)
    with pytest.raises(QuantizationError, match=message):
        golden.run(model, {"image": array})
    with pytest.raises(QuantizationError, match="'image' is missing"):
        golden.run(model, {"picture": array})


def test_inputs_must_hold_equally_many_images() -> None:
    shape = Shape(1, 2, 2)
    network = Network("two", (("a", shape), ("b", shape)), (Add("sum", ("a", "b")),))
    model, inputs = synthetic.synthesise(network, seed=0, images=2)
    with pytest.raises(QuantizationError, match=r"\[1, 2\] images"):
        golden.run(model, {"a": inputs["a"], "b": inputs["b"][:1]})


def test_golden_does_not_change_its_model(every_operator: Network) -> None:
    model, inputs = synthetic.synthesise(every_operator, seed=4)
    before = weighted(model, "stem").weight.copy()
    image = inputs["image"].copy()
    first, second = golden.run(model, inputs), golden.run(model, inputs)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert np.array_equal(before, weighted(model, "stem").weight)
    assert np.array_equal(image, inputs["image"])
