"""What `import tcugen` offers: the way from a network to figures, for programs and notebooks.

    workload = tcugen.load("resnet20")
    sizing = tcugen.size(workload, tcugen.MachineFlags(array="8x8"))
    tcugen.frame(tcugen.layers(workload, sizing))

Nothing is printed. Errors are those that the commands print, as exceptions; each is a ValueError or a RuntimeError.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console

from tcugen.arch import Architecture
from tcugen.compiler import compile_network, int32_outputs
from tcugen.console.figures import run_figures
from tcugen.console.machine import MachineFlags, sized
from tcugen.console.page_content import build_page
from tcugen.console.sources import load_model
from tcugen.memory_model import MEMORY_MODELS
from tcugen.network.graph import Network
from tcugen.network.layer_config import load_network
from tcugen.program import Program
from tcugen.report.run_report import RunFigures
from tcugen.sizing.search import Sizing
from tcugen.synthetic.placeholder import placeholder
from tcugen.timing.replay import replay

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

    from tcugen.model.quantized import QuantizedNetwork
    from tcugen.verify.compare import Verification

__all__ = [
    "Architecture",
    "LayerFigures",
    "MachineFlags",
    "Run",
    "Workload",
    "compile",
    "emit",
    "frame",
    "layers",
    "load",
    "simulate",
    "size",
]

_MODELS = (".onnx", ".tflite", ".npz")


@dataclass(frozen=True, eq=False)
class Workload:
    """A network, and its integers if it came with them.

    Attributes:
        network: The graph.
        model: Its integers; None for a layer config, whose weights are placeholders, or synthetic in a simulation.
    """

    network: Network
    model: "QuantizedNetwork | None" = None

    @property
    def sums(self) -> frozenset[str]:
        """Outputs of the network that are stored as 32-bit sums."""
        return frozenset() if self.model is None else frozenset(int32_outputs(self.model))


@dataclass(frozen=True)
class LayerFigures:
    """What is expected of one layer.

    Attributes:
        number: Layer number.
        nodes: Names of its nodes, joined by " + ".
        op, shape: Operator of the first node, shape of the output as CxHxW.
        macs: Multiply-accumulates per image.
        cycles: Predicted cycles per image.
        utilisation: macs / (multipliers * cycles); 0 without cycles.
        weight_bytes, load_bytes, store_bytes: Bytes on the bus per image.
        lost_to: Reason of most lost cycles; "" if none is lost.
    """

    number: int
    nodes: str
    op: str
    shape: str
    macs: int
    cycles: int
    utilisation: float
    weight_bytes: int
    load_bytes: int
    store_bytes: int
    lost_to: str


@dataclass(frozen=True, eq=False)
class Run:
    """A simulation that came to its end.

    Attributes:
        program: What ran.
        outcome: Golden, emulator and RTL side by side, with all tensors.
        figures: What `tcugen simulate --json` writes; ONNX Runtime is not asked.
    """

    program: Program
    outcome: "Verification"
    figures: RunFigures

    @property
    def equal(self) -> bool:
        """Every element of every tensor is that of the golden model."""
        return self.outcome.mismatches == 0


def load(source: str | Path) -> Workload:
    """A network from a layer config (file or bundled name), or a model with its integers (.onnx, .tflite, .npz).

    Raises:
        NetworkError, ModelError: If it cannot be read or cannot run.
    """
    if Path(source).suffix in _MODELS:
        model = load_model(Path(source), Console(quiet=True))
        return Workload(model.network, model)
    return Workload(load_network(str(source))[0])


def size(workload: Workload, flags: MachineFlags | None = None) -> Sizing:
    """The machine of the fewest predicted cycles within the flags; `architecture`, `cycles`, `utilisation`, `reasons`.

    Raises:
        UsageError, SizingError, CompileError, ArchitectureError: If a flag cannot be obeyed.
    """
    return sized(workload.network, flags or MachineFlags(), workload.sums)


def compile(workload: Workload, sizing: Sizing) -> Program:
    """The program for a machine that `size` found; with placeholder weights if the workload has none.

    Raises:
        CompileError: If an integer does not fit its field.
    """
    return compile_network(workload.model or placeholder(workload.network), sizing.architecture, planned=sizing.planned)


def emit(machine: Sizing | Architecture, folder: Path) -> Path:
    """Write the machine's Verilog and `architecture.json` into a folder, which is made if need be, and return it."""
    from tcugen.rtl.emit import emit as emit_verilog

    folder.mkdir(parents=True, exist_ok=True)
    emit_verilog(machine.architecture if isinstance(machine, Sizing) else machine, folder)
    return folder


