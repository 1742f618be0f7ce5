"""The layer-config format as pydantic models: which keys each operator takes and which values they may have.

One model per operator, told apart by `op`, so a key that does not apply is refused like a misspelt one. `explain`
turns pydantic's findings into the one sentence the user reads. What spans nodes (names, cycles, shapes) is `check`'s.
"""

import json
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_SIZE = 65535
"""Largest channel count, height, width or group count; the machine's own limits are the compiler's to check."""
MAX_KERNEL = 255
"""Largest kernel side, stride and padding."""

Name = Annotated[str, Field(pattern=r"^[^\s,\x00-\x1f\x7f]{1,200}$")]
Size = Annotated[int, Field(ge=1, le=MAX_SIZE)]
Side = Annotated[int, Field(ge=1, le=MAX_KERNEL)]
Border = Annotated[int, Field(ge=0, le=MAX_KERNEL)]
Pair = Annotated[list[Side], Field(min_length=2, max_length=2)]
Borders = Annotated[list[Border], Field(min_length=4, max_length=4)]
Activation = Literal["relu"] | None
OneInput = Annotated[list[Name], Field(min_length=1, max_length=1)]
TwoInputs = Annotated[list[Name], Field(min_length=2, max_length=2)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Conv(_Strict):
    """Two-dimensional convolution with bias; batch normalisation is folded into it."""

    name: Name
    op: Literal["conv"]
    inputs: OneInput
    out_channels: Size
    kernel: Pair
    stride: Pair = [1, 1]
    padding: Borders = [0, 0, 0, 0]
    groups: Size = 1
    activation: Activation = None


class Linear(_Strict):
    """Fully connected layer with bias on a tensor of 1x1 pixels."""

    name: Name
    op: Literal["linear"]
    inputs: OneInput
    out_channels: Size
    activation: Activation = None


class Add(_Strict):
    """Sum of two tensors of one shape."""

    name: Name
    op: Literal["add"]
    inputs: TwoInputs
    activation: Activation = None


class MaxPool(_Strict):
    """Maximum over a window; padding never wins. `stride` has no default, since frameworks disagree on it."""

    name: Name
    op: Literal["max_pool"]
    inputs: OneInput
    kernel: Pair
    stride: Pair
    padding: Borders = [0, 0, 0, 0]


class GlobalAveragePool(_Strict):
    """Mean over all pixels of each channel."""

    name: Name
    op: Literal["global_average_pool"]
    inputs: OneInput


class Requantise(_Strict):
    """Change of scale and zero point alone."""

    name: Name
    op: Literal["requantise"]
    inputs: OneInput


OPERATOR_MODELS = {
    "conv": Conv,
    "linear": Linear,
    "add": Add,
    "max_pool": MaxPool,
    "global_average_pool": GlobalAveragePool,
    "requantise": Requantise,
}
"""Model of each operator; the keys in model order are the order in which the writer puts them."""

AnyNode = Annotated[
    Conv | Linear | Add | MaxPool | GlobalAveragePool | Requantise, Field(discriminator="op", title="node")
]


class Input(_Strict):
    """The network's input: int8 for the hardware, shape [channels, height, width] of one image."""

    name: Name
    shape: Annotated[list[Size], Field(min_length=3, max_length=3)]


class LayerConfig(_Strict):
    """A whole layer-config file."""

    format: Annotated[int, Field(ge=1, le=1)]
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    input: Input
    nodes: Annotated[list[AnyNode], Field(min_length=1)]


_NAME_RULE = "text of 1 to 200 characters without white space, commas and control characters"
_PAIR_RULE = f"two integers [y, x] from 1 to {MAX_KERNEL}"
RULES: dict[str, tuple[str, str]] = {
    "format": ("1, the only version so far", "1"),
    "name": (_NAME_RULE, '"conv1"'),
    "input": ("an object with the keys name and shape", '{"name": "image", "shape": [3, 224, 224]}'),
    "shape": (f"three integers [channels, height, width] from 1 to {MAX_SIZE}", "[3, 224, 224]"),
    "nodes": ("a list of at least one node", '[{"name": "conv1", "op": "conv", ...}]'),
    "op": (f"one of {', '.join(OPERATOR_MODELS)}", '"conv"'),
    "inputs": ("a list of as many tensor names as the operator reads, 2 for add and 1 for all others", '["image"]'),
    "out_channels": (f"an integer from 1 to {MAX_SIZE}", "64"),
    "kernel": (_PAIR_RULE, "[3, 3]"),
    "stride": (_PAIR_RULE, "[1, 1]"),
    "padding": (f"four integers [top, left, bottom, right] from 0 to {MAX_KERNEL}", "[1, 1, 1, 1]"),
    "groups": (f"an integer from 1 to {MAX_SIZE}", "1"),
    "activation": ('null or "relu"', '"relu"'),
}
"""For every key: the rule its value follows, and an example."""


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _suggestion(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, 1, 0.5)
    return f"did you mean {close[0]!r}?" if close else f"use {', '.join(known)}"


def _must_be(where: str, key: str, value: Any) -> str:
    rule, example = RULES[key]
    if key == "name" and where == "network":
        rule, example = "text of 1 to 200 characters without control characters", '"my_network"'
    return f'{where}: {key} is {_shown(value)}, but must be {rule}; write for example "{key}": {example}'


def _unknown_key(where: str, key: str, model: type[BaseModel], op: str | None) -> str:
    allowed = list(model.model_fields)
    if op and key in RULES and any(key in other.model_fields for other in OPERATOR_MODELS.values()):
        return f"{where}: key {key!r} does not apply to {op}, which takes {', '.join(allowed)}; remove it"
    return f"{where}: unknown key {key!r}, keys here are {', '.join(allowed)}; {_suggestion(key, allowed)}"


def node_label(node: Any, index: int) -> str:
    """How messages call a node: by its name if it has one, else by its place."""
    name = node.get("name") if isinstance(node, dict) else None
    return f"node {name!r}" if isinstance(name, str) else f"nodes[{index}]"


def explain(error: ValidationError, data: Any) -> str:
    """The first finding of `error` about the parsed JSON `data` as one sentence with place, value, rule and remedy."""
    found = error.errors(include_url=False, include_context=False)
    first, more = found[0], len(found) - 1
    text = _sentence(first["type"], first["loc"], data)
    return text + (f" ({more} more {'error' if more == 1 else 'errors'} after this one)" if more else "")


def _sentence(kind: str, path: tuple[int | str, ...], data: Any) -> str:
    if not path:
        keys = ", ".join(LayerConfig.model_fields)
        return f"the file holds {_shown(data)}, but must hold an object with the keys {keys}; wrap it in one"
    where, model, op, item, path = "network", LayerConfig, None, data, list(path)
    if path[0] == "nodes" and len(path) > 1:
        item = data["nodes"][path[1]]
        where = node_label(item, path[1])
        if not isinstance(item, dict):
            return f"{where} is {_shown(item)}, but must be an object; write for example {RULES['nodes'][1][1:-1]}"
        if len(path) == 2:
            if "op" not in item:
                return f'{where}: key op is missing, it must be {RULES["op"][0]}; add for example "op": "conv"'
            rule = f"{where}: op is {_shown(item['op'])}, but must be {RULES['op'][0]}"
            return f"{rule}; {_suggestion(str(item['op']), list(OPERATOR_MODELS))}"
        op, path = path[2], path[3:]
        model = OPERATOR_MODELS[op]
    elif path[0] == "input" and len(path) > 1:
        where, model, item, path = "input", Input, data["input"], path[1:]
    key = path[0]
    if kind == "extra_forbidden":
        return _unknown_key(where, key, model, op)
    if kind == "missing":
        return f'{where}: key {key} is missing, it must be {RULES[key][0]}; add for example "{key}": {RULES[key][1]}'
    return _must_be(where, key, item[key])
