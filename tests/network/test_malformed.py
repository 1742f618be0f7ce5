"""Layer configs that are wrong: each is refused with one message that names node, value, rule and remedy."""

import copy
import json
import random
from typing import Any

import pytest

from tcugen.network.graph import NetworkError
from tcugen.network.layer_config import parse_layer_config

DELETE = object()

GOOD: dict[str, Any] = {
    "format": 1,
    "name": "small",
    "input": {"name": "image", "shape": [4, 8, 8]},
    "nodes": [
        {"name": "conv1", "op": "conv", "inputs": ["image"], "out_channels": 8, "kernel": [3, 3], "stride": [1, 1],
         "padding": [1, 1, 1, 1], "groups": 1, "activation": "relu"},
        {"name": "conv2", "op": "conv", "inputs": ["conv1"], "out_channels": 8, "kernel": [1, 1]},
        {"name": "sum", "op": "add", "inputs": ["conv2", "conv1"], "activation": "relu"},
        {"name": "pool", "op": "max_pool", "inputs": ["sum"], "kernel": [3, 3], "stride": [2, 2],
         "padding": [1, 1, 1, 1]},
        {"name": "avg", "op": "global_average_pool", "inputs": ["pool"]},
        {"name": "scale", "op": "requantise", "inputs": ["avg"]},
        {"name": "fc", "op": "linear", "inputs": ["scale"], "out_channels": 10, "activation": None},
    ],
}  # fmt: skip
CONV1, CONV2, SUM, POOL, AVG, SCALE, FC = range(7)


def changed(*path_and_value: Any) -> str:
    """JSON of GOOD with one value at a path replaced, added or deleted."""
    *path, value = path_and_value
    data = copy.deepcopy(GOOD)
    place = data
    for step in path[:-1]:
        place = place[step]
    if value is DELETE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(data)


def node(index: int, *rest: Any) -> str:
    return changed("nodes", index, *rest)


PAIR = "must be two integers [y, x] from 1 to 255"

CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    # The file as a whole.
    "empty": ("", ("line 1 column 1", "not JSON", "ends early")),
    "truncated": (json.dumps(GOOD)[:200], ("not JSON", "ends early, complete it")),
    "bad syntax": ('{"format": 1,, }', ("line 1 column 14", "not JSON", "correct the text")),
    "list": ("[1, 2]", ("holds [1, 2]", "must hold an object with the keys format, name, input, outputs, nodes")),
    "number": ("7", ("holds 7", "object")),
    "null": ("null", ("holds null", "object")),
    "trailing text": (json.dumps(GOOD) + "x", ("not JSON", "Extra data")),
    "deep nesting": ("[" * 100_000, ("nested too deeply",)),
    "endless number": ('{"format": ' + "1" * 5000 + "}", ("number too long",)),
    "NaN": (json.dumps(GOOD).replace("[4, 8, 8]", "[4, NaN, 8]"), ("holds NaN", "write an integer")),
    "infinity": (json.dumps(GOOD).replace("[4, 8, 8]", "[4, -Infinity, 8]"), ("holds -Infinity",)),
    "key twice": (json.dumps(GOOD).replace('"groups": 1', '"groups": 1, "groups": 2'), ("'conv1'", "'groups' twice")),
    # Keys of the whole.
    "no format": (changed("format", DELETE), ("network: key format is missing", 'add for example "format": 1')),
    "format 3": (changed("format", 3), ("format is 3", "must be 1, or 2 for")),
    "format as bool": (changed("format", True), ("format is true", "must be 1")),
    "no name": (changed("name", DELETE), ("network: key name is missing",)),
    "empty name": (changed("name", ""), ('network: name is ""', "text of 1 to 200 characters")),
    "name a number": (changed("name", 5), ("network: name is 5", "text")),
    "unknown key": (changed("nodse", []), ("network: unknown key 'nodse'", "did you mean 'nodes'?")),
    "no nodes": (changed("nodes", []), ("network: nodes is []", "at least one node")),
    "nodes an object": (changed("nodes", {}), ("nodes is {}", "a list")),
    "no input": (changed("input", DELETE), ("key input is missing", '"shape": [3, 224, 224]')),
    "input a list": (changed("input", [4, 8, 8]), ("input is [4, 8, 8]", "an object with the keys name and shape")),
    "input without shape": (changed("input", "shape", DELETE), ("input: key shape is missing", "three integers")),
    "input of two sizes": (changed("input", "shape", [8, 8]), ("input: shape is [8, 8]", "three integers")),
    "input of size 0": (changed("input", "shape", [4, 0, 8]), ("shape is [4, 0, 8]", "from 1 to 65535")),
    "input of huge size": (changed("input", "shape", [4, 10**30, 8]), ("input: shape is", "from 1 to 65535")),
    "input of batches": (changed("input", "shape", [1, 4, 8, 8]), ("shape is [1, 4, 8, 8]", "three integers")),
    "input with type": (changed("input", "dtype", "int8"), ("input: unknown key 'dtype'", "name, shape")),
    # Keys of a node.
    "node a string": (changed("nodes", 1, "conv"), ('nodes[1] is "conv"', "must be an object")),
    "node without name": (node(CONV1, "name", DELETE), ("nodes[0]: key name is missing",)),
    "node name with space": (node(CONV1, "name", "a b"), ("node 'a b'", 'name is "a b"', "without white space")),
    "node name with comma": (node(CONV1, "name", "a,b"), ('name is "a,b"', "commas")),
    "node name with newline": (node(CONV1, "name", "a\n"), ('name is "a\\n"', "control characters")),
    "node name half a pair": (node(CONV1, "name", "\ud800"), ('name is "\\ud800"',)),
    "node without op": (node(CONV1, "op", DELETE), ("node 'conv1': key op is missing", "conv, linear, add")),
    "unknown op": (node(CONV1, "op", "convolution"), ("node 'conv1': op is \"convolution\"", "did you mean 'conv'?")),
    "foreign op": (node(CONV1, "op", "softmax"), ('op is "softmax"', "one of conv, linear", "use conv, linear")),
    "op a list": (node(CONV1, "op", ["conv"]), ("node 'conv1': op is [\"conv\"]", "one of conv")),
    "op a number": (node(CONV1, "op", 3), ("node 'conv1': op is 3",)),
    "inputs text": (node(CONV1, "inputs", "image"), ('inputs is "image"', "a list", '"inputs": ["image"]')),
    "no inputs": (node(CONV1, "inputs", []), ("node 'conv1': inputs is []", "1 for all others")),
    "two inputs": (node(CONV1, "inputs", ["image", "fc"]), ("node 'conv1': inputs is", "2 for add")),
    "add of one": (node(SUM, "inputs", ["conv1"]), ("node 'sum': inputs is [\"conv1\"]", "2 for add")),
    "add of three": (node(SUM, "inputs", ["conv1", "conv2", "conv1"]), ("node 'sum'", "2 for add")),
    "input null": (node(CONV1, "inputs", [None]), ("inputs is [null]", "tensor names")),
    "no out_channels": (node(CONV1, "out_channels", DELETE), ("node 'conv1': key out_channels is missing",)),
    "out_channels 0": (node(CONV1, "out_channels", 0), ("out_channels is 0", "an integer from 1 to 65535")),
    "out_channels -8": (node(FC, "out_channels", -8), ("node 'fc': out_channels is -8", "from 1")),
    "out_channels true": (node(CONV1, "out_channels", True), ("out_channels is true", "an integer")),
    "out_channels 8.0": (node(CONV1, "out_channels", 8.0), ("out_channels is 8.0", "an integer")),
    "out_channels text": (node(CONV1, "out_channels", "8"), ('out_channels is "8"', "an integer")),
    "out_channels huge": (node(CONV1, "out_channels", 10**20), ("out_channels is 1000", "to 65535")),
    "kernel one number": (node(CONV1, "kernel", 3), ("node 'conv1': kernel is 3", PAIR, '"kernel": [3, 3]')),
    "kernel three": (node(CONV1, "kernel", [3, 3, 3]), ("kernel is [3, 3, 3]", PAIR)),
    "kernel 0": (node(CONV1, "kernel", [3, 0]), ("kernel is [3, 0]", PAIR)),
    "kernel 256": (node(CONV1, "kernel", [256, 1]), ("kernel is [256, 1]", PAIR)),
    "stride 0": (node(CONV1, "stride", [0, 1]), ("stride is [0, 1]", PAIR)),
    "stride bool": (node(CONV1, "stride", [True, 1]), ("stride is [true, 1]", PAIR)),
    "padding pair": (node(CONV1, "padding", [1, 1]), ("padding is [1, 1]", "four integers [top, left, bottom, right]")),
    "padding -1": (node(CONV1, "padding", [-1, 1, 1, 1]), ("padding is [-1, 1, 1, 1]", "from 0 to 255")),
    "padding same": (node(CONV1, "padding", "same"), ('padding is "same"', "four integers")),
    "groups 0": (node(CONV1, "groups", 0), ("groups is 0", "an integer from 1")),
    "activation gelu": (node(CONV1, "activation", "gelu"), ('activation is "gelu"', 'null, "relu", "relu6" or two')),
    "activation false": (node(CONV1, "activation", False), ("activation is false", 'null, "relu", "relu6" or two')),
    "activation of one limit": (node(CONV1, "activation", [0]), ("activation is [0], but", "null for no limit")),
    "activation upside down": (node(CONV1, "activation", [6, 0]), ("activation is [6, 0], but", "low below high")),
    "activation of words": (node(CONV1, "activation", ["0", 6]), ('activation is ["0", 6], but', "two numbers")),
    "activation beyond floats": (node(CONV1, "activation", [0, 10**400]), ("activation is [0, 1000", "two numbers")),
    "activation of format 1": (node(CONV1, "activation", "relu6"), ('"relu6", which format 1', '"format": 2')),
    "dilation": (node(CONV1, "dilation", [2, 2]), ("node 'conv1': has a dilation, which format 1", '"format": 2')),
    "dilation of zero": (node(CONV1, "dilation", [0, 2]), ("node 'conv1': dilation is [0, 2]", "two integers [y, x]")),
    "misspelt key": (node(CONV1, "paddings", [1] * 4), ("unknown key 'paddings'", "did you mean 'padding'?")),
    "kernel of linear": (node(FC, "kernel", [1, 1]), ("node 'fc': key 'kernel' does not apply to linear", "remove it")),
    "groups of add": (node(SUM, "groups", 1), ("node 'sum': key 'groups' does not apply to add",)),
    "relu of pool": (node(POOL, "activation", "relu"), ("'activation' does not apply to max_pool", "name, op, inputs")),
    "relu of average": (node(AVG, "activation", None), ("'activation' does not apply to global_average_pool",)),
    "channels of requantise": (node(SCALE, "out_channels", 8), ("'out_channels' does not apply to requantise",)),
    "pool without stride": (node(POOL, "stride", DELETE), ("node 'pool': key stride is missing",)),
    # What spans nodes.
    "name twice": (node(CONV2, "name", "conv1"), ("node 'conv1': the name is taken by another node", "rename")),
    "name of the input": (node(FC, "name", "image"), ("node 'image': the name is taken by the network's input",)),
    "unknown input": (node(CONV2, "inputs", ["conv11"]), ("node 'conv2': reads 'conv11'", "did you mean 'conv1'")),
    "far-off input": (node(CONV2, "inputs", ["xyz"]), ("reads 'xyz'", "known names are image, conv1, conv2")),
    "itself": (node(CONV2, "inputs", ["conv2"]), ("cycle, conv2 -> conv2,", "break the cycle")),
    "cycle": (node(CONV1, "inputs", ["pool"]), ("lies on a cycle", "conv1 -> conv2 -> sum -> pool -> conv1,")),
    "dead end": (node(SUM, "inputs", ["conv1", "conv1"]), ("node 'conv2': nobody reads", "last node ('fc')", "remove")),
    "kernel too large": (node(CONV1, "kernel", [3, 11]), ("node 'conv1': kernel 3x11", "padded input 10x10")),
    "groups of 3": (node(CONV1, "groups", 3), ("node 'conv1': groups = 3 must divide the 4 input and 8 output",)),
    "add of shapes": (node(CONV2, "out_channels", 4), ("adds 'conv2' of shape 4x8x8 and 'conv1' of shape 8x8x8",)),
    "pool padding": (node(POOL, "padding", [1, 1, 3, 1]), ("'pool': bottom padding is 3", "kernel's 3", "at most 2")),
    "skipped node": (node(FC, "inputs", ["avg"]), ("node 'scale': nobody reads its output", "among the outputs")),
    "linear on a map": (
        json.dumps(GOOD | {"nodes": [GOOD["nodes"][CONV1], GOOD["nodes"][FC] | {"inputs": ["conv1"]}]}),
        ("node 'fc': linear reads 'conv1' of shape 8x8x8, but needs 1x1 pixels", "global_average_pool"),
    ),
}  # fmt: skip


