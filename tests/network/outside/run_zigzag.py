"""Runs ZigZag on a workload: `run_zigzag.py WORKLOAD FOLDER`. Prints names, MACs and cycles of its layers as JSON;
without FOLDER it only reads the workload, and there are no cycles.

Runs in an environment of its own, with nothing but ZigZag. The machine is one of those that come with it.
"""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

import zigzag  # pyright: ignore[reportMissingImports]  # installed apart
from zigzag.api import get_hardware_performance_zigzag  # pyright: ignore[reportMissingImports]  # installed apart
from zigzag.stages.parser.workload_parser import WorkloadParserStage  # pyright: ignore[reportMissingImports]  # installed apart

INPUTS = Path(zigzag.__path__[0]) / "inputs"
MACHINE = "tpu_like.yaml"
MULTIPLIERS = 32 * 32


def run(workload: str, mapping: str, folder: str) -> list[int]:
    """Cycles of every layer."""
    _, _, found = get_hardware_performance_zigzag(
        workload,
        str(INPUTS / "hardware" / MACHINE),
        mapping,
        dump_folder=folder,
        lpf_limit=4,
        loma_show_progress_bar=False,
    )
    return [int(evaluation.latency_total2) for evaluation, _ in found[0][1]]


def main(workload: str, folder: str | None = None) -> None:
    mapping = str(INPUTS / "mapping" / MACHINE)
    with redirect_stdout(sys.stderr):
        cycles = run(workload, mapping, folder) if folder else None
        read = WorkloadParserStage([lambda *_: None], workload=workload, mapping=mapping).parse_workload()
    layers = list(read.topological_sort())
    told = {
        "names": [layer.name for layer in layers],
        "macs": [int(layer.total_mac_count) for layer in layers],
        "cycles": cycles,
        "multipliers": MULTIPLIERS,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
