"""`tcugen shapes`: cycles of every distinct shape of layer in a network, against the ideal, from a run on the RTL."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_never

from rich.console import Console

from tcugen.commands.simulate import Measured, SimulateOptions, measure
from tcugen.console.machine import MachineFlags
from tcugen.console.outcome import Status
from tcugen.console.output_files import write_json
from tcugen.network.graph import Network, Node
from tcugen.network.operators import Add, Conv, GlobalAveragePool, Linear, MaxPool, Requantise
from tcugen.report.shapes_report import shapes_summary, shapes_table

if TYPE_CHECKING:
    from tcugen.verify.compare import NodeResult


def shapes(options: SimulateOptions, flags: MachineFlags, console: Console) -> Status:
    """Run the whole network as `tcugen simulate` does and print one line per shape of layer.

    Layers are measured where they stand in the network, so that loads and stores of a layer that runs alone do not
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


def shape_figures(measured: Measured) -> dict:
    """Figures by shape, in the order of the first layer of each shape."""
    network, figures = measured.model.network, measured.figures
    alike: dict[tuple, list[NodeResult]] = {}
    for result in measured.outcome.nodes:
        alike.setdefault(_shape(network, result.node), []).append(result)
    multipliers = measured.program.architecture.multipliers
    copied = ("format", "network", "memory", "architecture", "mac_count", "mismatches")
    return {
        **{key: figures[key] for key in copied},
        **({"seed": figures["seed"]} if "seed" in figures else {}),
        "cycles": measured.outcome.cycles[-1],
        "utilisation": measured.program.mac_count / (multipliers * measured.outcome.cycles[-1]),
        "shapes": [_entry(network, results, multipliers) for results in alike.values()],
    }


def _shape(network: Network, node: Node) -> tuple:
    source = network.shapes[node.inputs[0]]
    return (node.op, source, network.shapes[node.name], *_geometry(node).values())


def _geometry(node: Node) -> dict[str, tuple[int, ...] | int]:
    """Kernel, stride, padding and groups; of operators without a window, those of a single pixel."""
    match node:
        case Conv():
            return {"kernel": node.kernel, "stride": node.stride, "padding": node.padding, "groups": node.groups}
        case MaxPool():
            return {"kernel": node.kernel, "stride": node.stride, "padding": node.padding, "groups": 1}
        case Linear() | Add() | GlobalAveragePool() | Requantise():
            return {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0, 0, 0), "groups": 1}
        case _:
            assert_never(node)


def _entry(network: Network, results: Sequence["NodeResult"], multipliers: int) -> dict:
    """Layers of one shape together. `losses` are the cycles beyond the ideal, by reason; they sum up."""
    node = results[0].node
    macs, cycles = sum(result.macs for result in results), sum(result.cycles for result in results)
    ideal = macs / multipliers
    unfilled = sum(result.busy for result in results) - ideal
    losses = {"tiles": unfilled} if unfilled else {}
    for result in results:
        for reason, lost in result.stalls.items():
            losses[reason] = losses.get(reason, 0) + lost
    return {
        "op": node.op,
        "input": str(network.shapes[node.inputs[0]]),
        "output": str(network.shapes[node.name]),
        **{key: list(value) if isinstance(value, tuple) else value for key, value in _geometry(node).items()},
        "layers": [result.node.name for result in results],
        "fused": all(isinstance(result.node, Add) and result.cycles == 0 for result in results),
        "macs": macs,
        "ideal_cycles": ideal,
        "cycles": cycles,
        "utilisation": ideal / cycles if cycles else None,
        "losses": losses,
    }
