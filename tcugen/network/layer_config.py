"""Reader and writer of the layer-config JSON, the shapes of a network in one file."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, assert_never

from pydantic import ValidationError

from tcugen.network.activation import Activation
from tcugen.network.bundled import NETWORK_NAMES, network_named
from tcugen.network.check import checked_network, close_names
from tcugen.network.dilated_pool import in_steps
from tcugen.network.graph import Network, NetworkError, Node, Shape
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
    Requantise,
    Resize,
    Slice,
    Table,
)
from tcugen.network.schema import LayerConfig, explain, keys_of


def read_layer_config(path: Path | str) -> Network:
    """Read a layer-config file (UTF-8).

    Raises:
        NetworkError: If it cannot be read, is not JSON, does not follow the format or describes no sound network.
            The message begins with the path.
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise NetworkError(f"{path}: cannot be read ({reason}); give the path of a layer-config file") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NetworkError(
            f"{path}: byte {error.start} is 0x{data[error.start]:02x}, but the file must be UTF-8; save it as UTF-8"
        ) from None
    return parse_layer_config(text, str(path))


def parse_layer_config(text: str, source: str = "layer config") -> Network:
    """The network that layer-config JSON `text` describes; nodes may be listed in any order.

    Raises:
        NetworkError: As for `read_layer_config`; the message begins with `source`.
    """
    data = _parse_json(text, source)
    try:
        config = LayerConfig.model_validate(data)
        _check_format(config)
        inputs = ((config.input.name, Shape(*config.input.shape)),)
        nodes = [step for node in config.nodes for step in (in_steps(node) if isinstance(node, MaxPool) else (node,))]
        return checked_network(config.name, inputs, nodes, config.outputs or ())
    except ValidationError as error:
        raise NetworkError(f"{source}: {explain(error, data)}") from None
    except NetworkError as error:
        raise NetworkError(f"{source}: {error}") from None


def write_layer_config(network: Network) -> str:
    """The layer-config JSON of a network: one node per line, keys in a fixed order, those that don't apply left out.

    `parse_layer_config` gives the same network back.

    Raises:
        NetworkError: If the network has several inputs, which the format does not have.
    """
    if len(network.inputs) != 1:
        raise NetworkError(
            f"network {network.name!r}: has {len(network.inputs)} inputs, but a layer config has one; "
            "write the whole network instead of an extract"
        )
    name, shape = network.inputs[0]
    head = {"name": name, "shape": [shape.channels, shape.height, shape.width]}
    lines = ",\n".join("    " + _dump(_to_keys(node)) for node in network.nodes)
    # Where nothing but the last node is an output, there is nothing to say.
    outputs = network.outputs if network.outputs != (network.nodes[-1].name,) else ()
    version = _format_of(network.nodes, outputs)
    return (
        f'{{\n  "format": {version},\n  "name": {_dump(network.name)},\n  "input": {_dump(head)},\n'
        + (f'  "outputs": {_dump(list(outputs))},\n' if outputs else "")
        + f'  "nodes": [\n{lines}\n  ]\n}}\n'
    )


def load_network(argument: str) -> tuple[Network, str | None]:
    """The network that a command-line argument means: a layer-config file or, if there is none, a bundled network.

    Args:
        argument: Path of a file. If nothing is there and its stem is a bundled name (`resnet50`, `resnet50.json`),
            that network is meant.

    Returns:
        The network, and a note for the user if a bundled one took the place of a missing file.

    Raises:
        NetworkError: As for `read_layer_config`, or if the file is missing and its stem is no bundled name.
    """
    path = Path(argument)
    if os.path.exists(argument):  # noqa: PTH110  # Path.exists takes "" for the folder, and raises for long names
        return read_layer_config(path), None
    if path.stem in NETWORK_NAMES and path.suffix in ("", ".json"):
        return network_named(path.stem), f"{argument}: no such file, using the bundled network {path.stem}"
    raise NetworkError(
        f"{argument}: no such file, and {path.stem!r} is none of the bundled networks {', '.join(NETWORK_NAMES)}; "
        f"{close_names(path.stem, NETWORK_NAMES)}"
    )


def json_schema() -> dict[str, Any]:
    """JSON Schema of the format, for editors and documentation."""
    return LayerConfig.model_json_schema()


def _parse_json(text: str, source: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys: dict[str, Any] = {}
        for key, value in pairs:
            if key in keys:
                name = keys.get("name", dict(pairs).get("name"))
                raise NetworkError(
                    f"{source}: object {name!r} holds key {key!r} twice, but keys must be unique; remove one of them"
                )
            keys[key] = value
        return keys

    def no_constant(constant: str) -> None:
        raise NetworkError(f"{source}: holds {constant}, but JSON has no such number; write an integer")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        early = not text[error.pos :].strip() or error.msg.startswith("Unterminated")
        raise NetworkError(
            f"{source}: line {error.lineno} column {error.colno}: not JSON, {error.msg}; "
            + ("the text ends early, complete it" if early else "correct the text there")
        ) from None
    except NetworkError:
        raise
    except (ValueError, RecursionError):
        # Python's limits: integers of over 4300 digits, brackets nested about a thousand deep.
        raise NetworkError(
            f"{source}: holds a number too long or brackets nested too deeply to be a layer config; correct the text"
        ) from None


def _to_keys(node: Node) -> dict[str, Any]:
    # JSON writes tuples as lists. What format 1 does not have is left out where it says nothing.
    silent = {"dilation": (1, 1), "alpha": None, "unrounded": None, "same_scale": ()}
    keys = {key: getattr(node, key) for key in keys_of(type(node))}
    return {key: value for key, value in keys.items() if key not in silent or value != silent[key]}


def _format_of(nodes: Iterable[Node], outputs: Sequence[str] | None) -> int:
    """The first format that has all that nodes and outputs need."""
    return 2 if outputs or any(map(_new_in_format_2, nodes)) else 1


def _new_in_format_2(node: Node) -> str:
    """What a node has that format 1 does not have; empty if nothing."""
    match node:
        case AveragePool():
            return f"is an {node.op}"
        case Table() | Concat() | Slice() | Multiply() | Resize() | DepthToSpace() | ChannelShuffle():
            return f"is a {node.op}"
        case Conv():
            return _new_dilation(node) or _new_activation(node.activation)
        case Add():
            return "has an unrounded input" if node.unrounded is not None else _new_activation(node.activation)
        case Linear():
            return _new_activation(node.activation)
        case MaxPool():
            return _new_dilation(node)
        case GlobalAveragePool() | Requantise():
            return ""
        case _:
            assert_never(node)


def _new_dilation(node: Conv | MaxPool) -> str:
    return "has a dilation" if node.dilation != (1, 1) else ""


def _new_activation(activation: Activation) -> str:
    return "" if activation in (None, "relu") else f"has the activation {_dump(activation)}"


def _check_format(config: LayerConfig) -> None:
    if config.format < _format_of(config.nodes, config.outputs):
        if config.outputs:
            raise NetworkError('network: names its outputs, which format 1 does not do; write "format": 2')
        name, what = next((node.name, what) for node in config.nodes if (what := _new_in_format_2(node)))
        raise NetworkError(f'node {name!r}: {what}, which format 1 does not have; write "format": 2')


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
