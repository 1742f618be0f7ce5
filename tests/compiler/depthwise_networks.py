"""Networks with depthwise convolutions that the pool unit takes, and some that it leaves to the array."""

from tcugen.arch import Architecture
from tcugen.network.graph import Network
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Table
from tests.compiler.networks import AROUND, conv, network


def depthwise(name: str, source: str, channels: int, kernel: tuple[int, int] = (3, 3), **more) -> Conv:
    return Conv(name, (source,), channels, kernel=kernel, groups=channels, **more)


def equipped(architecture: Architecture) -> dict[str, int]:
    """What a machine of that many rows has for depthwise convolutions."""
    return {"depthwise": architecture.rows // 4}


DEPTHWISE: dict[str, Network] = {
    net.name: net
    for net in (
        network("inverted", (10, 11, 9), conv("e", "image", 36, activation="relu"),
                depthwise("d", "e", 36, padding=AROUND, activation="relu"), conv("p", "d", 10),
                Add("s", ("p", "image"))),
        network("separable", (20, 12, 13), depthwise("a", "image", 20, stride=(2, 2), padding=(0, 0, 1, 1)),
                conv("b", "a", 30), depthwise("c", "b", 30, padding=AROUND), conv("d", "c", 12),
                GlobalAveragePool("g", ("d",)), Linear("f", ("g",), 5)),
        network("kernels", (13, 14, 12), depthwise("a", "image", 13, (1, 1)),
                depthwise("b", "a", 13, (3, 1), stride=(2, 1)), depthwise("c", "b", 13, (1, 2), padding=(0, 1, 0, 0)),
                depthwise("d", "c", 13, (5, 3), padding=(2, 3, 2, 0)),
                depthwise("e", "d", 13, (3, 3), stride=(1, 3), padding=(1, 0, 0, 2)),
                depthwise("f", "e", 13, (7, 3), padding=(5, 2, 5, 2), dilation=(1, 1))),
        network("mixed", (24, 9, 9), conv("a", "image", 24), depthwise("b", "a", 24, (5, 5), padding=(2, 2, 2, 2)),
                depthwise("c", "b", 24, padding=(2, 2, 2, 2), dilation=(2, 2)), depthwise("d", "c", 24, padding=AROUND),
                Add("s", ("d", "a")), MaxPool("m", ("s",), kernel=(2, 2), stride=(2, 2)),
                depthwise("h", "m", 24, padding=AROUND), MaxPool("n", ("h",), kernel=(2, 2), stride=(1, 1)),
                depthwise("t", "n", 24), Table("u", ("t",), "sigmoid")),
        network("column", (6, 70, 1), depthwise("a", "image", 6, (3, 1)), depthwise("b", "a", 6, padding=(0, 1, 0, 1)),
                conv("c", "b", 7), depthwise("d", "c", 7, (2, 2), padding=(1, 0, 0, 1)), outputs=("b", "d")),
    )
}  # fmt: skip

PASSED = network("passed", (8, 12, 12), conv("e", "image", 64, activation="relu"),
                 depthwise("d", "e", 64, padding=AROUND, stride=(2, 2)), conv("p", "d", 10))  # fmt: skip
"""On 4x4 with 6 KiB the pool unit takes tensor e out of two buffers."""
