"""Runs a program on the emulator and on the RTL and compares every tensor with the golden model's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcugen import golden
from tcugen.emulator import Machine
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.graph import Node, Shape
from tcugen.program import Program, Tensor
from tcugen.simulator.progress import Progress
from tcugen.simulator.run import ImageRun, simulate
from tcugen.timeline import Span
from tcugen.trace.locate import Tensors
from tcugen.trace.observe import observe
from tcugen.trace.units import unit_spans


class VerificationError(RuntimeError):
    """The run could not be judged: the machine stopped itself. The message names the error and its address."""


@dataclass(frozen=True)
class NodeResult:
    """One node of the network over all images.

    Attributes:
        node, shape, macs: The node, the shape of its output, its multiply-accumulates per image.
        cycles: Cycles of the last image that belong to it: busy ones and those in which the array waited for it.
            A node fused into another layer's work has none of its own: a fused add reports 0.
        busy: Of these, cycles in which the array took an operand.
        stalls: Of these, the others, by reason.
        fused: Its tensor never existed, because the add that reads it is computed along with it.
        emulator_mismatches, rtl_mismatches: Elements that differ from golden; 0 for a fused node, whose tensor is
            judged through its consumer.
    """

    node: Node
    shape: Shape
    macs: int
    cycles: int
    busy: int
    stalls: dict[str, int]
    fused: bool
    emulator_mismatches: int
    rtl_mismatches: int


@dataclass(frozen=True, eq=False)
class Verification:
    """Outcome for a network.

    Attributes:
        nodes: In execution order.
        cycles: Per image.
        counters: Of the last image.
        golden, rtl: int8 or int32 [n, C, H, W] by tensor name; `rtl` has the tensors that the hardware wrote.
        output_mismatches: Elements of the program's outputs that differ between simulated memory and observation.
        cycles_per_second: Of the simulation.
        spans: When units had their instructions, of the last image; None if not asked for.
    """

    nodes: tuple[NodeResult, ...]
    cycles: tuple[int, ...]
    counters: dict[str, int]
    golden: dict[str, Tensor]
    rtl: dict[str, Tensor]
    output_mismatches: int
    cycles_per_second: float
    spans: tuple[Span, ...] | None = None

    @property
    def mismatches(self) -> int:
        found = sum(result.emulator_mismatches + result.rtl_mismatches for result in self.nodes)
        return found + self.output_mismatches


def verify(
    model: QuantizedNetwork,
    program: Program,
    rtl_dir: Path,
    inputs: Tensors,
    memory: str = "fixed",
    progress: Callable[[Progress], None] | None = None,
    stage: Callable[[str], None] | None = None,
    units: bool = False,
) -> Verification:
    """Golden, emulator and RTL on the same images.

    Args:
        model: What `program` was compiled from.
        rtl_dir: Emitted Verilog, simulated as it stands there.
        inputs: int8 [n, C, H, W] by name of network input.
        memory: Memory model, "fixed" or "ddr".
        progress: Called during the simulation.
        stage: Called with one line of text at the start of each stage.
        units: Trace what units take and finish too, for `Verification.spans`.

    Raises:
        VerificationError: If the machine stopped with an error.
        EmulationError, SimulationError, ObservationError, UnitTraceError: If a run did not come to its end.
    """
    report = stage or _silent
    images = [{name: tensor[i] for name, tensor in inputs.items()} for i in range(len(next(iter(inputs.values()))))]
    report("golden: PyTorch")
    expected = golden.run(model, inputs)
    report("emulator: the program's instructions in integers")
    emulated = _emulate(program, images)
    report("rtl: building and running the simulation")
    result = simulate(program, rtl_dir, images, memory=memory, progress=progress, units=units)
    observed, output_mismatches = _observe(program, result.images)
    last = result.images[-1]
    return Verification(
        nodes=tuple(_judge(model, program, expected, emulated, observed, last)),
        cycles=tuple(image.cycles for image in result.images),
        counters=last.counters,
        golden=expected,
        rtl=observed,
        output_mismatches=output_mismatches,
        cycles_per_second=result.cycles_per_second,
        spans=None if last.units is None else unit_spans(program, last.units, last.interrupt_cycles - last.cycles),
    )


def _silent(_line: str) -> None:
    """Where nobody wants to know the stages."""


def _emulate(program: Program, images: Sequence[Tensors]) -> dict[str, Tensor]:
    machine = Machine(program)
    runs: list[Tensors] = []
    for image in images:
        machine.run(image)
        runs.append(dict(machine.observed))
    return {name: np.stack([run[name] for run in runs]) for name in runs[0]}


def _observe(program: Program, images: Sequence[ImageRun]) -> tuple[dict[str, Tensor], int]:
    """Tensors from the traces, and how far the outputs in memory differ from them."""
    runs: list[Tensors] = []
    mismatches = 0
    for number, image in enumerate(images):
        if image.error:
            raise VerificationError(f"image {number}: the machine stopped with error {image.error.described}")
        if image.drains is None or image.pools is None:
            raise VerificationError(f"image {number}: the run left no traces; run it again with traces")
        tensors = observe(program, image.drains, image.pools).tensors
        mismatches += sum(int(np.count_nonzero(tensors[name] != value)) for name, value in image.outputs.items())
        runs.append(tensors)
    return {name: np.stack([run[name] for run in runs]) for name in runs[0]}, mismatches


def _judge(
    model: QuantizedNetwork,
    program: Program,
    expected: Tensors,
    emulated: Tensors,
    observed: Tensors,
    image: ImageRun,
) -> list[NodeResult]:
    layer_of = {layer.nodes[0]: number for number, layer in enumerate(program.layers)}
    results: list[NodeResult] = []
    for node in model.network.nodes:
        counters = image.layer_counters[layer_of[node.name]] if node.name in layer_of else {}
        stalls = {name.removeprefix("STALL_").lower(): n for name, n in counters.items() if name != "BUSY" and n}
        fused = node.name not in observed

        def differing(tensors: Tensors, name: str = node.name) -> int:
            return int(np.count_nonzero(tensors[name] != expected[name]))

        results.append(
            NodeResult(
                node=node,
                shape=model.network.shapes[node.name],
                macs=model.network.macs(node),
                cycles=sum(counters.values()),
                busy=counters.get("BUSY", 0),
                stalls=stalls,
                fused=fused,
                emulator_mismatches=0 if fused else differing(emulated),
                rtl_mismatches=0 if fused else differing(observed),
            )
        )
    return results
