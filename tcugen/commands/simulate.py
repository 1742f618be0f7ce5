"""`tcugen simulate`: a network or some of its nodes on the RTL, beside golden and emulator."""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from tcugen.arch import Architecture
from tcugen.commands.machine import MachineFlags, sized
from tcugen.commands.outcome import Status, UsageError
from tcugen.commands.output_folder import check_creatable, check_file
from tcugen.compiler import compile_network
from tcugen.network.graph import Network
from tcugen.network.layer_config import load_network
from tcugen.network.select import select
from tcugen.program import Program
from tcugen.report.run_report import run_table, summary
from tcugen.simulator.progress import Progress
from tcugen.simulator.run import MEMORY_TIMINGS

if TYPE_CHECKING:
    from tcugen.verify.compare import Verification


@dataclass(frozen=True)
class SimulateOptions:
    """What to simulate.

    Attributes:
        layer_config: Layer-config file or name of a bundled network.
        only: Nodes to run; all if empty.
        rtl: Folder of an earlier build to simulate as it stands; None builds a new one.
        memory: Memory model, "fixed" or "ddr".
        seed, images: Seed of weights and data, number of images.
        int32_output: Let a last conv or linear store its 32-bit sums.
        dump, json_file: Where to write the dump and the figures; None for nowhere.
    """

    layer_config: str
    only: tuple[str, ...] = ()
    rtl: Path | None = None
    memory: str = "fixed"
    seed: int = 0
    images: int = 1
    int32_output: bool = False
    dump: Path | None = None
    json_file: Path | None = None


def simulate(options: SimulateOptions, flags: MachineFlags, console: Console) -> Status:
    """Run, compare, print a table, write what was asked for.

    Returns:
        OK if golden, emulator and RTL agree in every element, MISMATCH if not or if the RTL could not be run to its
        end.

    Raises:
        NetworkError, SizingError, CompileError, ArchitectureError, UsageError, QuantizationError,
        EnvironmentProblem: Bad input or a missing tool.
    """
    check_options(options)
    whole, note = load_network(options.layer_config)
    if note:
        console.print(note, highlight=False, markup=False)
    network = select(whole, options.only) if options.only else whole
    if options.rtl is not None:
        return _run(options, network, existing_architecture(options.rtl, flags), options.rtl, console)
    sizing = sized(whole, flags)
    with tempfile.TemporaryDirectory(prefix="tcugen-rtl-") as folder:
        from tcugen.rtl.emit import emit

        console.print("writing Verilog", highlight=False)
        emit(sizing.architecture, Path(folder))
        return _run(options, network, sizing.architecture, Path(folder), console)


def check_options(options: SimulateOptions) -> None:
    """Raises UsageError for an option outside its range or a place that cannot be written, before any work is done."""
    if options.memory not in MEMORY_TIMINGS:
        raise UsageError(f"--memory is {options.memory!r}, but it must be one of {', '.join(MEMORY_TIMINGS)}")
    if options.images < 1:
        raise UsageError(f"--images is {options.images}, but it must be at least 1")
    if options.seed < 0:
        raise UsageError(f"--seed is {options.seed}, but it must not be negative; write for example 0")
    if options.dump:
        check_creatable(options.dump, "--dump")
    if options.json_file:
        check_file(options.json_file, "--json")


def existing_architecture(folder: Path, flags: MachineFlags) -> Architecture:
    """Architecture of an earlier build.

    Raises:
        UsageError: If there is none, or a flag contradicts it.
    """
    try:
        architecture = Architecture.from_dict(json.loads((folder / "architecture.json").read_text()))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"--rtl {folder} is no build: architecture.json cannot be read ({error}); give a folder that "
            "`tcugen build` wrote"
        ) from None
    conflicts = flags.conflicts(architecture)
    if conflicts:
        raise UsageError(
            f"--rtl {folder} was built otherwise than asked for: {', '.join(conflicts)}; "
            "leave the flags out or build again"
        )
    return architecture


