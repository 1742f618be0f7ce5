"""Faults in simulation, as a table: what the machine makes of programs some of whose bits are wrong.

    python -m sim.faults [--runs N] [--seed N] [--json FILE]

Runs the network of `examples/reference.json` on the build in `rtl_out/reference`. Exit status 1 if a fault is not
detected or a run after it is wrong. A run that hangs, or an access outside the windows, ends it with a message.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tcugen.compiler import compile_network
from tcugen.network.layer_config import read_layer_config
from tcugen.program_format import Flaw
from tcugen.simulator.build import read_architecture
from tcugen.simulator.flips import Flip, FlippedRun, random_flips, simulate_flipped
from tcugen.synthetic.integers import synthesise

ROOT = Path(__file__).parents[1]
MOST_BITS = 8
RUNS = 5000
NETWORK = ROOT / "examples" / "reference.json"
BUILD = ROOT / "rtl_out" / "reference"
SLACK_CYCLES = 20_000
WATCHDOG_CYCLES = 5_000


@dataclass(frozen=True)
class FaultRow:
    """One kind of fault.

    Attributes:
        kind: What was wrong.
        injected: Runs with it.
        detected: Of these, ended with an error code that says what was wrong.
        codes: How often each error code came.
        done: Ended as done.
        wrong_afterwards: Right runs between and after them whose results were wrong.
    """

    kind: str
    injected: int
    detected: int
    codes: dict[str, int]
    done: int
    wrong_afterwards: int


RIGHT_CODES = frozenset(flaw.name for flaw in Flaw)


def flipped_bits(runs: int, seed: int) -> FaultRow:
    """`runs` programs or weights with 1 to MOST_BITS flipped bits; after every tenth a right one.

    Raises:
        SimulationError: If a run hangs, or the machine breaks a rule of the bus or of its windows.
    """
    model, inputs = synthesise(read_layer_config(NETWORK), seed, 1)
    program = compile_network(model, read_architecture(BUILD))
    image = {name: tensor[0] for name, tensor in inputs.items()}
    rng = np.random.default_rng(seed)
    plan: list[list[Flip]] = [[]]
    for number in range(runs):
        plan.append(random_flips(program, rng, 1 + number % MOST_BITS))
        if number % 10 == 9:
            plan.append([])
    (alone,) = simulate_flipped(program, BUILD, image, [[]], 10_000_000, WATCHDOG_CYCLES)
    return row(plan, simulate_flipped(program, BUILD, image, plan, alone.cycles + SLACK_CYCLES, WATCHDOG_CYCLES), alone)


def row(plan: list[list[Flip]], found: list[FlippedRun], right: FlippedRun) -> FaultRow:
    """Counts what became of each run; `right` is one without a fault."""
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
    detected = sum(count for code, count in codes.items() if code in RIGHT_CODES)
    return FaultRow("flipped bits of program and weights", sum(map(bool, plan)), detected, dict(codes), done, wrong)


def main(arguments: list[str]) -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sim.faults", description="Programs with flipped bits on the RTL.")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"programs with flipped bits ({RUNS})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    rows = [flipped_bits(options.runs, options.seed)]
    print("| kind | injected | detected | done | wrong afterwards | codes |")
    print("|---|---:|---:|---:|---:|---|")
    for one in rows:
        codes = ", ".join(f"{name} {count:,}" for name, count in sorted(one.codes.items(), key=lambda item: -item[1]))
        counts = f"{one.injected:,} | {one.detected:,} | {one.done} | {one.wrong_afterwards}"
        print(f"| {one.kind} | {counts} | {codes} |")
    if options.json:
        options.json.write_text(json.dumps({"format": 1, "rows": [asdict(one) for one in rows]}, indent=1) + "\n")
    return int(any(one.detected != one.injected or one.wrong_afterwards for one in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
