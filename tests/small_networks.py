"""Small networks, built from nodes directly."""

from collections.abc import Callable, Iterator

import pytest
import torch

from tcugen.network.graph import Network, Shape
from tcugen.network.operators import (
    Add,
    AveragePool,
    ChannelShuffle,
    Concat,
    Conv,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Multiply,
    Requantise,
    Resize,
    Slice,
    Table,
)


def build_resnet(
    blocks: tuple[int, ...], bottleneck: bool, size: int, width: int, classes: int, stem: int = 7
) -> Network:
    """A ResNet with max-pool and stride in the 3x3; `blocks` per stage, `width` channels in the first."""
    pad = stem // 2
    nodes = [
        Conv("conv1", ("image",), width, (stem, stem), (2, 2), (pad, pad, pad, pad), 1, "relu"),
        MaxPool("maxpool", ("conv1",), (3, 3), (2, 2), (1, 1, 1, 1)),
    ]
    x, channels = "maxpool", width
    for stage, count in enumerate(blocks):
        inner = width * 2**stage
        outer = inner * 4 if bottleneck else inner
        for block in range(count):
            path, stride = f"layer{stage + 1}.{block}", (2, 2) if stage and not block else (1, 1)
            ones = (1, 1, 1, 1)
            if bottleneck:
                nodes += [
                    Conv(f"{path}.conv1", (x,), inner, (1, 1), activation="relu"),
                    Conv(f"{path}.conv2", (f"{path}.conv1",), inner, (3, 3), stride, ones, 1, "relu"),
                    Conv(f"{path}.conv3", (f"{path}.conv2",), outer, (1, 1)),
                ]
            else:
                nodes += [
                    Conv(f"{path}.conv1", (x,), inner, (3, 3), stride, ones, 1, "relu"),
                    Conv(f"{path}.conv2", (f"{path}.conv1",), inner, (3, 3), (1, 1), ones),
                ]
            last, shortcut = nodes[-1].name, x
            if stride != (1, 1) or channels != outer:
                shortcut = f"{path}.downsample"
                nodes.append(Conv(shortcut, (x,), outer, (1, 1), stride))
            nodes.append(Add(f"{path}.add", (last, shortcut), activation="relu"))
            x, channels = f"{path}.add", outer
    nodes += [GlobalAveragePool("avgpool", (x,)), Linear("fc", ("avgpool",), classes)]
    return Network("small", (("image", Shape(3, size, size)),), tuple(nodes))


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Tensors this small gain nothing from threads, and threads that wait for each other suffer on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def resnet() -> Callable[..., Network]:
    return build_resnet


def build_every_operator() -> Network:
    """Each operator at least once, with groups, asymmetric padding, a change of scale and an add without ReLU."""
    nodes = (
        Conv("stem", ("image",), 8, (5, 3), (2, 1), (0, 1, 2, 0), activation="relu"),
        MaxPool("pool", ("stem",), (3, 2), (2, 1), (1, 0, 0, 1)),
        Conv("grouped", ("pool",), 16, (3, 3), (1, 1), (2, 0, 0, 2), groups=4),
        Conv("depthwise", ("grouped",), 16, (3, 3), (1, 1), (1, 1, 1, 1), groups=16, activation="relu"),
        Requantise("rescaled", ("depthwise",)),
        Add("sum", ("rescaled", "grouped")),
        Add("doubled", ("sum", "sum"), activation="relu"),
        Slice("part", ("doubled",), (3, 12)),
        Concat("joined", ("part", "rescaled", "doubled")),
        AveragePool("smooth", ("joined",), (3, 2), (1, 2), (1, 1, 1, 0)),
        ChannelShuffle("shuffled", ("smooth",), 41),
        Resize("larger", ("shuffled",), (2, 1)),
        GlobalAveragePool("mean", ("larger",)),
        Table("curve", ("mean",), "tanh"),
        Multiply("scaled", ("curve", "larger"), activation="relu"),
        GlobalAveragePool("end", ("scaled",)),
        Linear("fc", ("end",), 24),
    )
    return Network("every_operator", (("image", Shape(3, 19, 17)),), nodes)


@pytest.fixture
def every_operator() -> Network:
    """See `build_every_operator`."""
    return build_every_operator()
