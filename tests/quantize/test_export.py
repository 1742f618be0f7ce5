"""Modules become networks that compute the same; what cannot run is refused, all of it at once."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tcugen.model.errors import QuantizationError
from tcugen.model.problems import UnsupportedModel
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv, activation_of
from tcugen.quantize.export import import_module
from tests.quantize.modules import SHAPE, Block, Odd, Small, images, outputs, trained
from tests.typed import present, typed


def summary(network: Network) -> list[str]:
    nodes = network.nodes
    return [f"{node.name}: {node.op}({', '.join(node.inputs)}) {activation_of(node) or ''}".strip() for node in nodes]


def of(function, shape: Shape = SHAPE, **parts: nn.Module):
    """The network of a module that holds `parts` and whose forward is `function(module, x)`."""

    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            for name, part in parts.items():
                self.add_module(name, part)

        def forward(self, x):
            return function(self, x)

    module = trained(Module())
    return module, import_module(module, shape, "net")


def assert_same(module: nn.Module, model, shape: Shape = SHAPE) -> None:
    batch = images(4, shape)
    with torch.inference_mode():
        wanted = module(torch.from_numpy(batch)).numpy()
    assert np.allclose(outputs(model, batch), wanted.reshape(4, -1), rtol=1e-4, atol=1e-4)


def test_a_residual_network():
    module = trained(Small())
    model = import_module(module, SHAPE, "small")
    assert summary(model.network) == [
        "stem: conv(image) relu6",
        "maxpool: max_pool(stem)",
        "layers.0.conv1: conv(maxpool) relu",
        "layers.0.conv2: conv(layers.0.conv1)",
        "layers.0.downsample: conv(maxpool)",
        "layers.0.add: add(layers.0.conv2, layers.0.downsample) relu",
        "layers.1.conv1: conv(layers.0.add) relu",
        "layers.1.conv2: conv(layers.1.conv1)",
        "layers.1.downsample: conv(layers.0.add)",
        "layers.1.add: add(layers.1.conv2, layers.1.downsample) relu",
        "avgpool: global_average_pool(layers.1.add)",
        "fc: linear(avgpool)",
    ]
    assert model.limits["stem"] == (0, 6) and model.limits["layers.1.add"] == (0, np.inf)
    assert "layers.0.conv2" not in model.limits
    assert_same(module, model)


def test_operators_that_resnets_do_not_have():
    module = trained(Odd())
    model = import_module(module, SHAPE, "odd")
    assert summary(model.network) == [
        "same: conv(image)",
        "hardtanh: requantise(same)",
        "clamp: requantise(same)",
        "add: add(hardtanh, clamp)",
        "grouped: conv(add) relu",
        "max_pool2d: max_pool(grouped)",
        "after: conv(max_pool2d)",
        "hidden: conv(after) relu",
        "last: linear(hidden)",
    ]
    assert model.limits["hardtanh"] == (-1.5, 2.0) and model.limits["clamp"] == (-0.5, np.inf)
    by_name = model.network.by_name
    same, grouped, after, hidden = (typed(Conv, by_name[name]) for name in ("same", "grouped", "after", "hidden"))
    assert same.padding == (1, 0, 1, 1)
    assert grouped.groups == 4 and after.groups == 16
    assert hidden.kernel == (5, 4)
    assert_same(module, model)


def test_the_module_is_left_as_it_was():
    module = trained(Small()).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    import_module(module, SHAPE, "small")
    assert module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_a_clipping_moves_into_what_it_alone_reads():
    module, model = of(lambda m, x: functional.relu(functional.max_pool2d(m.conv(x), 2)), conv=nn.Conv2d(3, 4, 1))
    assert summary(model.network) == ["conv: conv(image) relu", "max_pool2d: max_pool(conv)"]
    assert_same(module, model)


def test_a_shared_value_keeps_its_unclipped_form():
    def forward(m, x):
        y = m.conv(x)
        return y + functional.relu(functional.max_pool2d(y, 1))

    module, model = of(forward, conv=nn.Conv2d(3, 4, 1))
    assert summary(model.network) == [
        "conv: conv(image)",
        "max_pool2d: max_pool(conv)",
        "relu: requantise(max_pool2d)",
        "add: add(conv, relu)",
    ]
    assert_same(module, model)


def test_limits_that_follow_each_other_are_intersected():
    module, model = of(lambda m, x: m.conv(x).clamp(-3, 3).clamp(max=1).clamp_min(-0.25), conv=nn.Conv2d(3, 4, 1))
    assert model.limits == {"conv": (-0.25, 1)}
    assert_same(module, model)


def test_limits_that_cross_give_the_later_upper_one_as_clamp_does():
    module, model = of(lambda m, x: m.conv(x).clamp(2, 3).clamp(-1, 1), conv=nn.Conv2d(3, 4, 1))
    assert_same(module, model)


@pytest.mark.parametrize(
    "mean",
    [
        lambda m, x: m.conv(x).mean((2, 3)),
        lambda m, x: m.conv(x).mean([-1, -2], keepdim=True).flatten(1),
        lambda m, x: functional.adaptive_avg_pool2d(m.conv(x), 1).squeeze(3).squeeze(2),
        lambda m, x: functional.avg_pool2d(m.conv(x), (12, 10)).reshape(x.shape[0], -1),
    ],
)
def test_forms_of_the_mean(mean):
    module, model = of(lambda m, x: m.fc(mean(m, x)), conv=nn.Conv2d(3, 4, 1), fc=nn.Linear(4, 2))
    assert [node.op for node in model.network.nodes] == ["conv", "global_average_pool", "linear"]
    assert_same(module, model)


@pytest.mark.parametrize(
    "window",
    [
        {"kernel_size": 2},
        {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)},
        {"kernel_size": 3, "stride": 1, "padding": 1, "count_include_pad": False},
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    ],
)
def test_averages_over_windows(window):
    module, model = of(lambda m, x: functional.avg_pool2d(m.conv(x), **window), conv=nn.Conv2d(3, 4, 1))
    assert [node.op for node in model.network.nodes] == ["conv", "average_pool"]
    assert_same(module, model)


def test_an_average_over_one_pixel_each_is_nothing():
    _module, model = of(lambda m, x: functional.adaptive_avg_pool2d(m.conv(x), (12, 10)), conv=nn.Conv2d(3, 4, 1))
    assert summary(model.network) == ["conv: conv(image)"]


def test_normalisation_of_something_else_than_a_convolution_becomes_one():
    module, model = of(lambda m, x: m.conv(functional.relu(m.bn(x))), bn=nn.BatchNorm2d(3), conv=nn.Conv2d(3, 4, 1))
    assert summary(model.network) == ["bn: conv(image) relu", "conv: conv(bn)"]
    assert_same(module, model)


def test_a_convolution_that_others_read_too_keeps_its_normalisation_apart():
    module, model = of(lambda m, x: m.bn(m.conv(x)) + m.conv(x), bn=nn.BatchNorm2d(4), conv=nn.Conv2d(3, 4, 1))
    assert_same(module, model)
    module, model = of(lambda m, x: (lambda y: m.bn(y) + y)(m.conv(x)), bn=nn.BatchNorm2d(4), conv=nn.Conv2d(3, 4, 1))
    assert [node.op for node in model.network.nodes] == ["conv", "conv", "add"]
    assert_same(module, model)


def test_names_are_unique_and_a_real_convolution_is_never_called_shortcut():
    def forward(m, x):
        return m.conv(m.conv(x)) + m.shortcut(x)

    module, model = of(forward, conv=nn.Conv2d(3, 3, 1), shortcut=nn.Conv2d(3, 3, 1))
    names = [node.name for node in model.network.nodes]
    assert len(set(names)) == 4 and names[-2:] == ["shortcut.conv", "add"]
    assert model.network.mac_count == 3 * 9 * 12 * 10
    assert_same(module, model)


def test_branches_that_nothing_needs_are_left_out():
    def forward(m, x):
        m.other(x)
        return m.conv(x)

    _, model = of(forward, conv=nn.Conv2d(3, 4, 1), other=nn.Conv2d(3, 4, 1))
    assert summary(model.network) == ["conv: conv(image)"]


def test_an_infinite_variance_is_noted_and_gives_a_constant_channel():
    bn = nn.BatchNorm2d(4)
    module = trained(nn.Sequential(nn.Conv2d(3, 4, 1), bn))
    present(bn.running_var)[2] = float("inf")
    model = import_module(module, SHAPE, "net")
    assert re.fullmatch(r"1.running_var is infinite in channel 2, .*constant.*", model.notes[0])
    assert not model.parameters[model.network.nodes[0].name].weight[2].any()
    assert_same(module, model)


def test_everything_that_cannot_run_is_listed():
    class Bad(nn.Module):
        def __init__(self):
            super().__init__()
            self.dilated = nn.ConvTranspose2d(3, 4, 3)
            self.act = nn.Softmax(1)
            self.up = nn.Upsample(scale_factor=1.5)
            self.bn = nn.BatchNorm2d(4, track_running_stats=False)
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            x = self.up(self.act(self.dilated(x)))
            x = functional.avg_pool2d(self.bn(x), 2, divisor_override=3) * torch.ones(9)
            return self.fc(x.mean((2, 3))).softmax(1)

    with pytest.raises(UnsupportedModel) as refused:
        import_module(Bad(), SHAPE, "bad")
    text = str(refused.value)
    assert "dilated (conv_transpose2d.input): operator = conv_transpose2d.input; replace it by" in text
    # What is downstream of a refused operator is looked at all the same.
    assert {problem.node for problem in refused.value.problems} >= {"dilated", "act", "up", "bn", "softmax_1"}
    assert "avg_pool2d (avg_pool2d.default): output size = " in text and "mul (mul.Tensor)" in text
    assert "end the model in front of it" in text


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda m, x: torch.add(m.conv(x), m.conv(x), alpha=2), "alpha = 2"),
        (lambda m, x: m.conv(x) + m.conv.bias[:1].expand(10), "a constant of shape .10.; use one value per channel"),
        (lambda m, x: m.conv(x) / m.conv(x), "other = a tensor; divide by a constant"),
        (lambda m, x: functional.pad(m.conv(x), (1, 1, 1, 1), mode="reflect"), "reflect"),
        (lambda m, x: functional.pad(m.conv(x), (1, 1), value=2.0).mean((2, 3)), "padded with 2.0; pad with zeros"),
        (lambda m, x: m.conv(x).permute(0, 2, 3, 1), "only a channel shuffle may turn dimensions"),
        (lambda m, x: m.conv(x) + m.conv(x)[:, :1], "shapes = .*; join tensors of one shape"),
        (lambda m, x: m.conv(x).mean(1), r"dim = \[1\]; take the mean over height and width"),
        (lambda m, x: functional.avg_pool2d(m.conv(x), 2, divisor_override=3), "output size = 6x5"),
        (
            lambda m, x: functional.avg_pool2d(m.conv(x), 3, 2, 1, ceil_mode=True),
            "ceil_mode = True; set count_include_pad",
        ),
        (lambda m, x: m.conv(x).reshape(2, -1), r"shape = \[2, 240\]; flatten to \(n, 480\) only"),
        (lambda m, x: functional.conv2d(x, x[:, :, :1, :1]), "weight = computed"),
        (lambda m, x: (m.conv(x), x), "return = .*|value = 2 tensors; return one tensor"),
        (lambda m, x: m.conv.bias, "a constant; return one tensor"),
        (lambda m, x: m.conv(x).double(), "dtype = torch.float64"),
    ],
)
def test_what_is_refused(function, message):
    with pytest.raises(UnsupportedModel, match=message):
        of(function, conv=nn.Conv2d(3, 4, 1))


@pytest.mark.parametrize("wrap", [lambda x: {"out": x}, lambda x: (x,), lambda x: [x], lambda x: {"a": ({"b": x},)}])
def test_one_tensor_in_a_container_is_the_output(wrap):
    _, model = of(lambda m, x: wrap(m.conv(x)), conv=nn.Conv2d(3, 4, 1))
    assert [node.op for node in model.network.nodes] == ["conv"]


def test_weights_that_are_no_numbers_are_named():
    module = Small()
    with torch.no_grad():
        module.fc.weight[1, 2] = float("nan")
        first, second = (typed(Block, block) for block in module.layers)
        present(first.bn1.running_var)[0] = float("nan")
        present(second.bn2.running_var)[3] = -1
    with pytest.raises(UnsupportedModel) as refused:
        import_module(module, SHAPE, "small")
    assert "fc.weight (weights): value = nan in 1 of 112 places" in str(refused.value)
    assert "layers.0.bn1.running_var (weights): value = nan in 1 of 8 places" in str(refused.value)
    assert "layers.1.bn2 (_native_batch_norm_legit_no_training.default): running_var = -1.0" in str(refused.value)


def test_modules_that_cannot_be_exported():
    with pytest.raises(QuantizationError, match="net.*cannot export it for images of 4x12x10.*channels"):
        import_module(Small(), Shape(4, 12, 10), "net")
    with pytest.raises(QuantizationError, match="branch depends on the values"):
        of(lambda m, x: m.conv(x) if x.sum() > 0 else m.conv(-x), conv=nn.Conv2d(3, 4, 1))
    with pytest.raises(QuantizationError, match="returns its input"):
        import_module(nn.Identity(), SHAPE, "net")


def test_a_block_alone():
    module = trained(Block(3, 4, 2))
    assert_same(module, import_module(module, SHAPE, "block"))
