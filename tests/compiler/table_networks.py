"""Small networks with tables: after convolutions, adds and changes of scale, and on their own."""

from tcugen.network.graph import Network
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Requantise, Table
from tests.compiler.networks import AROUND, conv, network

TABLES: dict[str, Network] = {
    net.name: net
    for net in (
        network("behind_convolutions", (3, 13, 11), conv("a", "image", 20, 3, stride=(2, 2)),
                Table("b", ("a",), "silu"), conv("c", "b", 10, 3), Table("d", ("c",), "custom"),
                GlobalAveragePool("v", ("d",)), Linear("f", ("v",), 7), Table("g", ("f",), "sigmoid")),
        network("behind_adds", (12, 9, 7), conv("a", "image", 20), Table("b", ("a",), "leaky_relu", alpha=0.2),
                conv("c", "b", 20, 3), Add("s", ("b", "c")), Table("t", ("s",), "custom"),
                Add("u", ("t", "b")), Table("w", ("u",), "hard_swish"), Requantise("r", ("w",)),
                Table("x", ("r",), "tanh")),
        network("alone", (6, 10, 9), Table("a", ("image",), "custom"),
                MaxPool("p", ("a",), kernel=(3, 3), stride=(2, 2), padding=AROUND), Table("b", ("p",), "elu"),
                Table("c", ("b",), "gelu"), conv("d", "c", 3), conv("e", "a", 5, 3, stride=(2, 2)),
                Table("f", ("e",), "custom"), outputs=("d", "f", "e")),
        network("grouped", (32, 8, 6), Conv("a", ("image",), 32, (3, 3), padding=AROUND, groups=8),
                Table("b", ("a",), "custom"), Conv("c", ("b",), 32, (3, 3), padding=(2, 2, 2, 2), dilation=(2, 2)),
                Table("d", ("c",), "custom"), MaxPool("p", ("d",), kernel=(2, 2), stride=(2, 2))),
    )
}  # fmt: skip
