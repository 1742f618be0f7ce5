"""The figures of a run: what `--json` writes and the report's table is made of."""

from typing import TYPE_CHECKING

from tcugen.program import Program
from tcugen.report.run_report import Origin, RunFigures

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
    reference: "ReferenceCheck | None",
) -> RunFigures:
    """Figures of a simulation.

    Args:
        origin: Where the numbers come from, by key.
        model: What `program` was compiled from.
        reference: Golden compared with ONNX Runtime; None if that is not installed.
    """
    from tcugen.evaluate.emulate import top1

    multipliers = program.architecture.multipliers
    return {
        "format": 1,
        "network": program.network,
        "memory": memory,
        **origin,
        "architecture": program.architecture.to_dict(),
        "mac_count": program.mac_count,
        "cycles_per_image": list(outcome.cycles),
        "utilisation": program.mac_count * len(outcome.cycles) / (multipliers * sum(outcome.cycles)),
        "mismatches": outcome.mismatches,
        "reference": reference
        and {
            "tensors": reference.tensors,
            "elements": reference.elements,
            "mismatches": reference.mismatches,
        },
        "top1": top1(model, outcome.rtl[model.network.nodes[-1].name]),
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
