"""`tcugen simulate`: a network or some of its nodes on the RTL, beside golden and emulator."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    architecture = existing_architecture(options.rtl, flags) if options.rtl else sized(whole, flags).architecture
    return _run(options, network, architecture, console)


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


@contextmanager
def _rtl(options: SimulateOptions, architecture: Architecture, console: Console) -> Iterator[Path]:
    """Folder of the Verilog: the earlier build's, or a new one for a while."""
    if options.rtl:
        yield options.rtl
        return
    from tcugen.rtl.emit import emit

    with tempfile.TemporaryDirectory(prefix="tcugen-rtl-") as folder:
        console.print("writing Verilog", highlight=False)
        emit(architecture, Path(folder))
        yield Path(folder)


def _run(options: SimulateOptions, network: Network, architecture: Architecture, console: Console) -> Status:
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
        with _rtl(options, architecture, console) as rtl, _bar(console) as bar:
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


def split_names(text: Sequence[str]) -> tuple[str, ...]:
    """Names from repeated and comma-separated `--only` flags."""
    names = tuple(name.strip() for part in text for name in part.split(","))
    if any(not name for name in names):
        raise UsageError(f"--only {','.join(text)!r} has an empty name; write node names separated by single commas")
    return names
