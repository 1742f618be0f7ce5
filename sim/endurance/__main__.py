"""Inferences back to back, as a table: each with stalls, latencies and resets drawn at random, all must be right.

    python -m sim.endurance BUILD [--inferences N] [--seed N] [--json FILE]

The network is the one in BUILD, with synthetic integers; every inference has another image, and every element that it
writes is compared with the golden model. Exit status 1 if one differs.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.endurance.simulator import NEVER, Stress, simulate_back_to_back
from sim.output import put_out
from tcugen import golden
from tcugen.compiler import compile_network
from tcugen.network.errors import NetworkError
from tcugen.network.layer_config import read_layer_config
from tcugen.simulator.build import BuildError, read_architecture
from tcugen.synthetic.integers import synthesise

INFERENCES = 20
PAUSES = (0, 2, 3, 5, 20, 100)
LATENCIES = (1, 10, 100, 400)
MOST_SLOWDOWN, SLACK_CYCLES = 30, 100_000
LIMIT = 1_000_000_000
CALM = Stress(pause_one_in=0, seed=1, read_latency=100, response_latency=50, soft_reset=NEVER, hard_reset=NEVER)
"""No stress: how long a run takes decides when others are cut off."""


@dataclass(frozen=True)
class InferenceRow:
    """One inference: what it had to bear, its error code, cycles, elements compared and of these the wrong ones."""

    stress: Stress
    code: str
    cycles: int
    elements: int
    differing: int


def drawn(count: int, cycles: int, seed: int) -> list[Stress]:
    """Stresses in a random order of kinds: two of four inferences have no reset, one a soft, one a hard one; every
    eighth has both. Resets come in any of `cycles` cycles.
    """
    rng = np.random.default_rng(seed)

    def one(number: int) -> Stress:
        soft, hard = (int(rng.integers(cycles)) for _ in range(2))
        return Stress(
            pause_one_in=int(rng.choice(PAUSES)),
            seed=1 + int(rng.integers(1 << 30)),
            read_latency=int(rng.choice(LATENCIES)),
            response_latency=int(rng.choice(LATENCIES)),
            soft_reset=soft if number % 4 == 1 or number % 8 == 7 else NEVER,
            hard_reset=hard if number % 4 == 3 else NEVER,
        )

    stresses = [one(number) for number in range(count)]
    return [stresses[int(place)] for place in rng.permutation(count)]


def measured(build: Path, count: int, seed: int) -> list[InferenceRow]:
    """A row for each of `count` inferences.

    Raises:
        BuildError, NetworkError: If the build is not there, or not whole.
        SimulationError: If one hangs, or the machine breaks a rule of the bus.
    """
    model, inputs = synthesise(read_layer_config(build / "layer-config.json"), seed, count)
    program = compile_network(model, read_architecture(build))
    expected = golden.run(model, inputs)
    images = [{name: tensor[number] for name, tensor in inputs.items()} for number in range(count)]
    (alone,) = simulate_back_to_back(program, build, images[:1], [CALM], LIMIT)
    cycles = alone.cycles
    stresses = drawn(count, cycles, seed)
    found = simulate_back_to_back(program, build, images, stresses, MOST_SLOWDOWN * cycles + SLACK_CYCLES)
    return [
        InferenceRow(
            stress,
            one.code.name,
            one.cycles,
            sum(tensor.size for tensor in one.tensors.values()),
            one.differing({name: tensor[number] for name, tensor in expected.items()}),
        )
        for number, (stress, one) in enumerate(zip(stresses, found, strict=True))
    ]


def table(rows: list[InferenceRow]) -> list[str]:
    """The lines of the table."""
    lines = [
        "| inference | a channel rests in one cycle of | latencies | cut off in cycle | cycles | elements | differ |",
        "|---:|---:|---:|---|---:|---:|---:|",
    ]
    for number, row in enumerate(rows):
        stress = row.stress
        resets = [
            f"{at:,} ({kind})" for at, kind in ((stress.soft_reset, "soft"), (stress.hard_reset, "hard")) if at >= 0
        ]
        rests = str(stress.pause_one_in or "-")
        latencies = f"{stress.read_latency}, {stress.response_latency}"
        counts = f"{row.cycles:,} | {row.elements:,} | {row.differing:,}"
        lines.append(f"| {number} | {rests} | {latencies} | {', '.join(resets)} | {counts} |")
    return lines


def main(arguments: list[str]) -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sim.endurance", description="Inferences back to back on the RTL.")
    parser.add_argument("build", type=Path, metavar="BUILD", help="folder of a build")
    parser.add_argument("--inferences", type=int, default=INFERENCES, help=f"how many ({INFERENCES})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    if options.inferences < 1:
        print(f"error: --inferences is {options.inferences}, but must be at least 1; see --help", file=sys.stderr)
        return 2
    try:
        rows = measured(options.build, options.inferences, options.seed)
    except (BuildError, NetworkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    put_out(table(rows), rows, options.json)
    return int(any(row.differing or row.code != "NONE" for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
