"""Convolutions whose taps are apart, in all that changes how they run: packed inputs, groups, strides, blocks, adds."""

from tcugen.network.check import checked_network
from tcugen.network.graph import Network, Node, Shape
from tcugen.network.operators import Add, Conv, MaxPool, Requantise


def network(shape: tuple[int, int, int], *nodes: Node) -> Network:
    return checked_network("dilated", (("image", Shape(*shape)),), nodes)


def conv(name: str, source: str, channels: int, dilation, padding=(2, 2, 2, 2), kernel=(3, 3), **more) -> Conv:
    return Conv(name, (source,), channels, kernel, padding=padding, dilation=dilation, **more)


DILATED = {
    "both": network((8, 12, 12), conv("conv", "image", 8, (2, 2))),
    "rows": network((8, 12, 12), conv("conv", "image", 12, (3, 1), (3, 1, 3, 1))),
    "columns": network((8, 12, 12), conv("conv", "image", 12, (1, 3), (1, 3, 1, 3))),
    "thin_input": network((3, 14, 14), conv("conv", "image", 8, (2, 2), stride=(2, 2))),
    "thin_input_packed": network((3, 14, 14), conv("conv", "image", 8, (2, 1), (2, 1, 2, 1))),
    "strides": network((6, 15, 13), conv("conv", "image", 9, (2, 3), (1, 4, 3, 0), stride=(2, 1))),
    "groups": network((16, 9, 9), conv("conv", "image", 24, (2, 2), groups=2)),
    "one_channel_per_group": network((12, 9, 9), conv("conv", "image", 12, (2, 2), groups=12)),
    "wide_kernel": network((4, 20, 20), conv("conv", "image", 5, (4, 2), (8, 4, 8, 4), (5, 5))),
    "one_row": network((4, 9, 9), conv("conv", "image", 5, (7, 2), (0, 2, 0, 2), (1, 3))),
    "mostly_padding": network((4, 3, 3), conv("conv", "image", 4, (4, 4), (4, 4, 4, 4))),
    "many_blocks": network((20, 24, 24), conv("conv", "image", 20, (2, 2)), Requantise("after", ("conv",))),
    "fused_add": network(
        (8, 16, 16),
        conv("first", "image", 8, (2, 2), activation="relu"),
        conv("second", "first", 8, (4, 4), (4, 4, 4, 4)),
        Add("sum", ("second", "image"), "relu"),
        MaxPool("pool", ("sum",), (2, 2), (2, 2)),
        conv("last", "pool", 30, (1, 2), (1, 2, 1, 2)),
    ),
}
"""Small networks by what is particular about them."""
