"""`tcugen doctor`: is everything there that building, simulating and verifying need?"""

import importlib.metadata
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tcugen.console.outcome import Status
from tcugen.console.packages import PACKAGES
from tcugen.simulator.environment import Finding, check

OLDEST_PYTHON = (3, 11)


def doctor(console: Console) -> Status:
    """Print a table of what is needed, and below it one line per remedy; MISMATCH if something is missing."""
    findings = [_python(), *(_package(name) for name in PACKAGES), *check()]
    table = Table(title="tcugen doctor")
    for heading in ("what", "found", ""):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        verdict = "[green]ok[/]" if finding.ok else "[red]missing[/]"
        table.add_row(escape(finding.name), escape(finding.found), verdict)
    console.print(table)
    missing = [finding for finding in findings if not finding.ok]
    for finding in missing:
        console.print(f"{finding.name}: {finding.remedy}", highlight=False, markup=False, soft_wrap=True)
    return Status.MISMATCH if missing else Status.OK


def _python() -> Finding:
    ok = sys.version_info >= OLDEST_PYTHON
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Finding("python", sys.version.split()[0], ok, "" if ok else f"install Python {oldest} or newer")


def _package(name: str) -> Finding:
    package = PACKAGES[name]
    try:
        return Finding(f"{name} ({package.purpose})", importlib.metadata.version(name), True)
    except importlib.metadata.PackageNotFoundError:
        return Finding(f"{name} ({package.purpose})", "not found", False, package.remedy)