def test_the_sound_config_is_read():
    assert parse_layer_config(json.dumps(GOOD)).mac_count == 36 * 8 * 64 + 64 * 64 + 80


@pytest.mark.parametrize("case", CASES)
def test_malformed(case):
    text, parts = CASES[case]
    with pytest.raises(NetworkError) as caught:
        parse_layer_config(text, "net.json")
    message = str(caught.value)
    assert message.startswith("net.json: ")
    assert "\n" not in message and len(message) < 500
    for part in parts:
        assert part in message


def test_several_errors_give_one_message_that_counts_them():
    data = copy.deepcopy(GOOD)
    data["nodes"][CONV1]["kernel"] = [0, 0]
    data["nodes"][FC]["out_channels"] = 0
    with pytest.raises(NetworkError, match=r"'conv1': kernel is \[0, 0\].*\(2 more errors after this one\)"):
        parse_layer_config(json.dumps(data))


def test_any_truncation_is_refused():
    text = json.dumps(GOOD)
    for length in range(0, len(text), 7):
        with pytest.raises(NetworkError, match="not JSON"):
            parse_layer_config(text[:length])


def test_random_damage_never_escapes_as_another_error():
    """Any value anywhere replaced by anything: the result is a network or a NetworkError."""
    rng = random.Random(1)
    junk = [None, True, -1, 0, 1, 2.5, 10**25, "", "relu", "conv1", [], [1], [3, 3], ["image"], {}, {"a": 1}]
    refused = 0
    for _ in range(1500):
        data = copy.deepcopy(GOOD)
        place: Any = data
        while True:
            step = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
            if not isinstance(place[step], dict | list) or not place[step] or rng.random() < 0.2:
                break
            place = place[step]
        place[step] = rng.choice(junk)
        try:
            parse_layer_config(json.dumps(data))
        except NetworkError as error:
            refused += 1
            assert str(error).startswith("layer config: ")
    assert refused > 1000
