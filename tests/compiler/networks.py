"""Small networks that reach every path of the compiler, and one call that runs them against golden."""

import numpy as np

from tcugen import golden
from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.emulator import Machine
from tcugen.network.check import checked_network
from tcugen.network.dilated_pool import in_steps
from tcugen.network.graph import Network, Node, Shape
from tcugen.network.operators import (
    Add,
    AveragePool,
    ChannelShuffle,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Requantise,
    Resize,
    Slice,
)
from tcugen.program import Program
from tcugen.synthetic.integers import synthesise

AROUND = (1, 1, 1, 1)


def conv(name: str, source: str, channels: int, kernel: int = 1, **more) -> Node:
    padding = more.pop("padding", (kernel // 2,) * 4)
    return Conv(name, (source,), channels, kernel=(kernel, kernel), padding=padding, **more)


def network(
    name: str, shape: tuple[int, int, int], *nodes: Node, more_inputs: dict | None = None, outputs: tuple[str, ...] = ()
) -> Network:
    inputs = (("image", Shape(*shape)), *((name, Shape(*shape)) for name, shape in (more_inputs or {}).items()))
    return checked_network(name, inputs, nodes, outputs, extract=bool(more_inputs))


NETWORKS = {
    net.name: net
    for net in (
        network("chain", (3, 12, 12), conv("a", "image", 24, 3, stride=(2, 2), activation="relu"),
                conv("b", "a", 40), conv("c", "b", 10, 3)),
        network("grouped", (64, 9, 9), conv("a", "image", 64, 3, groups=8), conv("b", "a", 64, 3, groups=64),
                conv("c", "b", 96, groups=4), conv("d", "c", 48, groups=6, activation="relu")),
        network("odd_groups", (36, 6, 6), conv("a", "image", 60, 3, groups=3), conv("b", "a", 20, groups=5)),
        network("dilated", (12, 11, 10), conv("a", "image", 16, 3, dilation=(2, 3), padding=(2, 3, 2, 3)),
                conv("b", "a", 10, 3, dilation=(1, 2), stride=(2, 1), activation="relu")),
        network("adds", (20, 7, 7), conv("a", "image", 20),
                MaxPool("p", ("a",), kernel=(3, 3), stride=(1, 1), padding=AROUND),
                Add("s", ("a", "p"), activation="relu"), Add("t", ("s", "s")),
                Requantise("r", ("t",)), Add("u", ("r", "image")),
                GlobalAveragePool("v", ("u",)), Linear("f", ("v",), 11)),
        network("wide", (3, 5, 300), conv("a", "image", 18, 3), conv("b", "a", 18, 3), Add("c", ("a", "b"))),
        network("packed", (5, 11, 13),
                Conv("a", ("image",), 6, kernel=(5, 3), stride=(2, 1), padding=(2, 0, 1, 1)),
                conv("b", "a", 3, 3), conv("c", "b", 33, 2, stride=(2, 2), padding=(0, 0, 0, 0))),
        network("average", (72, 5, 6), GlobalAveragePool("v", ("image",)),
                Linear("f", ("v",), 70)),
        network("bottleneck", (3, 40, 40), conv("a", "image", 40, 7, stride=(2, 2), activation="relu"),
                MaxPool("p", ("a",), kernel=(3, 3), stride=(2, 2), padding=AROUND),
                conv("x", "p", 24), conv("y", "x", 24, 3), conv("z", "y", 80), conv("d", "p", 80),
                Add("s", ("z", "d"), activation="relu"), conv("x2", "s", 24), conv("z2", "x2", 80),
                Add("s2", ("z2", "s"), activation="relu")),
        network("padded", (8, 4, 4), conv("a", "image", 8, 3, padding=(4, 3, 4, 3)),
                MaxPool("p", ("a",), kernel=(2, 2), stride=(2, 2))),
        network("deep", (96, 20, 20), conv("a", "image", 40, 3), conv("b", "a", 96, 3),
                Add("c", ("b", "image")),
                MaxPool("p", ("c",), kernel=(3, 3), stride=(2, 2), padding=AROUND),
                GlobalAveragePool("v", ("p",))),
        network("concat", (8, 6, 6), conv("a", "image", 16, 3), conv("b", "image", 32),
                Concat("c", ("a", "b")), conv("d", "c", 12, 3)),
        network("concat_odd", (5, 7, 6), conv("a", "image", 11, 3), conv("b", "image", 3),
                Concat("c", ("b", "a", "image")), Concat("e", ("c", "a")), conv("d", "e", 12, 3)),
        network("concat_twice", (5, 7, 70), Concat("c", ("image", "image")), Slice("s", ("c",), (3, 9)),
                MaxPool("p", ("s",), kernel=(2, 2), stride=(2, 2)), Concat("q", ("p", "p"))),
        network("slices", (40, 7, 6), Slice("s", ("image",), (0, 20)), Slice("t", ("image",), (13, 40)),
                conv("a", "s", 20, 3), conv("b", "t", 20, 3), Add("d", ("a", "b")),
                Concat("c", ("d", "a", "b")), GlobalAveragePool("v", ("c",)), Concat("w", ("v", "v"))),
        network("average_pools", (20, 9, 7), AveragePool("a", ("image",), (3, 3), (1, 1), AROUND),
                AveragePool("b", ("a",), (3, 2), (2, 1), (1, 0, 2, 1)),
                AveragePool("c", ("b",), (3, 3), (2, 2), AROUND, count_include_pad=True),
                AveragePool("d", ("c",), (2, 2), (2, 2)), conv("e", "d", 12)),
        network("average_pool_of_one", (3, 1, 2), AveragePool("a", ("image",), (5, 4), (2, 3), (4, 3, 4, 3)),
                AveragePool("b", ("image",), (3, 3), (1, 1), AROUND), conv("c", "b", 5), outputs=("a", "c")),
        network("moved", (24, 5, 6), Resize("a", ("image",), (2, 3)), DepthToSpace("b", ("image",), 2),
                DepthToSpace("c", ("image",), 2, "CRD"), conv("d", "b", 10, 3), conv("e", "c", 10),
                Add("s", ("d", "e")),
                ChannelShuffle("f", ("image",), 3), ChannelShuffle("g", ("f",), 8), conv("h", "g", 9),
                outputs=("a", "s", "h")),
        network("moved_odd", (18, 3, 4), DepthToSpace("a", ("image",), 3), Resize("b", ("a",), (1, 2)),
                DepthToSpace("c", ("image",), 3, "CRD"), ChannelShuffle("d", ("image",), 9), conv("e", "d", 21),
                ChannelShuffle("f", ("e",), 7), conv("g", "c", 4), outputs=("b", "f", "g")),
        network("dilated_pool", (12, 11, 10), conv("a", "image", 10),
                *in_steps(MaxPool("p", ("a",), (3, 2), stride=(1, 2), padding=(2, 0, 1, 1), dilation=(2, 3))),
                conv("b", "p", 7, 3)),
        network("two_inputs", (16, 6, 6), conv("a", "image", 24), Add("c", ("a", "other")),
                conv("e", "other", 8), more_inputs={"other": (24, 6, 6)}),
        network("outputs", (12, 14, 11), conv("a", "image", 20, 3, activation="relu"), conv("b", "a", 20),
                MaxPool("p", ("b",), kernel=(3, 3), stride=(1, 1), padding=AROUND),
                Add("s", ("b", "a")), Add("t", ("p", "s")), conv("c", "s", 5), GlobalAveragePool("v", ("t",)),
                outputs=("t", "b", "v", "a", "c")),
    )
}  # fmt: skip


def run_against_golden(net: Network, architecture: Architecture, int32_output: bool = False) -> Program:
    """Compile, emulate on memory full of a pattern, and compare every tensor that exists with golden."""
    model, inputs = synthesise(net, seed=3, int32_output=int32_output)
    program = compile_network(model, architecture)
    machine = Machine(program)
    outputs = machine.run({name: images[0] for name, images in inputs.items()}, fill=0xA5)
    expected = golden.run(model, inputs)
    assert set(machine.observed) == set(program.tensors)
    for name, tensor in {**machine.observed, **outputs}.items():
        np.testing.assert_array_equal(tensor, expected[name][0], err_msg=f"{net.name} {name} on {architecture}")
    return program
