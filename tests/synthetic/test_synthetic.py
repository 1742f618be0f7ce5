"""Synthetic networks use the number range at every depth and follow from their seed."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tcugen import golden
from tcugen.model.errors import QuantizationError
from tcugen.model.integers import WeightedIntegers, clamp_of
from tcugen.model.quantized import QuantizedNetwork
from tcugen.model.validate import validate
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Concat, Linear, MaxPool, Slice, Weighted, activation_of
from tcugen.synthetic import integers as synthetic
from tests.compiler.view_networks import VIEWS
from tests.typed import present, weighted


def assert_spread(model: QuantizedNetwork, inputs: dict[str, np.ndarray]) -> None:
    """At least 64 values (where there are elements enough), under 10 % at the ends of int8, no ReLU mostly at zero."""
    for name, tensor in golden.run(model, inputs).items():
        node = model.network.by_name[name]
        distinct = len(np.unique(tensor))
        assert distinct >= min(64, tensor.size // 4), f"{name}: {distinct} values in {tensor.size} elements"
        # What a pool or a slice reads has been through its producer's ReLU.
        source = model.network.by_name[node.inputs[0]] if isinstance(node, MaxPool | Slice) else node
        rectified = activation_of(source) == "relu"
        saturated = np.mean((tensor == 127) | ((tensor == -128) & (not rectified)))
        assert saturated < 0.1, f"{name}: {saturated:.1%} saturated"
        if rectified:
            zeros = np.mean(tensor == model.zero_point(name))
            assert zeros < 0.6, f"{name}: {zeros:.1%} zero after ReLU"


@pytest.mark.parametrize(
    "blocks, bottleneck", [((2, 2, 2, 2), False), ((3, 4, 12, 3), True)], ids=["18 layers", "68 layers"]
)
def test_deep_networks_keep_their_spread(resnet: Callable[..., Network], blocks, bottleneck: bool) -> None:
    network = resnet(blocks, bottleneck, size=128, width=16, classes=200)
    model, inputs = synthetic.synthesise(network, seed=1)
    assert_spread(model, inputs)


@pytest.mark.parametrize("seed", range(6))
def test_every_operator_keeps_its_spread(every_operator: Network, seed: int) -> None:
    model, inputs = synthetic.synthesise(every_operator, seed, images=4)
    assert_spread(model, inputs)


def test_weights_biases_and_zero_points_vary(resnet: Callable[..., Network]) -> None:
    network = resnet((2, 2, 2, 2), False, size=64, width=16, classes=100)
    model, _ = synthetic.synthesise(network, seed=3)
    weights = np.concatenate([i.weight.ravel() for i in model.integers.values() if isinstance(i, WeightedIntegers)])
    assert (weights.min(), weights.max()) == (-127, 127)
    zero_points = {model.zero_point(name) for name in model.tensors}
    assert 0 not in zero_points and -128 in zero_points and len(zero_points) > 8
    rectified = {model.zero_point(node.name) for node in network.nodes if activation_of(node) == "relu"}
    assert max(rectified) > -100
    for node in network.nodes:
        if isinstance(node, Weighted):
            integers = weighted(model, node.name)
            assert integers.bias.dtype == np.int32 and np.count_nonzero(integers.bias) > 0.9 * node.out_channels
            assert len(np.unique(present(integers.multiplier))) > 0.9 * node.out_channels
        if activation_of(node) == "relu":
            assert clamp_of(model.integers[node.name]) == (model.zero_point(node.name), 127)


def test_a_tensor_of_few_values_does_not_saturate() -> None:
    network = Network("fc", (("image", Shape(64, 1, 1)),), (Linear("fc", ("image",), 10),))
    for seed in range(20):
        model, inputs = synthetic.synthesise(network, seed)
        assert_spread(model, inputs)


def test_max_pool_shares_its_inputs_quantization(every_operator: Network) -> None:
    model, _ = synthetic.synthesise(every_operator, seed=0)
    assert model.tensors["pool"] == model.tensors["stem"]


def test_the_seed_decides_everything(every_operator: Network) -> None:
    threads = torch.get_num_threads()
    first, first_inputs = synthetic.synthesise(every_operator, seed=9)
    try:
        torch.set_num_threads(threads + 1)
        second, second_inputs = synthetic.synthesise(every_operator, seed=9)
    finally:
        torch.set_num_threads(threads)
    other, _ = synthetic.synthesise(every_operator, seed=10)
    assert np.array_equal(first_inputs["image"], second_inputs["image"])
    assert first.tensors == second.tensors != other.tensors
    for name, integers in first.integers.items():
        for field, value in vars(integers).items():
            assert np.array_equal(value, getattr(second.integers[name], field)), (name, field)


def test_int32_output(every_operator: Network) -> None:
    model, inputs = synthetic.synthesise(every_operator, seed=0, int32_output=True)
    assert model.tensors["fc"] is None
    assert weighted(model, "fc").multiplier is None and weighted(model, "fc").clamp is None
    assert len(np.unique(golden.run(model, inputs)["fc"])) > 12
    pool = Network("pool", (("image", Shape(2, 4, 4)),), (MaxPool("pool", ("image",), (2, 2), (1, 1)),))
    with pytest.raises(QuantizationError, match="layer 'pool'.*max_pool"):
        synthetic.synthesise(pool, seed=0, int32_output=True)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["producers", "dense", "partial_block", "copied_in_part"])
def test_what_a_concat_takes_as_it_is_has_its_quantization(name: str, seed: int) -> None:
    network = VIEWS[name]
    model, inputs = synthetic.synthesise(network, seed)
    validate(model)
    for node in network.nodes:
        if isinstance(node, Concat):
            same = [model.tensors[operand] == model.tensors[node.name] for operand in node.inputs]
            assert all(found for found, moved in zip(same, node.moved, strict=True) if moved)
    for tensor, values in golden.run(model, inputs).items():
        assert len(np.unique(values)) >= min(16, values.size // 4), tensor
