"""`tcugen shapes`: cycles of every distinct shape of layer in a network, against the ideal, from a run on the RTL."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from rich.console import Console

from tcugen.commands.simulate import Measured, SimulateOptions, measure
from tcugen.console.machine import MachineFlags
from tcugen.console.outcome import Status
from tcugen.console.output_files import write_json
from tcugen.network.fusion import fused_producers
from tcugen.network.graph import Network, Node
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
from tcugen.report.losses import losses_of
from tcugen.report.shapes_report import ShapeEntry, ShapesFigures, shapes_summary, shapes_table

if TYPE_CHECKING:
    from tcugen.verify.compare import NodeResult


def shapes(options: SimulateOptions, flags: MachineFlags, console: Console) -> Status:
    """Run the whole network as `tcugen simulate` does and print one line per shape of layer.

    Layers are measured where they are in the network, so that loads and stores of a layer that runs alone do not
    disturb.

    Returns:
        As `simulate`.

    Raises:
        As `simulate`.
    """
    measured = measure(options, flags, console)
    if measured is None:
        return Status.MISMATCH
    figures = shape_figures(measured)
    console.print(shapes_table(figures))
    console.print(shapes_summary(figures), highlight=False, markup=False)
    if options.json_file:
        write_json(options.json_file, figures)
    return measured.status


def shape_figures(measured: Measured) -> ShapesFigures:
    """Figures by shape, in the order of the first layer of each shape."""
    network, figures = measured.model.network, measured.figures
    fused = fused_producers(network).keys()
    alike: dict[tuple[object, ...], list[NodeResult]] = {}
    for result in measured.outcome.nodes:
        alike.setdefault(_shape(network, result.node), []).append(result)
    multipliers = measured.program.architecture.multipliers
    found: ShapesFigures = {
        "format": figures["format"],
        "network": figures["network"],
        "memory": figures["memory"],
        "architecture": figures["architecture"],
        "mac_count": figures["mac_count"],
        "mismatches": figures["mismatches"],
        "cycles": measured.outcome.cycles[-1],
        "utilisation": measured.program.mac_count / (multipliers * measured.outcome.cycles[-1]),
        "shapes": [_entry(network, results, fused, multipliers) for results in alike.values()],
    }
    if "seed" in figures:
        found["seed"] = figures["seed"]
    return found


def _shape(network: Network, node: Node) -> tuple[object, ...]:
    source = network.shapes[node.inputs[0]]
    return (node.op, source, network.shapes[node.name], _window(node))


@dataclass(frozen=True)
class _Window:
    """The window of an operator that has one."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    groups: int


def _window(node: Node) -> _Window | None:
    match node:
        case Conv():
            return _Window(node.kernel, node.stride, node.padding, node.groups)
        case MaxPool() | AveragePool():
            return _Window(node.kernel, node.stride, node.padding, 1)
        case Linear() | Add() | GlobalAveragePool() | Requantise() | Table() | Concat() | Slice() | Multiply():
            return None
        case Resize() | DepthToSpace() | ChannelShuffle():
            return None
        case _:
            assert_never(node)


def _entry(network: Network, results: Sequence["NodeResult"], fused: Collection[str], multipliers: int) -> ShapeEntry:
    """Layers of one shape together. `losses` are the cycles beyond the ideal, by reason; they sum up.

    `fused` are the nodes whose cycles are those of the node before them.
    """
    node = results[0].node
    window = _window(node)
    macs, cycles = sum(result.macs for result in results), sum(result.cycles for result in results)
    ideal = macs / multipliers
    stalls = Counter[str]()
    for result in results:
        stalls.update(result.stalls)
    return {
        "op": node.op,
        "input": str(network.shapes[node.inputs[0]]),
        "output": str(network.shapes[node.name]),
        "kernel": list(window.kernel) if window else None,
        "stride": list(window.stride) if window else None,
        "padding": list(window.padding) if window else None,
        "groups": window.groups if window else 1,
        "layers": [result.node.name for result in results],
        "fused": all(result.node.name in fused for result in results),
        "macs": macs,
        "ideal_cycles": ideal,
        "cycles": cycles,
        "utilisation": ideal / cycles if cycles else None,
        "losses": losses_of(macs, multipliers, sum(result.busy for result in results), stalls),
    }
