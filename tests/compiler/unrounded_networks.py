"""Small networks whose adds take an operand that is not rounded before the sum."""

from tcugen.network.graph import Network
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Multiply, Table
from tests.compiler.networks import AROUND, conv, network

UNROUNDED: dict[str, Network] = {
    net.name: net
    for net in (
        network("blocks", (12, 9, 7), conv("a", "image", 20, 3, activation="relu"), conv("b", "a", 20, 3),
                Add("s", ("b", "a"), activation="relu", unrounded=0), conv("c", "s", 20), Add("d", ("c", "s")),
                Conv("e", ("d",), 20, (3, 3), padding=AROUND, groups=4), Add("f", ("d", "e"), unrounded=1),
                Table("t", ("f",), "silu"), conv("y", "t", 5)),
        network("single_operand", (5, 6, 8), conv("a", "image", 34, 3, activation="relu"),
                GlobalAveragePool("v", ("a",)), Linear("f", ("v",), 34), Linear("g", ("f",), 34),
                Add("s", ("f", "g"), unrounded=1), conv("c", "a", 34), Add("o", ("c", "s"), "relu6", unrounded=0),
                Multiply("m", ("o", "s")), conv("e", "m", 34), Add("p", ("m", "e"), unrounded=1),
                MaxPool("q", ("p",), kernel=(2, 2), stride=(2, 2)), outputs=("q", "o")),
    )
}  # fmt: skip
EQUIPPED = {"tables": 1, "multiply": 1, "per_channel": 1, "unrounded_add": 1}
"""Machines that run them."""
