"""`tcugen speed`: how fast the machine simulates, against its array alone."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.console.machine import MachineFlags, existing_architecture, machine_folder, sized
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.console.packages import require_simulation
from tcugen.network.graph import Network
from tcugen.network.layer_config import load_network
from tcugen.network.select import select

NETWORK = "resnet50"
NODES = ("layer3.1.conv2",)
"""What runs unless the user says otherwise: from the middle of the network, 231 M MACs."""

ROUNDS = 5


@dataclass(frozen=True)
class SpeedOptions:
    """What to measure.

    Attributes:
        layer_config: Layer-config file or name of a bundled network; the machine is sized for all of it.
        only: Nodes to run.
        rtl: Folder of an earlier build to measure as it is; None builds a new one.
        rounds: How often both are run, in turn.
        json_file: Where to write the figures; None for nowhere.
    """

    layer_config: str = NETWORK
    only: tuple[str, ...] = NODES
    rtl: Path | None = None
    rounds: int = ROUNDS
    json_file: Path | None = None


def speed(options: SpeedOptions, flags: MachineFlags, console: Console) -> Status:
    """Measure and print medians and ratio.

    Returns:
        OK; MISMATCH if a simulator could not be built or run to its end.

    Raises:
        NetworkError, SizingError, CompileError, ArchitectureError, UsageError, EnvironmentProblem: Bad input or a
        missing tool.
    """
    if options.rounds < 1:
        raise UsageError(f"--rounds is {options.rounds}, but it must be at least 1")
    require_simulation("measuring the simulator")
    start_over({"--json": options.json_file}, (options.layer_config,))
    network, note = load_network(options.layer_config)
    if note:
        console.print(note, highlight=False, markup=False)
    part = select(network, options.only)
    if options.rtl is not None:
        rtl = machine_folder(options.rtl)
        return _speed(options, part, existing_architecture(rtl, flags), rtl, console)
    architecture = sized(network, flags).architecture
    with tempfile.TemporaryDirectory(prefix="tcugen-rtl-") as folder:
        from tcugen.rtl.emit import emit

        console.print("writing Verilog", highlight=False)
        emit(architecture, Path(folder))
        return _speed(options, part, architecture, Path(folder), console)


def _speed(options: SpeedOptions, part: Network, architecture: Architecture, rtl: Path, console: Console) -> Status:
    from tcugen.simulator.build import BuildError
    from tcugen.simulator.run import SimulationError
    from tcugen.simulator.speed import compare_speed
    from tcugen.synthetic.integers import synthesise

    model, inputs = synthesise(part, seed=0)
    program = compile_network(model, architecture)
    image = {name: images[0] for name, images in inputs.items()}
    try:
        found = compare_speed(
            program, rtl, image, options.rounds, progress=lambda line: console.print(line, highlight=False)
        )
    except (BuildError, SimulationError) as error:
        console.print("the speed could not be measured:", str(error), markup=False, soft_wrap=True)
        return Status.MISMATCH
    size = f"{architecture.rows}x{architecture.columns}"
    lines = [
        f"{part.name} {', '.join(node.name for node in part.nodes)} on {size}, {found.whole.cycles:,} cycles a round; "
        f"medians of {options.rounds} rounds, per second of processor time:",
        f"whole machine: {found.whole.median:,.0f} cycles/s",
        f"array alone: {found.array.median:,.0f} cycles/s",
        f"ratio = {found.ratio:.3f}",
    ]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
    if options.json_file:
        figures = {
            "format": 1,
            "network": part.name,
            "nodes": [node.name for node in part.nodes],
            "architecture": architecture.to_dict(),
            "cycles": found.whole.cycles,
            "whole_cycles_per_second": list(found.whole.rounds),
            "array_cycles_per_second": list(found.array.rounds),
            "ratio": found.ratio,
        }
        write_json(options.json_file, figures)
    return Status.OK