def _run(options: SimulateOptions, network: Network, architecture: Architecture, rtl: Path, console: Console) -> Status:
    from tcugen.emulator import EmulationError
    from tcugen.quant.synthetic import synthesise
    from tcugen.simulator.build import BuildError
    from tcugen.simulator.observe import ObservationError
    from tcugen.simulator.run import SimulationError
    from tcugen.verify.compare import VerificationError, verify
    from tcugen.verify.dump import write_dump

    console.print(f"integers of {network.name} from seed {options.seed}", highlight=False, markup=False)
    model, inputs = synthesise(network, options.seed, options.images, options.int32_output)
    console.print("compiling the program", highlight=False)
    program = compile_network(model, architecture)
    try:
        with _bar(console) as bar:
            outcome = verify(
                model,
                program,
                rtl,
                inputs,
                memory=options.memory,
                progress=_reporter(bar),
                stage=lambda line: bar.console.print(line, highlight=False),
            )
    except (SimulationError, ObservationError, VerificationError, EmulationError, BuildError) as error:
        console.print("mismatch: the run did not come to a comparable end:", str(error), markup=False, soft_wrap=True)
        return Status.MISMATCH
    figures = run_figures(options, outcome, program)
    console.print(run_table(figures))
    console.print(summary(figures), highlight=False)
    if options.dump:
        write_dump(options.dump, model, program, inputs, outcome)
        console.print(f"dump written to {options.dump}", highlight=False, markup=False)
    if options.json_file:
        options.json_file.write_text(json.dumps(figures, indent=1) + "\n")
    return Status.MISMATCH if outcome.mismatches else Status.OK


def _bar(console: Console) -> ProgressBar:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    return ProgressBar(*columns, console=console, transient=True, disable=not console.is_terminal)


def _reporter(bar: ProgressBar) -> Callable[[Progress], None]:
    """Shows layer, cycles/s and time left: as a bar on a terminal, as a line every few seconds elsewhere."""
    task = bar.add_task("simulating", total=1.0, speed="")
    started, lines = time.monotonic(), _Lines()

    def report(progress: Progress) -> None:
        speed = f"{progress.cycles_per_second / 1000:.0f} kcycles/s"
        where = f"image {progress.image + 1}/{progress.images} {progress.layer_name}"
        if bar.disable:
            lines.maybe(bar.console, f"{where}: cycle {progress.cycle:,}, {speed}, {progress.seconds_left:.0f} s left")
        passed = time.monotonic() - started
        bar.update(task, description=where, speed=speed, completed=passed / (passed + progress.seconds_left + 1e-9))

    return report


class _Lines:
    """Prints at most one line in 5 seconds."""

    def __init__(self):
        self._next = 0.0

    def maybe(self, console: Console, text: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 5
            console.print(text, highlight=False, markup=False)


def run_figures(options: SimulateOptions, outcome: "Verification", program: Program) -> dict:
    """The figures of a run: what `--json` writes and the report's table is made of."""
    multipliers = program.architecture.multipliers
    return {
        "format": 1,
        "network": program.network,
        "memory": options.memory,
        "seed": options.seed,
        "architecture": program.architecture.to_dict(),
        "mac_count": program.mac_count,
        "cycles_per_image": list(outcome.cycles),
        "utilisation": program.mac_count * len(outcome.cycles) / (multipliers * sum(outcome.cycles)),
        "mismatches": outcome.mismatches,
        "counters": outcome.counters,
        "cycles_per_second": outcome.cycles_per_second,
        "nodes": [
            {
                "name": result.node.name,
                "op": result.node.op,
                "shape": str(result.shape),
                "macs": result.macs,
                "cycles": result.cycles,
                "busy": result.busy,
                "stalls": result.stalls,
                "fused": result.fused,
                "mismatches": result.emulator_mismatches + result.rtl_mismatches,
            }
            for result in outcome.nodes
        ],
    }


def split_names(text: Sequence[str]) -> tuple[str, ...]:
    """Names from repeated and comma-separated `--only` flags."""
    names = tuple(name.strip() for part in text for name in part.split(","))
    if any(not name for name in names):
        raise UsageError(f"--only {','.join(text)!r} has an empty name; write node names separated by single commas")
    return names
