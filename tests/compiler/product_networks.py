"""Small networks with products of two tensors, and with operands of one value per channel."""

from tcugen.network.graph import Network
from tcugen.network.operators import Add, Concat, Conv, GlobalAveragePool, Linear, MaxPool, Multiply, Slice, Table
from tests.compiler.networks import AROUND, conv, network

PRODUCTS: dict[str, Network] = {
    net.name: net
    for net in (
        network("highway", (12, 9, 7), conv("h", "image", 12, 3, activation="relu"), conv("g", "image", 12, 3),
                Table("t", ("g",), "sigmoid"), Multiply("a", ("h", "t")), Multiply("s", ("image", "image")),
                Add("d", ("a", "s")), conv("e", "d", 12), Add("y", ("e", "a"), activation="relu")),
        network("squeeze_excite", (5, 9, 7), conv("a", "image", 20, 3, activation="relu"),
                GlobalAveragePool("v", ("a",)), Linear("f", ("v",), 6, activation="relu"), Linear("g", ("f",), 20),
                Table("s", ("g",), "sigmoid"), Multiply("m", ("s", "a")), conv("c", "m", 20, 3, stride=(2, 2)),
                Linear("b", ("v",), 20), Add("o", ("c", "b"), activation="relu"),
                Multiply("w", ("o", "b"), activation="relu"), Table("x", ("w",), "tanh")),
        network("single_pixels", (34, 1, 1), conv("a", "image", 34), Multiply("m", ("a", "image")),
                Conv("c", ("m",), 34, (1, 1), padding=AROUND), Add("s", ("a", "c")), Multiply("p", ("image", "s")),
                Add("o", ("m", "p"), activation="relu"), outputs=("o", "a")),
        network("pooled", (17, 10, 9), conv("a", "image", 17, 3), Multiply("m", ("a", "image")),
                MaxPool("p", ("m",), kernel=(3, 3), stride=(2, 2), padding=AROUND), GlobalAveragePool("v", ("p",)),
                Add("s", ("v", "p")), MaxPool("q", ("s",), kernel=(2, 2), stride=(1, 1)),
                Slice("l", ("p",), (0, 9)), GlobalAveragePool("u", ("l",)), Multiply("n", ("l", "u")),
                Concat("o", ("n", "p")), outputs=("q", "o")),
    )
}  # fmt: skip
