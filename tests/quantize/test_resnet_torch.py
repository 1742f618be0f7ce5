"""The PyTorch definitions of the bundled networks are those networks."""

import pytest
import torch

from tcugen.network.graph import NetworkError, Shape
from tcugen.network.operators import Linear
from tcugen.network.resnets import BUNDLED_NAMES, bundled_network
from tcugen.quantize.export import import_module
from tcugen.quantize.resnet_torch import RESNET_NAMES, torch_resnet
from tests.typed import typed

PARAMETERS = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet50_v1": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "wide_resnet50_2": 68_883_240,
    "resnext50_32x4d": 25_028_904,
    "resnet20": 269_722,
}
"""As torchvision documents them; of resnet20 as its paper rounds it to 0.27 million."""

FAST = ("resnet18", "resnet20")
SLOW = [name for name in RESNET_NAMES if name not in FAST]


def test_all_bundled_networks_are_defined():
    assert set(RESNET_NAMES) == set(BUNDLED_NAMES) == set(PARAMETERS)


@pytest.mark.parametrize("name", RESNET_NAMES)
def test_the_number_of_parameters_is_known(name):
    with torch.device("meta"):
        module = torch_resnet(name)
    assert sum(parameter.numel() for parameter in module.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_exporting_gives_the_bundled_network(name):
    bundled = bundled_network(name)
    assert import_module(torch_resnet(name), bundled.inputs[0][1], name).network == bundled


def test_names_are_torchvisions():
    names = set(torch_resnet("resnet50").state_dict())
    assert len(names) == 320
    assert names >= {
        "conv1.weight",
        "bn1.running_var",
        "layer1.0.downsample.0.weight",
        "layer1.0.downsample.1.num_batches_tracked",
        "layer3.5.conv3.weight",
        "layer4.2.bn3.bias",
        "fc.weight",
    }


def test_channels_and_classes_may_differ():
    module = torch_resnet("resnet20", image_channels=1, classes=4)
    network = import_module(module, Shape(1, 28, 28), "small").network
    assert typed(Linear, network.nodes[-1]).out_channels == 4
    assert network.nodes[0].inputs == ("image",) and network.shapes["layer3.2.add"] == Shape(64, 7, 7)


def test_an_unknown_name_is_refused():
    with pytest.raises(NetworkError, match="'resnet51'.*did you mean 'resnet50'"):
        torch_resnet("resnet51")
