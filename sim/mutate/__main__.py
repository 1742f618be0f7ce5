"""Breaks the hardware in one place after the other and says which tests and proofs find it.

    python -m sim.mutate [--count N] [--seed N] [--only FILE] [--quick] [--budget MINUTES] [--json FILE] [--known FILE]

Exit status 0 if every mutant of hardware is found or explained, 1 if one survives, 2 if an argument is wrong. With a
budget no mutant is begun after that many minutes. The file is written anew after each mutant; `--known` takes from such
a file what was found before, so that a run goes on where another one ended, or tries new tests on what survived it.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

from sim.mutate.explained import explanation
from sim.mutate.overlay import overlay
from sim.mutate.sample import RTL, all_sites, drawn
from sim.mutate.sites import Site
from sim.mutate.table import Row, found, known_rows, share, table
from sim.mutate.ways import QUICK, WAYS, Judge, WrongOriginal
from tcugen.rtl.proofs.engine import missing_tools

COUNT = 100


def cpu_seconds() -> float:
    """Processor time of everything that was started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def judged_row(judge: Judge, site: Site) -> Row:
    """Tries a mutant."""
    before = cpu_seconds()
    with overlay(site) as mutant:
        verdict = judge.judged(site, mutant)
    explained = None if verdict.way else explanation(site, (RTL / site.file).read_text())
    return Row(site, verdict, explained, cpu_seconds() - before)


def main(arguments: list[str]) -> int:
    """Prints a line for each mutant, then the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sim.mutate", description="Mutants of the hardware.")
    parser.add_argument("--count", type=int, default=COUNT, help=f"mutants whose Verilog differs ({COUNT})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="FILE", help="only of this file of tcugen/rtl")
    parser.add_argument("--budget", type=float, default=float("inf"), help="minutes after which none is begun")
    parser.add_argument("--json", type=Path, help="write what became of each to this file")
    parser.add_argument("--quick", action="store_true", help="only tests and proofs of each file; no networks")
    parser.add_argument("--known", type=Path, metavar="FILE", help="take over what this file of --json says was found")
    options = parser.parse_args(arguments)
    if options.count < 1 or options.budget <= 0:
        print(
            f"error: --count is {options.count} and --budget {options.budget}, but must be above 0; leave them out",
            file=sys.stderr,
        )
        return 2
    if missing := missing_tools():
        print("error: " + "; ".join(missing), file=sys.stderr)
        return 2
    try:
        everywhere = all_sites(options.only)
        known = known_rows(options.known.read_text(), options.seed) if options.known else {}
    except FileNotFoundError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except ValueError as problem:
        print(f"error: {options.known} {problem}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    end = time.monotonic() + 60 * options.budget
    with overlay(None) as original:
        judge = Judge(original, QUICK if options.quick else WAYS)
        for site in drawn(everywhere, options.seed):
            if sum(row.counts for row in rows) == options.count or time.monotonic() > end:
                break
            rows.append(known[site] if site in known else judged_row(judge, site))
            print(rows[-1].text(), flush=True)
            if options.json:
                held = {"format": 1, "seed": options.seed, "mutants": [row.as_json() for row in rows]}
                options.json.write_text(json.dumps(held, indent=1) + "\n")
        try:
            judge.confirm([row.verdict for row in rows])
        except WrongOriginal as problem:
            print(f"error: {problem}", file=sys.stderr)
            return 1
    print("\n" + "\n".join(table(rows, everywhere)))
    for row in rows:
        if row.explained:
            print(f"\nexplained: {row.site.text()}\n  {row.explained.reason}")
    judged = [row for row in rows if row.counts]
    without = len(rows) - len(judged)
    print(f"\n{found(judged)} of {len(judged)} found, {share(rows):.1f} % of those that are not explained.")
    print(f"{without} more change no Verilog of the machines that are built, and are not counted.")
    survivors = [row for row in judged if row.result == "survived"]
    for row in survivors:
        print(f"survived: {row.site.text()}", file=sys.stderr)
    return int(bool(survivors))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
