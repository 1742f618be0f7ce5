"""`tcugen simulate` on a model in parts: those of the unit on the RTL, the others in ONNX Runtime, in turns."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from tcugen.arch import Architecture
from tcugen.commands.partition_machine import check_outside, output_figures, part_rows, programs_of, sizings_of
from tcugen.commands.simulate import SimulateOptions, check_options
from tcugen.console.figures import run_figures
from tcugen.console.machine import MachineFlags, existing_architecture, machine_folder
from tcugen.console.outcome import Status, UsageError
from tcugen.console.output_files import start_over, write_json
from tcugen.console.packages import require
from tcugen.console.progress_bar import progress_bar, simulation_reporter
from tcugen.memory_model import MEMORY_MODELS
from tcugen.model.images import Images, image_quantization, quantise_images
from tcugen.partition.comparison import run_whole
from tcugen.partition.stored import StoredPartition, UnitPart, load_partition
from tcugen.program import Program
from tcugen.report.partition_report import OutputFigures, PartitionRun, run_summary
from tcugen.report.run_report import RunFigures, run_table, summary
from tcugen.timing.replay import replay


class _Stopped(Exception):
    """A part did not come to a comparable end."""


def simulate_partition(options: SimulateOptions, flags: MachineFlags, console: Console) -> Status:
    """Run the images through all parts on one machine, compare, print a table for each, write what was asked for.

    Returns:
        MISMATCH if golden, emulator, RTL and ONNX Runtime on the reference models do not agree in every element of
        every part, or if the RTL could not be run to its end. What ONNX Runtime makes of the whole model may differ,
        see `docs/import.md`, and is printed.

    Raises:
        ModelError, NetworkError, SizingError, CompileError, ArchitectureError, UsageError, QuantizationError,
        EnvironmentProblem: Bad input or a missing tool.
    """
    require("simulating a model in parts", "onnx", "onnxruntime")
    folder = options.model
    if folder is None or options.images is None:
        raise UsageError(
            "--model needs images to run on, but --images is missing; give a .npy file, exactly the model's input"
        )
    _check_flags(options)
    check_outside(folder, {"--dump": options.dump, "--json": options.json_file})
    check_options(options)
    partition = load_partition(folder)
    images = partition.read_images(Path(options.images))
    if options.dump:
        for part in partition.unit_parts:
            dump = options.dump / part.entry.name / "dump.json"
            start_over({"--dump": dump} if dump.is_file() else {}, (options.images,))
    with ExitStack() as stack:
        architecture, rtl = _machine(partition, options, flags, stack, console)
        run = _Run(options, partition, programs_of(partition, architecture, console), rtl, console)
        try:
            outputs = partition.run(images, run.on_unit)
        except _Stopped as error:
            console.print(
                "mismatch: the run did not come to a comparable end:", str(error), markup=False, soft_wrap=True
            )
            return Status.MISMATCH
    whole = run_whole(partition.whole, images, outputs)
    figures = run.figures(architecture, output_figures(outputs, whole))
    console.print(run_summary(figures), highlight=False, markup=False, soft_wrap=True)
    if options.dump:
        console.print(f"dump written to {options.dump}", highlight=False, markup=False)
    if options.json_file:
        write_json(options.json_file, figures)
    return Status.MISMATCH if figures["mismatches"] else Status.OK


def _check_flags(options: SimulateOptions) -> None:
    """Raises UsageError for a flag that is for one part."""
    given = {
        "--only": options.only,
        "--report": options.report,
        "--waves": options.waves,
        "--animate": options.animate,
    }
    for flag, value in given.items():
        if value:
            raise UsageError(
                f"{flag} is for one network, but {options.model} holds a model in parts; run a part alone, with "
                f"--model {options.model}/part1/model.npz and what --dump FOLDER writes as FOLDER/part1/images.npy"
            )


def _machine(
    partition: StoredPartition, options: SimulateOptions, flags: MachineFlags, stack: ExitStack, console: Console
) -> tuple[Architecture, Path]:
    """The machine of all parts and its Verilog, which is written if there is none."""
    if options.rtl is not None:
        rtl = machine_folder(options.rtl)
        return existing_architecture(rtl, flags), rtl
    from tcugen.rtl.emit import emit

    architecture = sizings_of(partition, flags)[0].architecture
    rtl = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tcugen-rtl-")))
    console.print("writing Verilog", highlight=False)
    emit(architecture, rtl)
    return architecture, rtl


@dataclass(eq=False)
class _Run:
    """The parts that have run so far."""

    options: SimulateOptions
    partition: StoredPartition
    programs: dict[str, Program]
    rtl: Path
    console: Console
    runs: dict[str, RunFigures] = field(default_factory=dict[str, RunFigures])

    def on_unit(self, part: UnitPart, images: Images) -> dict[str, npt.NDArray[Any]]:
        """What the RTL makes of a part's images, compared with golden, emulator and reference model on the way."""
        from tcugen.emulator import EmulationError
        from tcugen.simulator.build import BuildError
        from tcugen.simulator.run import SimulationError
        from tcugen.trace.observe import ObservationError
        from tcugen.verify.compare import VerificationError, verify
        from tcugen.verify.reference import check_reference

        options, console, model, name = self.options, self.console, part.model, part.entry.name
        program, network = self.programs[name], part.model.network
        inputs = {network.inputs[0][0]: quantise_images(images, image_quantization(model))}
        console.print(f"{name}: {network.name}", highlight=False, markup=False)
        try:
            with progress_bar(console) as bar:
                outcome = verify(
                    model,
                    program,
                    self.rtl,
                    inputs,
                    memory=options.memory,
                    progress=simulation_reporter(bar),
                    stage=lambda line: bar.console.print(line, highlight=False),
                )
        except (SimulationError, ObservationError, VerificationError, EmulationError, BuildError) as error:
            raise _Stopped(f"{name}: {error}") from None
        reference = check_reference(model, inputs, outcome.golden)
        prediction = replay(
            program.instructions, program.architecture, len(program.layers), MEMORY_MODELS[options.memory]
        )
        figures = run_figures(
            {"model": str(self.partition.folder / name)}, options.memory, model, outcome, program, prediction, reference
        )
        console.print(run_table(figures))
        console.print(summary(figures), highlight=False, markup=False)
        self.runs[name] = figures
        if options.dump:
            from tcugen.verify.dump import write_dump

            write_dump(options.dump / name, model, program, inputs, outcome)
            np.save(options.dump / name / "images.npy", part.file_images(images))
        return {output: outcome.rtl[output] for output in network.outputs}

    def figures(self, architecture: Architecture, outputs: list[OutputFigures]) -> PartitionRun:
        """The figures when all parts have run."""
        runs, manifest = self.runs, self.partition.manifest
        references = [run["reference"] for run in runs.values()]
        return {
            "format": 1,
            "network": manifest.network,
            "model": str(self.partition.folder),
            "images": str(self.options.images),
            "memory": self.options.memory,
            "architecture": architecture.to_dict(),
            "host_share": manifest.host_share,
            "mac_count": sum(run["mac_count"] for run in runs.values()),
            "cycles_per_image": [
                sum(cycles) for cycles in zip(*(r["cycles_per_image"] for r in runs.values()), strict=True)
            ],
            "mismatches": sum(run["mismatches"] for run in runs.values())
            + sum(reference["mismatches"] for reference in references if reference),
            "parts": part_rows(self.partition),
            "runs": runs,
            "outputs": outputs,
        }
