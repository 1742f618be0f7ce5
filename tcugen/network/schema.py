"""The layer-config format: which keys a file has around its nodes, and one sentence for what is wrong with it.

Nodes are the classes of `operators`, told apart by `op`, so a key that does not apply is refused like a misspelt one.
`explain` turns pydantic's findings into the one sentence the user reads. What spans nodes (names, cycles, shapes) is
`check`'s.
"""

import json
from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tcugen.network.fields import MAX_KERNEL, MAX_SIZE, Function, Name, Size
from tcugen.network.operators import Node

OPERATORS: dict[str, type[Node]] = {operator.op: operator for operator in get_args(Node)}
"""Every operator by the name that files have for it."""


def keys_of(operator: type[Node]) -> list[str]:
    """Keys of an operator in a file, in the order in which the writer puts them."""
    return [field.name for field in fields(operator)]


class _Keys(BaseModel):
    # Not strict: that would refuse lists for tuples. Where it matters the fields are.
    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(_Keys):
    """The network's input: int8 for the hardware, shape [channels, height, width] of one image."""

    name: Name
    shape: tuple[Size, Size, Size]


class LayerConfig(_Keys):
    """A whole layer-config file."""

    format: Annotated[int, Field(strict=True, ge=1, le=2)]
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    input: Input
    outputs: Annotated[list[Name], Field(min_length=1)] | None = None
    nodes: Annotated[list[Annotated[Node, Field(discriminator="op", title="node")]], Field(min_length=1)]


_NAME_RULE = "text of 1 to 200 characters without white space, commas and control characters"
_PAIR_RULE = f"two integers [y, x] from 1 to {MAX_KERNEL}"
RULES: dict[str, tuple[str, str]] = {
    "format": (
        "1, or 2 for a file with a dilation, an activation other than relu, a table, a concat, a slice, a multiply, "
        "an average_pool, a resize, a depth_to_space, a channel_shuffle, an unrounded input or outputs",
        "1",
    ),
    "name": (_NAME_RULE, '"conv1"'),
    "input": ("an object with the keys name and shape", '{"name": "image", "shape": [3, 224, 224]}'),
    "shape": (f"three integers [channels, height, width] from 1 to {MAX_SIZE}", "[3, 224, 224]"),
    "outputs": ("a list of at least one name of a node", '["fc"]'),
    "nodes": ("a list of at least one node", '[{"name": "conv1", "op": "conv", ...}]'),
    "op": (f"one of {', '.join(OPERATORS)}", '"conv"'),
    "inputs": (
        "a list of as many tensor names as the operator reads, 2 for add and multiply, 2 or more for concat and 1 for "
        "all others",
        '["image"]',
    ),
    "out_channels": (f"an integer from 1 to {MAX_SIZE}", "64"),
    "kernel": (_PAIR_RULE, "[3, 3]"),
    "stride": (_PAIR_RULE, "[1, 1]"),
    "padding": (f"four integers [top, left, bottom, right] from 0 to {MAX_KERNEL}", "[1, 1, 1, 1]"),
    "count_include_pad": ("true or false", "false"),
    "factor": (_PAIR_RULE, "[2, 2]"),
    "block": (f"an integer from 1 to {MAX_KERNEL}", "2"),
    "mode": ('"DCR" or "CRD"', '"DCR"'),
    "dilation": (_PAIR_RULE, "[2, 2]"),
    "groups": (f"an integer from 1 to {MAX_SIZE}", "1"),
    "activation": ('null, "relu", "relu6" or two numbers [low, high], low below high, null for no limit', '"relu"'),
    "function": (f"one of {', '.join(get_args(Function))}", '"sigmoid"'),
    "alpha": ("a number, of a leaky_relu, hard_sigmoid or elu", "0.1"),
    "unrounded": ("0 or 1, the index of an add's input that is not rounded before the sum, or null", "0"),
    "same_scale": ("a list of true and false, one for each input", "[true, true]"),
    "channels": (f"two integers [start, stop] from 0 to {MAX_SIZE}, start below stop", "[0, 16]"),
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


def _unknown_key(where: str, key: str, allowed: list[str], op: str | None) -> str:
    if op and any(key in keys_of(other) for other in OPERATORS.values()):
        return f"{where}: key {key!r} does not apply to {op}, which takes {', '.join(allowed)}; remove it"
    return f"{where}: unknown key {key!r}, keys here are {', '.join(allowed)}; {_suggestion(key, allowed)}"


def node_label(node: Any, index: int) -> str:
    """How messages call a node: by its name if it has one, else by its place."""
    match node:
        case {"name": str(name)}:
            return f"node {name!r}"
        case _:
            return f"nodes[{index}]"


def explain(error: ValidationError, data: Any) -> str:
    """The first finding of `error` about the parsed JSON `data` as one sentence with place, value, rule and remedy."""
    found = error.errors(include_url=False, include_context=False)
    # Of a list that is too short, pydantic misses each item; that is one error, and none if an item there is wrong.
    lengths = [finding["loc"][:-1] for finding in found if _misses_an_item(finding["type"], finding["loc"])]
    wrong = [finding for finding in found if not _misses_an_item(finding["type"], finding["loc"])]
    first = found[0]
    places = {finding["loc"][:-1] for finding in wrong}
    more = len(wrong) + len(set(lengths) - places) - 1
    text = _sentence(first["type"], first["loc"], data)
    return text + (f" ({more} more {'error' if more == 1 else 'errors'} after this one)" if more else "")


def _misses_an_item(kind: str, path: tuple[int | str, ...]) -> bool:
    return kind == "missing" and isinstance(path[-1], int)


def _sentence(kind: str, path: tuple[int | str, ...], data: Any) -> str:
    match path:
        case ():
            keys = ", ".join(LayerConfig.model_fields)
            return f"the file holds {_shown(data)}, but must hold an object with the keys {keys}; wrap it in one"
        case ("nodes", int(index), str(op), str(key), *items):
            node = data["nodes"][index]
            return _about_key(kind, node_label(node, index), node, keys_of(OPERATORS[op]), key, items, op)
        case ("nodes", int(index), *_):
            return _about_node(data["nodes"][index], index)
        case ("input", str(key), *items):
            return _about_key(kind, "input", data["input"], list(Input.model_fields), key, items)
        case _:
            return _about_key(kind, "network", data, list(LayerConfig.model_fields), str(path[0]), path[1:])


def _about_node(node: Any, index: int) -> str:
    """What is wrong with a node of which not even the operator is known."""
    where = node_label(node, index)
    match node:
        case {"op": op}:
            rule = f"{where}: op is {_shown(op)}, but must be {RULES['op'][0]}"
            return f"{rule}; {_suggestion(str(op), list(OPERATORS))}"
        case {}:
            return f'{where}: key op is missing, it must be {RULES["op"][0]}; add for example "op": "conv"'
        case _:
            return f"{where} is {_shown(node)}, but must be an object; write for example {RULES['nodes'][1][1:-1]}"


def _about_key(
    kind: str, where: str, item: Any, allowed: list[str], key: str, items: Sequence[int | str], op: str | None = None
) -> str:
    """What is wrong with one key of `item`, or with one of the `items` in its value."""
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unknown_key(where, key, allowed, op)
    if kind == "missing" and not items:
        return f'{where}: key {key} is missing, it must be {RULES[key][0]}; add for example "{key}": {RULES[key][1]}'
    return _must_be(where, key, item[key])
