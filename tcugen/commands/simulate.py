"""`tcugen simulate`: a network or some of its nodes on the RTL, compared with golden, emulator and ONNX Runtime."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.commands.waves import (
    animation_window,
    check_animated,
    record_waves_of_run,
    view_files,
    wave_window,
    write_animation,
)
from tcugen.compiler import compile_network, int32_outputs
from tcugen.console.figures import run_figures
from tcugen.console.machine import MachineFlags, existing_architecture, machine_folder, sized
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.console.output_folder import check_creatable
from tcugen.console.packages import require_simulation
from tcugen.console.page_content import run_page
from tcugen.console.progress_bar import progress_bar, simulation_reporter
from tcugen.console.quantization_error import decibels_beside
from tcugen.console.sources import Source, open_source
from tcugen.memory_model import MEMORY_MODELS
from tcugen.network.select import select
from tcugen.page.content import PageContent
from tcugen.page.render import PAGE, write_page
from tcugen.planning.search import best_plan
from tcugen.program import Program
from tcugen.report.run_report import RunFigures, run_table, summary
from tcugen.timing.replay import replay

if TYPE_CHECKING:
    import numpy as np

    from tcugen.model.quantized import QuantizedNetwork
    from tcugen.verify.compare import Verification


@dataclass(frozen=True)
class SimulateOptions:
    """What to simulate.

    Attributes:
        layer_config: Layer-config file or name of a bundled network, or None.
        model: ONNX or .tflite file or saved model instead, or None.
        images: With a model the path of a .npy file, else the number of synthetic images; None for one.
        only: Nodes to run; all if empty.
        rtl: Folder of an earlier build to simulate as it is; None builds a new one.
        memory: Memory model, "fixed" or "ddr".
        seed: Of synthetic weights and images.
        int32_output: Let a last conv or linear of synthetic integers store its 32-bit sums.
        dump, json_file, report, waves: Where to write the dump, the figures, the page and the waves of the first image;
            None for nowhere.
        animate: Where to write the page of the array at work, or None.
        cycles: FIRST:LAST of waves or animation, counted from the start write; None for the first ones.
    """

    layer_config: str | None = None
    model: Path | None = None
    images: str | None = None
    only: tuple[str, ...] = ()
    rtl: Path | None = None
    memory: str = "fixed"
    seed: int = 0
    int32_output: bool = False
    dump: Path | None = None
    json_file: Path | None = None
    report: Path | None = None
    waves: Path | None = None
    animate: Path | None = None
    cycles: str | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """A run that came to its end.

    Attributes:
        model, program, inputs: What ran on what.
        outcome: Golden, emulator and RTL side by side.
        figures: See `run_figures`.
        page: What the page shows; None if none was asked for.
        recorded: All waves that were asked for.
    """

    model: "QuantizedNetwork"
    program: Program
    inputs: dict[str, "np.ndarray"]
    outcome: "Verification"
    figures: RunFigures
    page: PageContent | None = None
    recorded: bool = True

    @property
    def status(self) -> Status:
        """OK if golden, emulator, RTL and, where it is installed, ONNX Runtime agree in every element, and waves that
        were asked for are there."""
        reference = self.figures["reference"]
        differ = self.figures["mismatches"] or (reference and reference["mismatches"])
        return Status.MISMATCH if differ or not self.recorded else Status.OK


def simulate(options: SimulateOptions, flags: MachineFlags, console: Console) -> Status:
    """Run, compare, print a table, write what was asked for.

    Returns:
        As `Measured.status`; MISMATCH too if the RTL could not be run to its end.

    Raises:
        As `measure`.
    """
    from tcugen.partition.stored import is_partition

    if options.layer_config is None and options.model is not None and is_partition(options.model):
        from tcugen.commands.simulate_partition import simulate_partition

        return simulate_partition(options, flags, console)
    measured = measure(options, flags, console)
    if measured is None:
        return Status.MISMATCH
    console.print(run_table(measured.figures))
    console.print(summary(measured.figures), highlight=False, markup=False)
    if options.dump:
        from tcugen.verify.dump import write_dump

        write_dump(options.dump, measured.model, measured.program, measured.inputs, measured.outcome)
        console.print(f"dump written to {options.dump}", highlight=False, markup=False)
    if options.json_file:
        write_json(options.json_file, measured.figures)
    if options.report and measured.page:
        options.report.mkdir(parents=True, exist_ok=True)
        write_page(options.report, measured.page)
        console.print(f"page written to {options.report / PAGE}", highlight=False, markup=False)
    return measured.status


def measure(options: SimulateOptions, flags: MachineFlags, console: Console) -> Measured | None:
    """Run and compare; None, after saying why, if the RTL could not be run to its end.

    Raises:
        NetworkError, ModelError, SizingError, CompileError, ArchitectureError, UsageError, QuantizationError,
        EnvironmentProblem: Bad input or a missing tool.
    """
    check_options(options)
    source = open_source(
        options.layer_config, options.model, options.images, options.seed, options.int32_output, console
    )
    if options.only:
        select(source.network, options.only)
    if options.rtl is not None:
        rtl = machine_folder(options.rtl)
        return _run(options, source, existing_architecture(rtl, flags), rtl, console, reasons_of(rtl))
    sizing = sized(source.network, flags)
    with tempfile.TemporaryDirectory(prefix="tcugen-rtl-") as folder:
        from tcugen.rtl.emit import emit

        console.print("writing Verilog", highlight=False)
        emit(sizing.architecture, Path(folder))
        return _run(options, source, sizing.architecture, Path(folder), console, sizing.reasons)


def check_options(options: SimulateOptions) -> None:
    """Check what can be checked before any work is done, and remove what an earlier run left where this one writes.

    Raises:
        UsageError: For an option outside its range, a missing package or a place that cannot be written.
        EnvironmentProblem: For a missing tool.
    """
    if options.memory not in MEMORY_MODELS:
        raise UsageError(f"--memory is {options.memory!r}, but it must be one of {', '.join(MEMORY_MODELS)}")
    require_simulation("simulating")
    if options.cycles and not options.waves and not options.animate:
        raise UsageError(f"--cycles is {options.cycles!r}, but there are no --waves; name their file or leave it out")
    if options.dump:
        check_creatable(options.dump, "--dump")
    outputs = {"--json": options.json_file, "--animate": options.animate}
    if options.animate:
        animation_window(options.cycles)
    if options.waves:
        wave_window(options.waves, options.cycles)
        gtkwave, surfer = view_files(options.waves)
        outputs |= {"--waves": options.waves, "--waves (GTKWave)": gtkwave, "--waves (Surfer)": surfer}
    if options.report:
        check_creatable(options.report, "--report")
        if (options.report / PAGE).is_file():
            outputs["--report"] = options.report / PAGE
    if options.dump and (options.dump / "dump.json").is_file():
        outputs = {"--dump": options.dump / "dump.json", **outputs}
    start_over(outputs, (options.layer_config, options.model, options.images))


def _run(
    options: SimulateOptions,
    source: Source,
    architecture: Architecture,
    rtl: Path,
    console: Console,
    reasons: Mapping[str, str],
) -> Measured | None:
    from tcugen.emulator import EmulationError
    from tcugen.simulator.build import BuildError
    from tcugen.simulator.run import SimulationError
    from tcugen.trace.observe import ObservationError
    from tcugen.trace.units import UnitTraceError
    from tcugen.verify.compare import VerificationError, verify
    from tcugen.verify.reference import check_reference, reference_available

    if options.animate:
        check_animated(architecture)
    model, inputs = source.workload(options.only, console)
    console.print("compiling the program", highlight=False)
    # The search is asked here, as the page shows the plan that it chose.
    planned = best_plan(model.network, architecture, int32_outputs(model))
    program = compile_network(model, architecture, planned=planned)
    try:
        with progress_bar(console) as bar:
            outcome = verify(
                model,
                program,
                rtl,
                inputs,
                memory=options.memory,
                progress=simulation_reporter(bar),
                stage=lambda line: bar.console.print(line, highlight=False),
                units=options.report is not None,
            )
    except (SimulationError, ObservationError, UnitTraceError, VerificationError, EmulationError, BuildError) as error:
        console.print("mismatch: the run did not come to a comparable end:", str(error), markup=False, soft_wrap=True)
        return None
    reference = check_reference(model, inputs, outcome.golden) if reference_available() else None
    prediction = replay(program.instructions, architecture, len(program.layers), MEMORY_MODELS[options.memory])
    figures = run_figures(source.origin, options.memory, model, outcome, program, prediction, reference)
    page, recorded = None, True
    if outcome.spans is not None:
        # As the machine counts: the numbers in instructions are those of the program, the replay that of this memory.
        compared = sum(outcome.golden[result.node.name].size for result in outcome.nodes if not result.fused)
        run = replace(planned, prediction=prediction)
        decibels = {} if options.model is None else decibels_beside(options.model)
        page = run_page(model.network, run, reasons, figures, compared, outcome.spans, decibels)
    if options.waves:
        window = wave_window(options.waves, options.cycles)
        if window.first >= outcome.cycles[0]:
            raise UsageError(
                f"--cycles {options.cycles} begins after the run, which takes {outcome.cycles[0]} cycles; begin earlier"
            )
        recorded = record_waves_of_run(options.waves, window, program, rtl, inputs, options.memory, console)
    if options.animate:
        recorded &= write_animation(options.animate, options.cycles, program, rtl, inputs, options.memory, console)
    return Measured(model, program, inputs, outcome, figures, page, recorded)


def reasons_of(build: Path) -> dict[str, str]:
    """Why the parameters of an earlier build have their values, from its report; empty where there is none."""
    report = build / "report.json"
    return json.loads(report.read_text())["reasons"] if report.is_file() else {}


def split_names(text: Sequence[str]) -> tuple[str, ...]:
    """Names from repeated and comma-separated `--only` flags."""
    names = tuple(name.strip() for part in text for name in part.split(","))
    if any(not name for name in names):
        raise UsageError(f"--only {','.join(text)!r} has an empty name; write node names separated by single commas")
    return names
