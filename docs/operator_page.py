"""The page on supported operators, from the operators' classes, the tables of importers, and replays of programs."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields

from tcugen.arch import Architecture
from tcugen.mapping.depthwise import DepthwiseTask
from tcugen.mapping.tasks import AverageTask, ConvTask, GatherTask, PhasedTask, PoolTask, Task
from tcugen.network.graph import Network
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
    Multiply,
    Node,
    Requantise,
    Resize,
    Slice,
    Table,
)
from tcugen.network.schema import OPERATORS, RULES
from tcugen.network.shape import Shape
from tcugen.onnx.importer import elementwise
from tcugen.onnx.importer.onnx_model import OPERATORS as ONNX_OPERATORS
from tcugen.planning.costs import node_costs
from tcugen.planning.planned import Planned
from tcugen.planning.search import best_plan
from tcugen.quantize.elementwise_operators import FUNCTIONS
from tcugen.quantize.operators import OPERATORS as TORCH_OPERATORS
from tcugen.sizing.optional import optional_hardware

MACHINE = dict(rows=8, columns=8, activation_kib=256, accumulator_bits=32, accumulator_depth=1024, weight_tiles=64)
"""What the cycles are counted on, beside two output lanes, a bus of 8 bytes and the optional hardware."""

IMAGE = Shape(32, 28, 28)
# What reads it is not fused with it, as it is an output too.
BEFORE = Conv("before", ("image",), IMAGE.channels, (1, 1))
IMAGE_TEXT = f"{IMAGE.channels} channels of {IMAGE.height}x{IMAGE.width} pixels"
ONES, ONCE = (1, 1, 1, 1), (1, 1)
FIRST, SECOND = (Conv(name, ("before",), IMAGE.channels, (1, 1)) for name in "ab")
# What reads a pool is not fused with it: only what the array makes has the output stage ahead of it.
POOLED = MaxPool("a", ("before",), (3, 3), (1, 1), ONES)
POINT = GlobalAveragePool("b", ("before",))

Case = tuple[str, tuple[Node, ...]]
"""Words for it, and nodes of which "x" is the one that is counted."""

CASES: dict[type[Node], tuple[Case, ...]] = {
    Conv: (
        ("1x1", (Conv("x", ("before",), 32, (1, 1)),)),
        ("3x3", (Conv("x", ("before",), 32, (3, 3), ONCE, ONES),)),
        ("3x3, stride 2", (Conv("x", ("before",), 32, (3, 3), (2, 2), ONES),)),
        ("3x3, dilation 2", (Conv("x", ("before",), 32, (3, 3), ONCE, (2, 2, 2, 2), dilation=(2, 2)),)),
        ("3x3, a group for each channel", (Conv("x", ("before",), 32, (3, 3), ONCE, ONES, 32),)),
    ),
    Linear: (("1000 outputs of one pixel", (POINT, Linear("x", ("b",), 1000))),),
    Add: (
        ("of two convolutions", (FIRST, SECOND, Add("x", ("a", "b")))),
        ("of two tensors that the array does not make", (POOLED, Add("x", ("a", "before")))),
        ("of a convolution that is not rounded", (FIRST, Add("x", ("a", "before"), unrounded=0))),
    ),
    MaxPool: (
        ("3x3, stride 2", (MaxPool("x", ("before",), (3, 3), (2, 2), ONES),)),
        ("3x3, rows 2 apart", (MaxPool("x", ("before",), (3, 3), ONCE, (2, 1, 2, 1), (2, 1)),)),
        ("1x3, columns 2 apart", (MaxPool("x", ("before",), (1, 3), ONCE, (0, 2, 0, 2), (1, 2)),)),
    ),
    AveragePool: (
        ("2x2, stride 2", (AveragePool("x", ("before",), (2, 2), (2, 2)),)),
        ("3x3, padding not counted", (AveragePool("x", ("before",), (3, 3), ONCE, ONES),)),
    ),
    GlobalAveragePool: (("", (GlobalAveragePool("x", ("before",)),)),),
    Requantise: (("", (Requantise("x", ("before",)),)),),
    Table: (
        ("of a convolution", (FIRST, Table("x", ("a",), "sigmoid"))),
        ("of a tensor that others read too", (Table("x", ("before",), "sigmoid"),)),
    ),
    Concat: (("of two", (Concat("x", ("before", "before")),)),),
    Slice: (("16 of the channels", (Slice("x", ("before",), (8, 24)),)),),
    Resize: (("factor 2", (Resize("x", ("before",), (2, 2)),)),),
    DepthToSpace: (("block 2", (DepthToSpace("x", ("before",), 2),)),),
    ChannelShuffle: (("4 groups", (ChannelShuffle("x", ("before",), 4),)),),
    Multiply: (
        ("of two tensors", (POOLED, Multiply("x", ("a", "before")))),
        ("by one value per channel", (POINT, Multiply("x", ("before", "b")))),
    ),
}

TABLES = sorted(elementwise.FUNCTIONS)
ONNX: dict[str, Sequence[str]] = {
    "conv": ["Conv", "QLinearConv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "Pad"],
    "linear": ["Gemm", "MatMul", "com.microsoft.QGemm", "QLinearMatMul"],
    "add": ["Add", "Sum", "Sub", "com.microsoft.QLinearAdd"],
    "max_pool": ["MaxPool", "GlobalMaxPool"],
    "average_pool": ["AveragePool", "com.microsoft.QLinearAveragePool"],
    "global_average_pool": ["GlobalAveragePool", "ReduceMean", "com.microsoft.QLinearGlobalAveragePool"],
    "requantise": ["QuantizeLinear", "com.microsoft.QuantizeLinear", "Relu", "Clip"],
    "table": [
        *(*TABLES, "PRelu", "Min", "Max", "Pow"),
        *("com.microsoft.QLinearSigmoid", "com.microsoft.QLinearLeakyRelu"),
    ],
    "concat": ["Concat", "com.microsoft.QLinearConcat"],
    "slice": ["Split", "Slice"],
    "resize": ["Resize", "Upsample"],
    "depth_to_space": ["DepthToSpace", "ConvTranspose"],
    "channel_shuffle": ["Reshape", "Transpose"],
    "multiply": ["Mul", "com.microsoft.QLinearMul"],
}
"""ONNX operators that an operator may come from; tests hold them against the importer's table."""

