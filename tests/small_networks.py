"""Small networks, built from nodes directly."""

from collections.abc import Callable, Iterator

import pytest
import torch

from tcugen.network.graph import Network, Node, Shape


def build_resnet(
    blocks: tuple[int, ...], bottleneck: bool, size: int, width: int, classes: int, stem: int = 7
) -> Network:
    """A ResNet with max-pool and stride in the 3x3; `blocks` per stage, `width` channels in the first."""
    pad = stem // 2
    nodes = [
        Node("conv1", "conv", ("image",), width, (stem, stem), (2, 2), (pad, pad, pad, pad), 1, "relu"),
        Node("maxpool", "max_pool", ("conv1",), None, (3, 3), (2, 2), (1, 1, 1, 1)),
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
                    Node(f"{path}.conv1", "conv", (x,), inner, activation="relu"),
                    Node(f"{path}.conv2", "conv", (f"{path}.conv1",), inner, (3, 3), stride, ones, 1, "relu"),
                    Node(f"{path}.conv3", "conv", (f"{path}.conv2",), outer),
                ]
            else:
                nodes += [
                    Node(f"{path}.conv1", "conv", (x,), inner, (3, 3), stride, ones, 1, "relu"),
                    Node(f"{path}.conv2", "conv", (f"{path}.conv1",), inner, (3, 3), (1, 1), ones),
                ]
            last, shortcut = nodes[-1].name, x
            if stride != (1, 1) or channels != outer:
                shortcut = f"{path}.downsample"
                nodes.append(Node(shortcut, "conv", (x,), outer, (1, 1), stride))
            nodes.append(Node(f"{path}.add", "add", (last, shortcut), activation="relu"))
            x, channels = f"{path}.add", outer
    nodes += [Node("avgpool", "global_average_pool", (x,)), Node("fc", "linear", ("avgpool",), classes)]
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


@pytest.fixture
def every_operator() -> Network:
    """Each operator at least once, with groups, asymmetric padding, a change of scale and an add without ReLU."""
    nodes = (
        Node("stem", "conv", ("image",), 8, (5, 3), (2, 1), (0, 1, 2, 0), activation="relu"),
        Node("pool", "max_pool", ("stem",), None, (3, 2), (2, 1), (1, 0, 0, 1)),
        Node("grouped", "conv", ("pool",), 16, (3, 3), (1, 1), (2, 0, 0, 2), groups=4),
        Node("depthwise", "conv", ("grouped",), 16, (3, 3), (1, 1), (1, 1, 1, 1), groups=16, activation="relu"),
        Node("rescaled", "requantise", ("depthwise",)),
        Node("sum", "add", ("rescaled", "grouped")),
        Node("doubled", "add", ("sum", "sum"), activation="relu"),
        Node("mean", "global_average_pool", ("doubled",)),
        Node("fc", "linear", ("mean",), 24),
    )
    return Network("every_operator", (("image", Shape(3, 19, 17)),), nodes)
