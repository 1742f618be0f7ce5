"""A network's convolutions in the forms that other models of accelerators read: SCALE-Sim, ZigZag, Timeloop.

All three know convolutions alone. Adds, pools and tables, which the machine computes along with them, are left out; a
fully connected layer is a convolution of one pixel.
"""

import json
import re
from dataclasses import dataclass

from tcugen.network.graph import Network
from tcugen.network.operators import Weighted, as_convolution

FORMATS = ("scalesim", "zigzag", "timeloop")


@dataclass(frozen=True)
class LoopNest:
    """One convolution as loops.

    Attributes:
        name: Of the node.
        source: Index of the convolution that makes its input, whatever lies between; None for the network's input.
        groups, out_channels, in_channels: The channels are those of one group.
        out_height, out_width, kernel_y, kernel_x: Sizes of the loops.
        stride, dilation: (y, x).
        in_height, in_width: Of the input with its padding, as far as it is read.
    """

    name: str
    source: int | None
    groups: int
    out_channels: int
    in_channels: int
    out_height: int
    out_width: int
    kernel_y: int
    kernel_x: int
    stride: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def in_height(self) -> int:
        return (self.out_height - 1) * self.stride[0] + (self.kernel_y - 1) * self.dilation[0] + 1

    @property
    def in_width(self) -> int:
        return (self.out_width - 1) * self.stride[1] + (self.kernel_x - 1) * self.dilation[1] + 1

    @property
    def macs(self) -> int:
        """Of one image."""
        outputs = self.groups * self.out_channels * self.out_height * self.out_width
        return outputs * self.in_channels * self.kernel_y * self.kernel_x


def loop_nests(network: Network) -> list[LoopNest]:
    """The convolutions and fully connected layers, in execution order."""
    nests: list[LoopNest] = []
    made_by: dict[str, int | None] = {name: None for name, _ in network.inputs}
    for node in network.nodes:
        source = made_by[node.inputs[0]]
        made_by[node.name] = source
        if not isinstance(node, Weighted):
            continue
        given, made = network.shapes[node.inputs[0]], network.shapes[node.name]
        convolution = as_convolution(node)
        made_by[node.name] = len(nests)
        nests.append(
            LoopNest(
                name=node.name,
                source=source,
                groups=convolution.groups,
                out_channels=made.channels // convolution.groups,
                in_channels=given.channels // convolution.groups,
                out_height=made.height,
                out_width=made.width,
                kernel_y=convolution.kernel[0],
                kernel_x=convolution.kernel[1],
                stride=convolution.stride,
                dilation=convolution.dilation,
            )
        )
    return nests


def scalesim(network: Network) -> str:
    """A topology of SCALE-Sim: CSV, padding counted into the input. It has one stride, that of the columns, and no
    groups: a grouped convolution has the channels of one group and the filters of all. A name that holds `DP` would be
    a depthwise convolution to it."""
    lines = ["Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"]
    for nest in loop_nests(network):
        sizes = (nest.in_height, nest.in_width, nest.kernel_y, nest.kernel_x, nest.in_channels)
        name = nest.name.replace("DP", "dp")
        values = (name, *sizes, nest.groups * nest.out_channels, nest.stride[1])
        lines.append(", ".join(map(str, values)) + ",")
    return "\n".join(lines) + "\n"


def zigzag(network: Network) -> str:
    """A workload of ZigZag: YAML, one entry per convolution. Operands are int8; sums count as 16 bits, as where it
    reads ONNX files itself: registers of the machines that come with it hold no more."""
    lines: list[str] = []
    for number, nest in enumerate(loop_nests(network)):
        (stride_y, stride_x), (dilation_y, dilation_x) = nest.stride, nest.dilation
        sizes = (
            1, nest.groups, nest.out_channels, nest.in_channels, nest.out_height, nest.out_width, nest.kernel_y,
            nest.kernel_x,
        )  # fmt: skip
        lines += [
            f"- id: {number}",
            f"  name: {json.dumps(nest.name)}",
            "  operator_type: Conv",
            "  equation: O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]",
            f"  dimension_relations: [ix={stride_x}*ox+{dilation_x}*fx, iy={stride_y}*oy+{dilation_y}*fy]",
            "  loop_dims: [B, G, K, C, OY, OX, FY, FX]",
            f"  loop_sizes: [{', '.join(map(str, sizes))}]",
            "  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}",
            f"  operand_source: {{W: {number}, I: {number if nest.source is None else nest.source}}}",
        ]
    return "\n".join(lines) + "\n"


def timeloop(network: Network) -> dict[str, str]:
    """Problems of Timeloop: one YAML file per convolution, by file name."""
    nests = loop_nests(network)
    width = len(str(len(nests)))
    return {
        f"{number:0{width}}_{re.sub(r'[^A-Za-z0-9._-]', '_', nest.name)}.yaml": _timeloop_problem(nest)
        for number, nest in enumerate(nests)
    }


def _timeloop_problem(nest: LoopNest) -> str:
    (stride_y, stride_x), (dilation_y, dilation_x) = nest.stride, nest.dilation
    return f"""# {nest.name}
problem:
  version: 0.4
  shape:
    name: grouped_convolution
    dimensions: [G, C, M, R, S, N, P, Q]
    coefficients:
    - {{name: Wstride, default: 1}}
    - {{name: Hstride, default: 1}}
    - {{name: Wdilation, default: 1}}
    - {{name: Hdilation, default: 1}}
    data_spaces:
    - name: Weights
      projection: [[[G]], [[C]], [[M]], [[R]], [[S]]]
    - name: Inputs
      projection: [[[N]], [[G]], [[C]], [[R, Wdilation], [P, Wstride]], [[S, Hdilation], [Q, Hstride]]]
    - name: Outputs
      projection: [[[N]], [[G]], [[M]], [[Q]], [[P]]]
      read_write: true
  instance:
    G: {nest.groups}
    C: {nest.in_channels}
    M: {nest.out_channels}
    R: {nest.kernel_x}
    S: {nest.kernel_y}
    N: 1
    P: {nest.out_width}
    Q: {nest.out_height}
    Wstride: {stride_x}
    Hstride: {stride_y}
    Wdilation: {dilation_x}
    Hdilation: {dilation_y}
"""
