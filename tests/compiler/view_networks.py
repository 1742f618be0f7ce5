"""Networks of concats and slices that need no copy, or one in part, on arrays of 4, 8, 16 or 32 rows."""

from tcugen.network.graph import Network
from tcugen.network.operators import (
    Add,
    AveragePool,
    Concat,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Requantise,
    Resize,
    Slice,
)
from tests.compiler.networks import AROUND, conv, network


def joined(name: str, *inputs: str, moved: tuple[bool, ...] = ()) -> Concat:
    """A concat whose operands all have its scale, or those that `moved` says."""
    return Concat(name, inputs, moved or (True,) * len(inputs))


def pool(name: str, source: str, stride: int = 1) -> MaxPool:
    return MaxPool(name, (source,), kernel=(3, 3), stride=(stride, stride), padding=AROUND)


VIEWS: dict[str, Network] = {
    net.name: net
    for net in (
        network("producers", (8, 6, 7), conv("a", "image", 32, 3), conv("b", "a", 64, activation="relu"),
                pool("p", "b"), Add("s", ("b", "p")), Requantise("r", ("a",)),
                AveragePool("v", ("a",), (3, 3), (1, 1), AROUND), conv("w", "image", 23),
                joined("c", "b", "p", "s", "r", "v", "w"), conv("d", "c", 12, 3), pool("q", "c", 2),
                conv("e", "q", 7), Add("t", ("a", "r")), conv("u", "t", 9), outputs=("d", "e", "u")),
        network("dense", (3, 8, 8), conv("x0", "image", 32, 3), conv("x1", "x0", 32, 3), joined("c1", "x0", "x1"),
                conv("x2", "c1", 32, 3), joined("c2", "c1", "x2"), conv("x3", "c2", 32, 3), joined("c3", "c2", "x3"),
                pool("p", "c3", 2), GlobalAveragePool("v", ("p",)), Linear("f", ("v",), 10)),
        network("all_before", (3, 8, 8), conv("x0", "image", 32, 3), conv("x1", "x0", 32, 3), joined("c1", "x0", "x1"),
                conv("x2", "c1", 32), joined("c2", "x0", "x1", "x2"), conv("x3", "c2", 40),
                joined("c3", "x0", "x1", "x2", "x3"), conv("f", "c3", 5)),
        network("partial_block", (6, 9, 8), conv("a", "image", 128, 3), Slice("s", ("a",), (64, 128)),
                conv("b", "s", 64, 3), conv("c", "b", 64), joined("d", "c", "b"), conv("e", "d", 128),
                joined("f", "a", "e"), pool("g", "f", 2), Slice("h", ("f",), (160, 256)), conv("k", "h", 6),
                conv("l", "g", 6), outputs=("k", "l")),
        network("copied_in_part", (32, 6, 6), conv("a", "image", 96, 3), conv("b", "image", 96),
                Requantise("r", ("a",)), joined("c", "a", "image", "b", moved=(True, True, True)),
                joined("d", "b", "r", "a", moved=(True, False, True)), conv("e", "c", 8), conv("f", "d", 8),
                outputs=("e", "f")),
        network("odd", (5, 7, 6), conv("a", "image", 11, 3), conv("b", "image", 32), joined("c", "b", "a"),
                joined("d", "a", "b"), joined("e", "c", "d"), Slice("s", ("e",), (3, 40)), Slice("t", ("c",), (32, 43)),
                conv("f", "s", 12, 3), conv("g", "t", 5), pool("h", "t"), conv("k", "h", 4),
                outputs=("f", "g", "k")),
        network("twice", (4, 5, 9), conv("a", "image", 32), joined("c", "a", "a"), Slice("s", ("a",), (0, 32)),
                joined("d", "s", "a"), joined("e", "a", "c"), conv("f", "c", 5), conv("g", "d", 5), conv("h", "e", 5),
                outputs=("f", "g", "h")),
        network("outputs_shared", (4, 6, 6), conv("a", "image", 32), conv("b", "image", 64, 3), joined("c", "a", "b"),
                Slice("s", ("c",), (32, 64)), Resize("r", ("s",), (2, 2)), conv("d", "c", 5),
                outputs=("c", "a", "s", "d", "r")),
        network("two_places", (4, 6, 6), conv("a", "image", 32), conv("b", "image", 32), conv("x", "image", 32),
                joined("c", "a", "x"), joined("d", "x", "b"), joined("e", "x", "a"), conv("f", "c", 8),
                conv("g", "d", 8), conv("h", "e", 8), outputs=("f", "g", "h")),
        network("averages", (32, 3, 4), GlobalAveragePool("v", ("image",)), Linear("a", ("v",), 64),
                joined("c", "v", "a"), Linear("f", ("c",), 9)),
    )
}  # fmt: skip
