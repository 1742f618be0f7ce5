"""Proves properties of the hardware and prints what came of it, as a table.

    python -m tcugen.rtl.proofs [--short] [--only TEXT] [--mutants] [--jobs N] [--timeout SECONDS] [--json FILE]

Exit status 0 if all hold, and with `--mutants` all mutants are found; 1 if not; 2 if a tool is missing or an argument
is wrong.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tcugen.rtl.proofs.engine import ProofFailure, Verdict, missing_tools, prove
from tcugen.rtl.proofs.mutants import found
from tcugen.rtl.proofs.proof import Proof
from tcugen.rtl.proofs.table import chosen

TIMEOUT_SECONDS = 1800


@dataclass(frozen=True)
class Row:
    """A line of the table; `mutants` is how many were found, None if they were not tried."""

    proof: Proof
    verdict: Verdict
    mutants: int | None

    @property
    def good(self) -> bool:
        """It holds, and every mutant is found."""
        return self.verdict.holds is True and self.mutants in (None, len(self.proof.mutants))

    @property
    def result(self) -> str:
        """In a word."""
        return {True: "holds", False: "VIOLATED", None: "NOT PROVED"}[self.verdict.holds]

    def cells(self) -> list[str]:
        """As printed."""
        proof = self.proof
        mutants = f"{len(proof.mutants)}" if self.mutants is None else f"{self.mutants} of {len(proof.mutants)} found"
        name = f"`{proof.full_name}`"
        return [name, proof.says, proof.method_text, f"{self.verdict.seconds:.1f}", mutants, self.result]

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "module": self.proof.module,
            "name": self.proof.name,
            "property": self.proof.says,
            "method": self.proof.method.value,
            "depth": self.proof.depth,
            "seconds": round(self.verdict.seconds, 2),
            "result": self.result,
            "mutants": len(self.proof.mutants),
            "mutants_found": self.mutants,
        }


HEADINGS = ("proof", "property", "method", "seconds", "mutants", "result")


def run(proofs: Iterable[Proof], jobs: int, timeout: float, mutants: bool, tell: Callable[[Row], None]) -> list[Row]:
    """Proves all, `jobs` at a time; tells of each as its turn comes."""

    def one(proof: Proof) -> Row:
        with tempfile.TemporaryDirectory(prefix="tcugen-") as name:
            verdict = prove(proof, Path(name), timeout)
        return Row(proof, verdict, sum(found(proof, mutant, timeout) for mutant in proof.mutants) if mutants else None)

    rows: list[Row] = []
    with ThreadPoolExecutor(jobs) as pool:
        for row in pool.map(one, proofs):
            rows.append(row)
            tell(row)
    return rows


def main(arguments: list[str]) -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tcugen.rtl.proofs", description="Properties of the hardware, proved."
    )
    parser.add_argument("--short", action="store_true", help="only those that `make test` runs")
    parser.add_argument("--only", metavar="TEXT", help="only those with this in their name")
    parser.add_argument("--mutants", action="store_true", help="break the hardware too: every mutant must be found")
    parser.add_argument("--jobs", type=int, default=2, help="at a time (2)")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS, help=f"seconds for each ({TIMEOUT_SECONDS})")
    parser.add_argument("--json", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    proofs = chosen(options.short, options.only)
    if not proofs or options.jobs < 1:
        what = (
            f"--only {options.only!r} names no proof"
            if not proofs
            else f"--jobs is {options.jobs}, but must be at least 1"
        )
        print(f"error: {what}; `python -m tcugen.rtl.proofs --help` says more", file=sys.stderr)
        return 2
    if missing := missing_tools():
        print("error: " + "; ".join(missing), file=sys.stderr)
        return 2
    print("| " + " | ".join(HEADINGS) + " |\n|---|---|---|---:|---:|---|")
    try:
        rows = run(
            proofs,
            options.jobs,
            options.timeout,
            options.mutants,
            lambda row: print("| " + " | ".join(row.cells()) + " |", flush=True),
        )
    except ProofFailure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps({"format": 1, "proofs": [row.as_json() for row in rows]}, indent=1) + "\n")
    for row in rows:
        if not row.good:
            print(f"\n{row.proof.full_name}: {row.result}\n{row.verdict.said}", file=sys.stderr)
    return int(not all(row.good for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
