"""Max-pools whose taps are apart, in all that changes how they run: strides, borders, blocks, what comes before."""

from tcugen.network.check import checked_network
from tcugen.network.dilated_pool import in_steps
from tcugen.network.graph import Network, Node, Shape
from tcugen.network.operators import Add, Conv, MaxPool


def network(shape: tuple[int, int, int], *nodes: Node, outputs: tuple[str, ...] = ()) -> Network:
    steps = [step for node in nodes for step in (in_steps(node) if isinstance(node, MaxPool) else (node,))]
    return checked_network("dilated_pools", (("image", Shape(*shape)),), steps, outputs)


def pool(name: str, source: str, kernel, dilation, stride=(1, 1), padding=(0, 0, 0, 0)) -> MaxPool:
    return MaxPool(name, (source,), kernel, stride, padding, dilation)


DILATED_POOLS = {
    "rows": network((12, 11, 7), pool("p", "image", (3, 3), (2, 1), padding=(2, 1, 2, 1))),
    "columns": network((12, 6, 13), pool("p", "image", (1, 3), (1, 2), padding=(0, 2, 0, 2))),
    "both": network((20, 13, 11), pool("p", "image", (3, 3), (2, 2), padding=(2, 2, 2, 2))),
    "stride_and_dilation_of_two": network((9, 15, 13), pool("p", "image", (3, 2), (2, 2), (2, 2), (1, 0, 2, 1))),
    "three_apart": network((9, 14, 16), pool("p", "image", (2, 3), (3, 3), (2, 2), (0, 2, 1, 0))),
    "odd_strides": network((5, 17, 15), pool("p", "image", (2, 2), (4, 6), (3, 4), (1, 1, 0, 1))),
    "more_padding_than_kernel": network((6, 9, 9), pool("p", "image", (3, 3), (3, 3), padding=(3, 3, 3, 3))),
    "one_tap_a_row": network((6, 9, 8), pool("p", "image", (3, 1), (2, 5), (2, 3), (2, 0, 1, 0))),
    "small_picture": network((3, 2, 3), pool("p", "image", (2, 2), (1, 2), padding=(1, 1, 1, 1))),
    "after_a_convolution": network(
        (3, 16, 14),
        Conv("a", ("image",), 24, (3, 3), padding=(1, 1, 1, 1), activation="relu"),
        pool("p", "a", (2, 2), (2, 2), padding=(1, 0, 1, 2)),
        Conv("b", ("p",), 10, (3, 3)),
    ),
    "beside_others": network(
        (16, 12, 12),
        pool("p", "image", (3, 3), (2, 2), padding=(2, 2, 2, 2)),
        pool("q", "image", (3, 3), (1, 1), padding=(1, 1, 1, 1)),
        Add("s", ("p", "q")),
        pool("r", "s", (2, 3), (3, 1), padding=(2, 1, 1, 1)),
        outputs=("r", "p"),
    ),
}
"""Small networks by what is particular about them."""
