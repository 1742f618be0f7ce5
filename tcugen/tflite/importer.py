"""From a .tflite file to a quantized network, by way of the ONNX graph that it stands for."""

from dataclasses import dataclass, replace
from pathlib import Path

from tcugen.model.errors import ModelError
from tcugen.model.problems import Problem, Refused, UnsupportedModel
from tcugen.onnx.importer.onnx_file import OnnxGraph
from tcugen.onnx.importer.onnx_model import ImportedModel, import_graph
from tcugen.tflite.file import TfliteModel
from tcugen.tflite.host import host_part
from tcugen.tflite.multiplications import multiplications
from tcugen.tflite.operators import OPERATORS, REMEDIES, SEVERAL_OUTPUTS
from tcugen.tflite.reading import read_tflite
from tcugen.tflite.translation import TO_CHANNELS_FIRST, TO_CHANNELS_LAST, Translation, channels_first

_OPSET = 21
"""Version of the operators of ONNX that the graph is in."""


@dataclass(frozen=True, eq=False)
class ImportedTflite:
    """A .tflite file as a network.

    Attributes:
        file: What was read.
        imported: The network and what was done to it.
        tensors: Number of the file's tensor by tensor of the network, where the file has the very same values.
    """

    file: TfliteModel
    imported: ImportedModel
    tensors: dict[str, int]


def import_tflite(path: Path | str) -> ImportedTflite:
    """Import a .tflite file of int8 or uint8.

    The network computes what the same operators of ONNX do, see `docs/import.md`; LiteRT rounds otherwise now and then.

    Raises:
        ModelError: If the file cannot be used.
        UnsupportedModel: If operators cannot run on the hardware; lists all of them.
    """
    model = read_tflite(path)
    if not any(tensor.is_integer for tensor in model.tensors if not tensor.is_constant):
        raise ModelError(
            f"{path}: none of its {len(model.operators)} operators is on integers, but the hardware computes in int8; "
            "convert it with full integer quantization, int8 activations and a representative data set"
        )
    host = host_part(model)
    translation = Translation(model)
    graph = _graph(translation, host.outputs, host.operators)
    try:
        imported = import_graph(graph)
    except UnsupportedModel as error:
        raise UnsupportedModel(
            str(path), _problems(translation, error.problems), multiplications(model), splits=False
        ) from None
    report = replace(imported.report, notes=(*host.notes, *imported.report.notes))
    imported = ImportedModel(imported.model, report)
    return ImportedTflite(model, imported, _tensors(translation, imported))


def _graph(t: Translation, outputs: tuple[int, ...], on_host: frozenset[int]) -> OnnxGraph:
    """The graph that ends in `outputs`; operators that are refused are nodes of a domain of their own."""
    model = t.model
    entry = model.tensors[model.input]
    if entry.kind not in ("FLOAT32", "INT8", "UINT8") or len(entry.shape) not in (2, 4) or entry.shape[0] != 1:
        raise ModelError(
            f"{model.source}: input {entry.name!r} is {entry.kind} of shape {list(entry.shape)}, but must be INT8, "
            "UINT8 or FLOAT32 of shape [1, height, width, channels] or [1, values]; convert the model so"
        )
    image = t.names[model.input]
    if len(entry.shape) == 4:
        t.begin(0)
        t.names[model.input] = t.turned(model.operators[0], model.input, TO_CHANNELS_FIRST, "channels_first")
    for index, operator in enumerate(model.operators):
        t.begin(index)
        if index in on_host:
            continue
        try:
            if operator.op not in OPERATORS:
                remedy = REMEDIES.get(operator.op, "replace it by supported operators, or let the host compute it")
                raise operator.refusal("operator", operator.op, remedy)
            if len(operator.outputs) > 1 and operator.op not in SEVERAL_OUTPUTS:
                raise operator.refusal("outputs", len(operator.outputs), "it has one: convert the model again")
            OPERATORS[operator.op](t, operator)
        except Refused as refused:
            t.foreign(operator, refused)
    shown = tuple(_as_in_the_file(t, index) for index in outputs)
    return OnnxGraph(
        source=model.source,
        opset=_OPSET,
        nodes=tuple(t.nodes),
        constants=t.constants,
        input=image,
        input_sides=entry.shape[1:],
        input_unsigned={"INT8": False, "UINT8": True}.get(entry.kind),
        outputs=shown,
        notes=(),
        proto=None,
        stated_shapes={name: tuple(channels_first(model.tensors[index].shape)) for index, name in t.names.items()},
    )


def _as_in_the_file(t: Translation, index: int) -> str:
    """An output of the file, with channels last."""
    producer = next(i for i, operator in enumerate(t.model.operators) if index in operator.outputs)
    t.begin(producer)
    if len(t.model.tensors[index].shape) != 4:
        return t.names[index]
    return t.turned(t.model.operators[producer], index, TO_CHANNELS_LAST, "channels_last")


def _problems(t: Translation, problems: tuple[Problem, ...]) -> list[Problem]:
    """Problems of the graph's nodes as those of the file's operators, in its order."""
    found: dict[int, list[Problem]] = {index: list(refused) for index, refused in t.refused.items()}
    for problem in problems:
        owner = t.owners[problem.node]
        if owner not in t.refused:
            operator = t.model.operators[owner]
            found.setdefault(owner, []).append(replace(problem, node=operator.name, operator=operator.op))
    return [problem for index in sorted(found) for problem in dict.fromkeys(found[index])]


def _tensors(t: Translation, imported: ImportedModel) -> dict[str, int]:
    """What the file calls the tensors of the network: the last node of an operator makes its output."""
    network = imported.model.network
    found = {network.inputs[0][0]: t.model.input}
    last: dict[int, str] = {}
    for node in network.nodes:
        last[t.owners[imported.report.origins[node.name]]] = node.name
    for owner, name in last.items():
        index = t.model.operators[owner].outputs[0]
        shape, tensor = network.shapes[name], t.model.tensors[index]
        sides = (*tensor.shape[1:], *(1, 1))[:3] if len(tensor.shape) == 2 else tuple(channels_first(tensor.shape)[1:])
        quantization = imported.model.tensors[name]
        if quantization is None or not tensor.is_integer or sides != (shape.channels, shape.height, shape.width):
            continue
        shift = 128 if tensor.kind == "UINT8" else 0
        if (quantization.scale, quantization.zero_point) == (tensor.scale[0], tensor.zero_point[0] - shift):
            found[name] = index
    return found
