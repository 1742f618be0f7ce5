"""`tcugen networks`: the bundled networks with what they hold and what they take on one machine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.console.machine import MachineFlags, existing_architecture
from tcugen.console.output_files import start_over, write_json
from tcugen.mapping.errors import CompileError
from tcugen.mapping.tasks import tasks_of
from tcugen.network.bundled import NETWORK_NAMES, network_named
from tcugen.network.graph import Network
from tcugen.planning.search import best_plan
from tcugen.report.networks_report import NetworkFigures, networks_table
from tcugen.sizing.depthwise import with_depthwise
from tcugen.sizing.optional import optional_hardware
from tcugen.sizing.workload import Workload

MACHINE = Architecture(accumulator_bits=32)
"""What cycles are predicted for unless a build is named: 16x16, 1280 KiB, 8 bytes per beat, memory model `fixed`."""


@dataclass(frozen=True)
class NetworksOptions:
    """Arguments of `tcugen networks`.

    Attributes:
        names: Bundled networks to show; all if empty.
        rtl: Folder of a build whose machine cycles are predicted for; None for MACHINE, with tables where needed.
        json_file: Where to write the figures; None for nowhere.
    """

    names: Sequence[str] = ()
    rtl: Path | None = None
    json_file: Path | None = None


def networks(options: NetworksOptions, console: Console) -> None:
    """Print the table, and write its figures.

    Raises:
        NetworkError, UsageError: For an unknown name, a folder that is no build, a file that cannot be written.
    """
    chosen = [network_named(name) for name in options.names or NETWORK_NAMES]
    machine = MACHINE if options.rtl is None else existing_architecture(options.rtl, MachineFlags())
    start_over({"--json": options.json_file})
    rows = [figures_of(network, machine if options.rtl else _with_optional(network)) for network in chosen]
    what = f"{machine.rows}x{machine.columns}, {machine.activation_kib} KiB, {machine.bus_bytes} bytes per beat"
    console.print(networks_table(rows, what))
    for row in rows:
        if row["refusal"]:
            console.print(f"{row['name']}: {row['refusal']}", highlight=False, markup=False, soft_wrap=True)
    if options.json_file:
        write_json(options.json_file, {"format": 1, "architecture": machine.to_dict(), "networks": rows})


def figures_of(network: Network, machine: Architecture) -> NetworkFigures:
    """What a network holds, and the prediction of its best plan on the machine."""
    cycles, refusal = None, None
    try:
        cycles = best_plan(network, machine).cycles
    except CompileError as error:
        refusal = str(error)
    return {
        "name": network.name,
        "input": str(network.inputs[0][1]),
        "nodes": len(network.nodes),
        "operators": dict(Counter(node.op for node in network.nodes)),
        "macs": network.mac_count,
        "weights": network.weight_count,
        "predicted_cycles": cycles,
        "predicted_utilisation": cycles and network.mac_count / (machine.multipliers * cycles),
        "refusal": refusal,
    }


def _with_optional(network: Network) -> Architecture:
    machine = replace(MACHINE, **dict.fromkeys(optional_hardware(tasks_of(network)), 1))
    return with_depthwise(machine, (Workload(network),))
