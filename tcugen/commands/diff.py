"""`tcugen diff`: golden, emulator and RTL side by side, and where they part first."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.compiler import compile_network, disassemble
from tcugen.console.machine import MachineFlags, existing_architecture, machine_folder, sized
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.console.packages import require_simulation
from tcugen.console.progress_bar import progress_bar, simulation_reporter
from tcugen.console.sources import Source, open_source
from tcugen.memory_model import MEMORY_MODELS
from tcugen.network.select import select
from tcugen.program import Program
from tcugen.report.difference_report import DifferenceFigures, difference_table, difference_text

if TYPE_CHECKING:
    import numpy as np

    from tcugen.trace.difference import Diagnosis, Focus

DEFAULT_WAVES = Path("diff.vcd")


@dataclass(frozen=True)
class DiffOptions:
    """What to compare.

    Attributes:
        layer_config, model, images, only, rtl, memory, seed, int32_output: As in `SimulateOptions`.
        waves: Where the waves around the first difference go; `DEFAULT_WAVES` if None.
        json_file: Where the finding is written to; None for nowhere.
    """

    layer_config: str | None = None
    model: Path | None = None
    images: str | None = None
    only: tuple[str, ...] = ()
    rtl: Path | None = None
    memory: str = "fixed"
    seed: int = 0
    int32_output: bool = False
    waves: Path | None = None
    json_file: Path | None = None


def diff(options: DiffOptions, flags: MachineFlags, console: Console) -> Status:
    """Compare, and say where the three part first: layer, tile, element, values, instruction, cycle, waves.

    Returns:
        OK if nothing differs, MISMATCH if something does or the RTL did not come to its end.

    Raises:
        As `simulate`.
    """
    if options.memory not in MEMORY_MODELS:
        raise UsageError(f"--memory is {options.memory!r}, but it must be one of {', '.join(MEMORY_MODELS)}")
    require_simulation("comparing with the RTL")
    outputs = {"--waves": options.waves or DEFAULT_WAVES, "--json": options.json_file}
    start_over(outputs, (options.layer_config, options.model, options.images))
    source = open_source(
        options.layer_config, options.model, options.images, options.seed, options.int32_output, console
    )
    if options.only:
        select(source.network, options.only)
    if options.rtl is not None:
        rtl = machine_folder(options.rtl)
        return _diff(options, source, existing_architecture(rtl, flags), rtl, console)
    sizing = sized(source.network, flags)
    with tempfile.TemporaryDirectory(prefix="tcugen-rtl-") as folder:
        from tcugen.rtl.emit import emit

        console.print("writing Verilog", highlight=False)
        emit(sizing.architecture, Path(folder))
        return _diff(options, source, sizing.architecture, Path(folder), console)


def _diff(options: DiffOptions, source: Source, architecture: Architecture, rtl: Path, console: Console) -> Status:
    from tcugen.simulator.build import BuildError
    from tcugen.simulator.run import SimulationError
    from tcugen.verify.diagnose import diagnose

    model, inputs = source.workload(options.only, console)
    console.print("compiling the program", highlight=False)
    program = compile_network(model, architecture)
    try:
        with progress_bar(console) as bar:
            diagnosis = diagnose(
                model,
                program,
                rtl,
                inputs,
                memory=options.memory,
                progress=simulation_reporter(bar),
                stage=lambda line: bar.console.print(line, highlight=False),
            )
    except (SimulationError, BuildError) as error:
        console.print("difference: the RTL does not run at all:", str(error), markup=False, soft_wrap=True)
        return Status.MISMATCH
    figures = _figures(program, diagnosis)
    if diagnosis.differs:
        console.print(difference_table(figures))
    console.print(difference_text(figures), highlight=False, markup=False, soft_wrap=True)
    if diagnosis.focus:
        _waves(options, program, rtl, inputs, diagnosis.focus, console)
    if options.json_file:
        write_json(options.json_file, figures)
    return Status.MISMATCH if diagnosis.differs else Status.OK


def _figures(program: Program, diagnosis: "Diagnosis") -> DifferenceFigures:
    found = diagnosis.to_dict()
    return {
        "format": found["format"],
        "differs": found["differs"],
        "first": found["first"],
        "layers": found["layers"],
        "stopped": found["stopped"],
        "emulator_error": found["emulator_error"],
        "cycles": found["cycles"],
        "focus": found["focus"],
        "listing": _listing(program, diagnosis),
    }


def _listing(program: Program, diagnosis: "Diagnosis") -> str | None:
    """The disassembled instruction that made the first difference."""
    if diagnosis.first is None or diagnosis.first.instruction is None:
        return None
    start = f"{program.code_offsets[diagnosis.first.instruction]:06x}  "
    return next(line for line in disassemble(program).splitlines() if line.startswith(start))


def _waves(
    options: DiffOptions,
    program: Program,
    rtl: Path,
    inputs: "dict[str, np.ndarray]",
    focus: "Focus",
    console: Console,
) -> None:
    from tcugen.simulator.build import BuildError
    from tcugen.simulator.run import SimulationError
    from tcugen.verify.diagnose import record_waves

    path = options.waves or DEFAULT_WAVES
    console.print("waves: building a simulator that records them", highlight=False)
    try:
        record_waves(program, rtl, inputs, focus, path, options.memory)
    except (SimulationError, BuildError) as error:
        console.print("waves could not be recorded:", str(error), markup=False, soft_wrap=True)
        return
    console.print(
        f"waves of image {focus.image}, cycles {focus.first} .. {focus.first + focus.cycles - 1} after its start "
        f"(time in the file is twice the cycle): {path}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