NO_ONNX = (
    *("DequantizeLinear", "com.microsoft.DequantizeLinear", "Div"),
    *("Flatten", "Squeeze", "Unsqueeze", "Shape", "Identity", "Dropout"),
)
"""ONNX operators that only become part of others, or nothing."""

TORCH: dict[str, Sequence[str]] = {
    "conv": ["conv2d.default", "conv2d.padding", "linear.default", "_native_batch_norm_legit_no_training.default"],
    "linear": ["linear.default"],
    "add": ["add.Tensor", "sub.Tensor", "rsub.Scalar"],
    "max_pool": ["max_pool2d.default"],
    "average_pool": ["avg_pool2d.default"],
    "global_average_pool": ["mean.dim", "adaptive_avg_pool2d.default", "avg_pool2d.default"],
    "requantise": [
        *("relu.default", "relu6.default", "hardtanh.default"),
        *("clamp.default", "clamp_min.default", "clamp_max.default", "div.Tensor"),
    ],
    "table": [f"{name}.default" for name in FUNCTIONS],
    "concat": ["cat.default"],
    "slice": [
        *("slice.Tensor", "split.Tensor", "split_with_sizes.default", "chunk.default"),
        "<built-in function getitem>",
    ],
    "resize": ["upsample_nearest2d.vec"],
    "depth_to_space": ["pixel_shuffle.default"],
    "channel_shuffle": ["channel_shuffle.default", "transpose.int", "permute.default"],
    "multiply": ["mul.Tensor"],
}
"""ATen's operators that an operator may come from, as `torch.export` names them."""

NO_TORCH = (
    *("dropout.default", "clone.default", "alias.default", "to.dtype", "_to_copy.default", "contiguous.default"),
    *("view.default", "_unsafe_view.default", "reshape.default", "flatten.using_ints"),
    *("squeeze.default", "squeeze.dim", "squeeze.dims", "unsqueeze.default"),
    *("pad.default", "constant_pad_nd.default"),  # part of the window that reads it
)
"""ATen's operators that become nothing."""


def page(table: Callable[[Sequence[str], Sequence[Sequence[object]]], list[str]]) -> list[str]:
    """Lines of the page after its heading; `table` writes one, of headings and rows."""
    lines = [
        "What a network may consist of. Anything else is refused: the node, what is in the way, and what would help.",
        "",
        "**Cycles** are those that one image takes longer with the operator than without it, on an 8x8 machine (64 "
        f"multiplications a cycle, 2 output lanes, a bus of 8 bytes): it reads {IMAGE_TEXT} on chip, and its result is "
        "stored to memory. A replay of the program counts them. 0 says that the operator is part of another's pass.",
        "",
    ]
    lines += table(
        ["operator", "does", "runs on", "needs", "cycles"],
        [
            (f"[`{op}`](#{op})", _sentence(kind), runs_on(kind), needs(kind), " / ".join(_costs(kind)))
            for op, kind in OPERATORS.items()
        ],
    )
    for op, kind in OPERATORS.items():
        lines += [f"## {op}", "", _text(kind), ""]
        lines += table(["key", "value", "default"], _keys(kind))
        lines += [f"- **Refused** {limits}" for limits in _refused(kind)]
        lines += [f"- **ONNX**: {_names(ONNX[op])}.", f"- **PyTorch**, as ATen names them: {_names(TORCH[op])}."]
        lines += [f"- **Runs on** {runs_on(kind)}; needs {needs(kind)}.", ""]
        lines += table(
            ["case", "result", "cycles", "multiplications, at 64 a cycle"],
            [(case or "any", shape, cycles, f"{macs:,}") for case, shape, cycles, macs in _counted(kind)],
        )
    lines += ["## ONNX nodes", "", "What becomes of each, by the importer. [Import](import.md) has the rules.", ""]
    lines += table(["node", "what becomes of it"], _handled(ONNX_OPERATORS))
    lines += ["## PyTorch operators", "", "By ATen's name. [Quantize](quantize.md) has the modules.", ""]
    return lines + table(["operator", "what becomes of it"], _handled(TORCH_OPERATORS))


