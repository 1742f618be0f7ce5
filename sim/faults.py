"""Faults in simulation, as a table: what the machine makes of them, and of the run after each.

    python -m sim.faults [BUILD] [--flipped N] [--cases N] [--only TEXT] [--jobs N] [--seed N] [--json FILE]

Runs the network of BUILD on its machine; without BUILD that of `examples/faults.json`, flipped bits that of
`examples/reference.json`, on the build in `rtl_out/reference`. Exit status 1 if there is anything in the columns that
must be 0. After every fault comes a run without one, and without a reset where none is due.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from sim.fault_kinds import KINDS, FaultRow, Kind, Setting
from sim.fault_kinds import row as row_of_cases
from sim.output import put_out
from tcugen.compiler import compile_network
from tcugen.network.errors import NetworkError
from tcugen.network.layer_config import read_layer_config
from tcugen.program import Program, Tensor
from tcugen.program_format import Flaw
from tcugen.simulator.build import BuildError, read_architecture
from tcugen.simulator.faults import simulate_faults, window_areas
from tcugen.simulator.flips import Flip, FlippedRun, random_flips, simulate_flipped
from tcugen.synthetic.integers import synthesise

ROOT = Path(__file__).parents[1]
MOST_BITS = 8
FLIPPED = 5000
CASES = 500
FLIPPED_NETWORK = ROOT / "examples" / "reference.json"
NETWORK = ROOT / "examples" / "faults.json"
BUILD = ROOT / "rtl_out" / "reference"
SLACK_CYCLES = 20_000
WATCHDOG_CYCLES = 5_000
FLIPPED_BITS = "flipped bits of program and weights"

RIGHT_CODES = frozenset(flaw.name for flaw in Flaw)


def network(path: Path, seed: int, build: Path = BUILD) -> tuple[Program, dict[str, Tensor]]:
    """The program of a layer config for a build, and an image, int8 [C, H, W] by input."""
    model, inputs = synthesise(read_layer_config(path), seed, 1)
    return compile_network(model, read_architecture(build)), {name: tensor[0] for name, tensor in inputs.items()}


def flipped_bits(runs: int, seed: int, build: Path = BUILD, path: Path = FLIPPED_NETWORK) -> FaultRow:
    """`runs` programs or weights with 1 to MOST_BITS flipped bits; after every tenth a right one.

    Raises:
        SimulationError: If a run hangs, or the machine breaks a rule of the bus or of its windows.
    """
    program, image = network(path, seed, build)
    rng = np.random.default_rng(seed)
    plan: list[list[Flip]] = [[]]
    for number in range(runs):
        plan.append(random_flips(program, rng, 1 + number % MOST_BITS))
        if number % 10 == 9:
            plan.append([])
    (alone,) = simulate_flipped(program, build, image, [[]], 10_000_000, WATCHDOG_CYCLES)
    return row(plan, simulate_flipped(program, build, image, plan, alone.cycles + SLACK_CYCLES, WATCHDOG_CYCLES), alone)


def row(plan: list[list[Flip]], found: list[FlippedRun], right: FlippedRun) -> FaultRow:
    """Counts what became of each run with flipped bits; `right` is one without. A run that is done is undetected."""
    codes = Counter(
        run.error.code.name if run.error else "DONE" for flips, run in zip(plan, found, strict=True) if flips
    )
    good = [run for flips, run in zip(plan, found, strict=True) if not flips]
    wrong = sum(
        run.error is not None
        or any(not np.array_equal(run.outputs[name], tensor) for name, tensor in right.outputs.items())
        for run in good
    )
    done = codes.pop("DONE", 0)
    injected = sum(map(bool, plan))
    detected = sum(count for code, count in codes.items() if code in RIGHT_CODES)
    return FaultRow(FLIPPED_BITS, injected, detected, 0, injected - done - detected, done, 0, 0, wrong, dict(codes))


def faulty_runs(kind: Kind, count: int, seed: int, build: Path = BUILD, path: Path = NETWORK) -> FaultRow:
    """`count` cases of a kind, drawn from `seed`.

    Raises:
        SimulationError: If the run without a fault is not done.
    """
    program, image = network(path, seed, build)
    alone = simulate_faults(program, build, image, [], 10_000_000, WATCHDOG_CYCLES).alone
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    setting = Setting(alone, window_areas(program), program.architecture)
    cases = [kind.draw(rng, setting) for _ in range(count)]
    # Random pauses make a run several times as long.
    runs = simulate_faults(program, build, image, cases, 20 * alone.cycles + SLACK_CYCLES, WATCHDOG_CYCLES)
    return row_of_cases(kind, cases, runs.cases, program.architecture)


def _called(one: Callable[[], FaultRow]) -> FaultRow:
    return one()


COLUMNS = ("injected", "detected", "harmless", "wrong_code", "undetected", "hangs", "stray", "wrong_afterwards")


def table(rows: list[FaultRow]) -> list[str]:
    """The lines of the table."""
    lines = [
        "| kind | " + " | ".join(COLUMNS).replace("_", " ") + " | codes |",
        "|---|" + "---:|" * len(COLUMNS) + "---|",
    ]
    for one in rows:
        codes = ", ".join(f"{name} {count:,}" for name, count in sorted(one.codes.items(), key=lambda item: -item[1]))
        counts = " | ".join(f"{getattr(one, column):,}" for column in COLUMNS)
        lines.append(f"| {one.kind} | {counts} | {codes} |")
    return lines


def main(arguments: list[str]) -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.faults", description="Faults on the RTL: none may go unnoticed."
    )
    parser.add_argument("build", type=Path, nargs="?", metavar="BUILD", help="folder of a build (rtl_out/reference)")
    parser.add_argument("--flipped", type=int, default=FLIPPED, help=f"programs with flipped bits ({FLIPPED})")
    parser.add_argument("--cases", type=int, default=CASES, help=f"cases of every other kind ({CASES})")
    parser.add_argument("--only", default="", metavar="TEXT", help="only kinds with this in their name")
    parser.add_argument("--jobs", type=int, default=2, help="kinds at a time (2)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    build, own = options.build or BUILD, options.build and options.build / "layer-config.json"
    path, flipped = own or NETWORK, own or FLIPPED_NETWORK
    asked: list[Callable[[], FaultRow]] = [
        partial(faulty_runs, kind, options.cases, options.seed, build, path)
        for kind in KINDS
        if options.only in kind.name
    ]
    if options.only in FLIPPED_BITS:
        asked.append(partial(flipped_bits, options.flipped, options.seed, build, flipped))
    if not asked or min(options.flipped, options.cases, options.jobs) < 1:
        print("error: no kind has --only in its name, or a number is below 1; see --help", file=sys.stderr)
        return 2
    try:
        with ThreadPoolExecutor(options.jobs) as pool:
            rows = list(pool.map(_called, asked))
    except (BuildError, NetworkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    put_out(table(rows), rows, options.json)
    return int(not all(one.good for one in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
