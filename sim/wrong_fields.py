"""Programs that are wrong in one place and whose checksums are right, on the RTL: what the machine makes of them.

    python -m sim.wrong_fields [BUILD] [--runs N] [--jobs N] [--seed N] [--json FILE]

Checksums find what happens to a program, not what its maker did wrong; that is for `tcugen check`. The machine executes
such a program as it stands. It may compute something else, but must not reach a byte outside its windows, must be at
rest when nothing moves any more or the host resets it, and must compute the next program rightly, without a reset where
none is due. Exit status 1 if one did not.
"""

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sim.faults import BUILD, WATCHDOG_CYCLES, network
from sim.output import put_out
from sim.wrong_programs import (
    Mutant,
    field_changed,
    instruction_gone,
    instruction_twice,
    instructions_swapped,
    wait_lowered,
    wait_raised,
)
from tcugen.isa import Window
from tcugen.network.errors import NetworkError
from tcugen.program import Program
from tcugen.registers import ErrorCode
from tcugen.simulator.build import BuildError
from tcugen.simulator.faults import Case, Outcome, simulate_faults, window_areas
from tcugen.simulator.headers import STATUS_DONE

RUNS = 5000
PART = 500
"""Programs in one simulation."""
MOST_TIMES = 20
"""A program that takes so many times as long as the right one is reset."""
KINDS = (
    field_changed, wait_lowered, field_changed, instructions_swapped, field_changed, instruction_gone, field_changed,
    instruction_twice, field_changed, wait_raised,
)  # fmt: skip


@dataclass(frozen=True)
class WrongRow:
    """What became of the programs that are wrong in one way. The last three counts must be 0.

    Attributes:
        wrong: What is wrong.
        programs: How many.
        stopped: Ended with an error.
        right: Done, and the outputs are right all the same.
        done: Done, and they are not.
        working: Moved still when the host reset the machine.
        stray: Broke a rule of the bus, or a byte outside OUTPUT and SCRATCH was another one afterwards.
        stuck: Not at rest after a reset by register.
        wrong_afterwards: The run of the right program after it was not done or not right.
        codes: How often each error code came.
    """

    wrong: str
    programs: int
    stopped: int
    right: int
    done: int
    working: int
    stray: int
    stuck: int
    wrong_afterwards: int
    codes: dict[str, int]

    @property
    def good(self) -> bool:
        """Nothing went wrong that must not."""
        return not (self.stray or self.stuck or self.wrong_afterwards)


def what_is_wrong(program: Program, mutant: Mutant) -> str:
    """The row that a program belongs to: changed fields by the instruction that they are in."""
    if mutant.kind != "a field":
        return mutant.kind
    pairs = zip(program.instructions, mutant.program.instructions, strict=True)
    return f"a field of {next(one.opcode.name for one, other in pairs if one != other)}"


def case_of(program: Program, mutant: Program) -> Case:
    """The run in which the mutant stands where the program does, in a window as long as it is."""
    area = window_areas(program)[Window.PROGRAM]
    size = max(len(program.code), len(mutant.code))
    ours, theirs = (np.frombuffer(one.code.ljust(size, b"\0"), np.uint8) for one in (program, mutant))
    bits = np.flatnonzero(np.unpackbits(ours ^ theirs, bitorder="little"))
    flips = tuple(int(8 * area.base + bit) for bit in bits)
    return Case(window=Window.PROGRAM, base=area.base, bytes=len(mutant.code), flips=flips)


def fate(outcome: Outcome) -> str:
    """The count of a WrongRow that a run belongs to."""
    if outcome.stray or not outcome.untouched:
        return "stray"
    if outcome.stuck:
        return "stuck"
    if outcome.hung:
        return "working"
    if outcome.status != STATUS_DONE:
        return "stopped"
    return "right" if outcome.right else "done"


def row(wrong: str, outcomes: list[Outcome]) -> WrongRow:
    """Counts what became of each program."""
    counts = Counter(map(fate, outcomes))
    codes = Counter(one.code.name for one in outcomes if fate(one) == "stopped" and one.code != ErrorCode.NONE)
    afterwards = sum(not one.right_afterwards and not one.stray for one in outcomes)
    return WrongRow(
        wrong=wrong,
        programs=len(outcomes),
        stopped=counts["stopped"],
        right=counts["right"],
        done=counts["done"],
        working=counts["working"],
        stray=counts["stray"],
        stuck=counts["stuck"],
        wrong_afterwards=afterwards,
        codes=dict(codes),
    )


def measured(build: Path, path: Path, runs: int, jobs: int, seed: int) -> list[WrongRow]:
    """A row for each way to be wrong, of `runs` programs in all.

    Raises:
        BuildError, NetworkError: If the build is not there, or not whole.
        SimulationError: If the right program is not done.
    """
    program, image = network(path, seed, build)
    rng = np.random.default_rng(seed)
    plan: list[tuple[str, Case]] = []
    while len(plan) < runs:
        mutant = KINDS[len(plan) % len(KINDS)](program, rng) or field_changed(program, rng)
        if mutant is not None and mutant.program.code != program.code:
            plan.append((what_is_wrong(program, mutant), case_of(program, mutant.program)))
    simulate = partial(simulate_faults, program, build, image, watchdog=WATCHDOG_CYCLES)
    limit = MOST_TIMES * simulate([], max_cycles=10_000_000).alone.cycles
    parts = [[case for _, case in plan[first : first + PART]] for first in range(0, runs, PART)]
    with ThreadPoolExecutor(jobs) as pool:
        found = [one for part in pool.map(partial(simulate, max_cycles=limit), parts) for one in part.cases]
    by_kind: dict[str, list[Outcome]] = {}
    for (wrong, _), outcome in zip(plan, found, strict=True):
        by_kind.setdefault(wrong, []).append(outcome)
    return [row(wrong, outcomes) for wrong, outcomes in sorted(by_kind.items())]


COLUMNS = {
    "programs": "programs", "stopped": "stopped", "right": "done, right", "done": "done, wrong",
    "working": "reset at work", "stray": "stray", "stuck": "stuck", "wrong_afterwards": "wrong afterwards",
}  # fmt: skip


def table(rows: list[WrongRow]) -> list[str]:
    """The lines of the table."""
    lines = [f"| wrong | {' | '.join(COLUMNS.values())} | codes |", "|---|" + "---:|" * len(COLUMNS) + "---|"]
    for one in rows:
        codes = ", ".join(f"{name} {count:,}" for name, count in sorted(one.codes.items(), key=lambda item: -item[1]))
        lines.append(f"| {one.wrong} | {' | '.join(f'{getattr(one, column):,}' for column in COLUMNS)} | {codes} |")
    return lines


def main(arguments: list[str]) -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.wrong_fields", description="Wrong programs with right checksums on the RTL."
    )
    parser.add_argument("build", type=Path, nargs="?", metavar="BUILD", default=BUILD, help="rtl_out/reference")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"programs ({RUNS})")
    parser.add_argument("--jobs", type=int, default=2, help="simulations at a time (2)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    if min(options.runs, options.jobs) < 1:
        print("error: --runs and --jobs must be at least 1; see --help", file=sys.stderr)
        return 2
    try:
        rows = measured(options.build, options.build / "layer-config.json", options.runs, options.jobs, options.seed)
    except (BuildError, NetworkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    put_out(table(rows), rows, options.json)
    return int(not all(one.good for one in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