def simulate(
    workload: Workload,
    sizing: Sizing,
    images: "int | NDArray[Any]" = 1,
    rtl: Path | None = None,
    seed: int = 0,
    memory: str = "fixed",
) -> Run:
    """Run a workload on the RTL and compare every element of every tensor.

    Args:
        workload: With a model its integers; else synthetic ones are drawn from `seed`.
        sizing: The machine.
        images: How many synthetic images; with a model float32 [n, C, H, W].
        rtl: Folder with the machine's Verilog; written to a temporary one if None.
        seed: Of synthetic integers and images.
        memory: Memory model, "fixed" or "ddr".

    Raises:
        ValueError: If there is a model but no images, or images but no model; or for an unknown memory model.
        EnvironmentProblem, BuildError, SimulationError, ObservationError, VerificationError, EmulationError: If the run
            does not come to its end.
    """
    from tcugen.verify.compare import verify

    if memory not in MEMORY_MODELS:
        raise ValueError(f"memory is {memory!r}, but it must be one of {', '.join(MEMORY_MODELS)}")
    if rtl is None:
        with tempfile.TemporaryDirectory(prefix="tcugen-rtl-") as folder:
            return simulate(workload, sizing, images, emit(sizing, Path(folder)), seed, memory)
    model, inputs = _integers(workload, images, seed)
    planned = sizing.planned if workload.model is not None or not int32_outputs(model) else None
    program = compile_network(model, sizing.architecture, planned=planned)
    outcome = verify(model, program, rtl, inputs, memory)
    prediction = replay(program.instructions, sizing.architecture, len(program.layers), MEMORY_MODELS[memory])
    figures = run_figures({"seed": seed}, memory, model, outcome, program, prediction, None)
    return Run(program, outcome, figures)


def layers(workload: Workload, sizing: Sizing) -> tuple[LayerFigures, ...]:
    """Predicted figures of every layer, in execution order."""
    page = build_page(workload.network, sizing, "", None, None, {})
    return tuple(
        LayerFigures(
            number=layer["number"],
            nodes=" + ".join(layer["nodes"]),
            op=layer["op"],
            shape=layer["shape"],
            macs=layer["macs"],
            cycles=layer["predicted_cycles"],
            utilisation=layer["macs"] / (page["multipliers"] * layer["predicted_cycles"] or 1),
            weight_bytes=layer["traffic"]["weights"],
            load_bytes=layer["traffic"]["load"],
            store_bytes=layer["traffic"]["store"],
            lost_to=max(layer["losses"], key=layer["losses"].__getitem__, default=""),
        )
        for layer in page["layers"]
    )


def frame(rows: Sequence[object]) -> "pandas.DataFrame":
    """A pandas data frame of dataclasses or mappings, such as `layers`, `Run.figures["nodes"]` or rows of a sweep.

    Raises:
        ImportError: If pandas is not installed: pip install 'tcugen[research]'.
        TypeError: If a row is neither.
    """
    import pandas

    return pandas.DataFrame([_fields(row) for row in rows])


def _fields(row: object) -> Mapping[str, Any]:
    if is_dataclass(row) and not isinstance(row, type):
        return asdict(row)
    if isinstance(row, Mapping):
        return cast("Mapping[str, Any]", row)
    raise TypeError(f"a row is a {type(row).__name__}, but it must be a dataclass or a mapping")


def _integers(
    workload: Workload, images: "int | NDArray[Any]", seed: int
) -> "tuple[QuantizedNetwork, dict[str, NDArray[Any]]]":
    if workload.model is None:
        from tcugen.synthetic.integers import synthesise

        if not isinstance(images, int):
            raise ValueError("images is an array, but the workload has no model; give a number of synthetic images")
        return synthesise(workload.network, seed, images)
    from tcugen.model.images import image_quantization, quantise_images

    if isinstance(images, int):
        raise ValueError(f"images is {images}, but the workload is a model; give its images, float32 [n, C, H, W]")
    name = workload.network.inputs[0][0]
    return workload.model, {name: quantise_images(images, image_quantization(workload.model))}
