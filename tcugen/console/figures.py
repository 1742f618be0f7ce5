"""The figures of a run: what `--json` writes and the report's table is made of."""

from typing import TYPE_CHECKING

from tcugen.program import Program
from tcugen.report.losses import losses_of
from tcugen.report.run_report import Origin, RunFigures
from tcugen.timing.prediction import Prediction

if TYPE_CHECKING:
    from tcugen.model.quantized import QuantizedNetwork
    from tcugen.verify.compare import Verification
    from tcugen.verify.reference import ReferenceCheck


def run_figures(
    origin: Origin,
    memory: str,
    model: "QuantizedNetwork",
    outcome: "Verification",
    program: Program,
    prediction: Prediction,
    reference: "ReferenceCheck | None",
) -> RunFigures:
    """Figures of a simulation.

    Args:
        origin: Where the numbers come from, by key.
        model: What `program` was compiled from.
        prediction: A replay of `program` with the same memory model.
        reference: Golden compared with ONNX Runtime; None if that is not installed.
    """
    from tcugen.evaluate.emulate import top1

    multipliers = program.architecture.multipliers
    predicted = {layer.nodes[0]: cycles.cycles for layer, cycles in zip(program.layers, prediction.layers, strict=True)}
    return {
        "format": 1,
        "network": program.network,
        "memory": memory,
        **origin,
        "architecture": program.architecture.to_dict(),
        "mac_count": program.mac_count,
        "cycles_per_image": list(outcome.cycles),
        "predicted_cycles": prediction.cycles,
        "predicted_bytes": prediction.bytes_read + prediction.bytes_written,
        "utilisation": program.mac_count * len(outcome.cycles) / (multipliers * sum(outcome.cycles)),
        "mismatches": outcome.mismatches,
        "reference": reference
        and {
            "tensors": reference.tensors,
            "elements": reference.elements,
            "mismatches": reference.mismatches,
        },
        "top1": top1(model, outcome.rtl[model.network.outputs[0]]),
        "counters": outcome.counters,
        "cycles_per_second": outcome.cycles_per_second,
        "nodes": [
            {
                "name": result.node.name,
                "op": result.node.op,
                "shape": str(result.shape),
                "macs": result.macs,
                "cycles": result.cycles,
                "predicted_cycles": predicted.get(result.node.name, 0),
                "busy": result.busy,
                "stalls": result.stalls,
                "losses": losses_of(result.macs, multipliers, result.busy, result.stalls),
                "fused": result.fused,
                "mismatches": result.emulator_mismatches + result.rtl_mismatches,
            }
            for result in outcome.nodes
        ],
    }