def runs_on(kind: type[Node]) -> str:
    """The unit that an operator keeps busy."""
    task = _network(CASES[kind][-1]).planned_task
    return _unit(task)


def needs(kind: type[Node]) -> str:
    """Hardware that the machine has only for such operators."""
    found: dict[str, str] = {}
    for case in CASES[kind]:
        found |= optional_hardware([_network(case).planned_task])
    return ", ".join(f"`{name}`" for name in found) or "nothing more"


class _Counted:
    """A case planned on the machine.

    Attributes:
        shape, macs: Of node "x".
        planned_task: The task that runs it.
        cycles: What an image takes longer than without it; 0 if it is fused.
    """

    def __init__(self, case: Case):
        _, nodes = case
        network, planned = _planned((BEFORE, *nodes))
        [cost] = [cost for cost in node_costs(network, planned) if cost.node == "x"]
        self.shape, self.macs = network.shapes["x"], cost.macs
        self.planned_task: Task = next(task for task in planned.plan.tasks if "x" in task.nodes)
        self.cycles = 0 if cost.fused_into else planned.cycles - _planned((BEFORE, *nodes[:-1]))[1].cycles


def _planned(nodes: Sequence[Node]) -> tuple[Network, Planned]:
    """A network of these nodes, of which the first and those that nobody reads are outputs, on the machine."""
    read = {name for node in nodes for name in node.inputs}
    outputs = tuple(node.name for node in nodes if node is BEFORE or node.name not in read)
    network = Network("case", (("image", IMAGE),), tuple(nodes), outputs)
    machine = Architecture(
        **MACHINE,
        parameter_groups=32,
        output_lanes=2,
        bus_bytes=8,
        tables=1,
        multiply=1,
        per_channel=1,
        unrounded_add=1,
    )
    return network, best_plan(network, machine)


_KNOWN: dict[Case, _Counted] = {}


def _network(case: Case) -> _Counted:
    if case not in _KNOWN:
        _KNOWN[case] = _Counted(case)
    return _KNOWN[case]


def _unit(task: Task) -> str:
    match task:
        case ConvTask() | AverageTask() | PhasedTask() | GatherTask():
            return "the array"
        case PoolTask() | DepthwiseTask():
            return "the pool unit"


def _counted(kind: type[Node]) -> list[tuple[str, str, str, int]]:
    """Per case: words, shape of the result, cycles, multiplications."""
    rows: list[tuple[str, str, str, int]] = []
    for case in CASES[kind]:
        counted = _network(case)
        rows.append((case[0], str(counted.shape), f"{counted.cycles:,}", counted.macs))
    return rows


def _costs(kind: type[Node]) -> list[str]:
    return [cycles for _, _, cycles, _ in _counted(kind)]


def _text(documented: object) -> str:
    return inspect.getdoc(documented) or ""


def _sentence(documented: object) -> str:
    return _text(documented).split("\n\n")[0].replace("\n", " ")


def _refused(kind: type[Node]) -> list[str]:
    """When shapes do not fit, as the operator says itself; nothing where all do."""
    _, found, limits = _sentence(kind.output_shape).partition("Raises NetworkError ")
    return [limits] if found else []


def _keys(kind: type[Node]) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for field in fields(kind):
        if field.name in ("name", "op"):
            continue
        default = "must be given" if field.default is MISSING else f"`{_json(field.default)}`"
        rows.append((f"`{field.name}`", RULES[field.name][0].replace("|", "\\|"), default))
    return rows


def _json(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value).replace("(", "[").replace(")", "]")


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _handled(operators: Mapping[str, Callable[..., object]]) -> list[tuple[str, str]]:
    """Operators of an importer by what it says of them; those of one handler in one row."""
    rows: dict[str, list[str]] = {}
    for name, handler in operators.items():
        rows.setdefault(_sentence(handler), []).append(name)
    return [(_names(sorted(names)), text) for text, names in rows.items()]
