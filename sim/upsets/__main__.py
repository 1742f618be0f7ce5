"""Upsets as a table: single bits flipped in every memory and every class of registers while a network runs on the RTL.

    python -m sim.upsets BUILD [--upsets N] [--only TEXT] [--seed N] [--json FILE]

The network is the one in BUILD, with synthetic integers. Each run is on a machine just reset; the bit, of those of its
class, and the cycle are drawn at random. Exit status 0 whatever comes out: the table is there to say how
many upsets go unnoticed, of a machine with parity or without.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from sim.output import put_out
from sim.upsets.simulator import simulate_upsets
from sim.upsets.table import UpsetRow, classes, drawn, row, table
from tcugen.compiler import compile_network
from tcugen.network.errors import NetworkError
from tcugen.network.layer_config import read_layer_config
from tcugen.simulator.build import BuildError, read_architecture
from tcugen.synthetic.integers import synthesise

UPSETS = 100
WATCHDOG_CYCLES = 20_000
LIMIT = 1_000_000_000
SLACK_CYCLES = 3 * WATCHDOG_CYCLES


def measured(build: Path, upsets: int, only: str, seed: int) -> list[UpsetRow]:
    """A row for each class with `only` in its name, of `upsets` runs each.

    Raises:
        BuildError, NetworkError: If the build is not there, or not whole.
        SimulationError: If the run without an upset is not done.
    """
    model, inputs = synthesise(read_layer_config(build / "layer-config.json"), seed, 1)
    program = compile_network(model, read_architecture(build))
    image = {name: tensor[0] for name, tensor in inputs.items()}
    first = simulate_upsets(program, build, image, [], LIMIT, WATCHDOG_CYCLES)
    rng = np.random.default_rng(seed)
    chosen = {which: of for which, of in classes(first.state).items() if only in " ".join(which)}
    plan = {which: drawn(first.state, of, first.alone.cycles, upsets, rng) for which, of in chosen.items()}
    flat = [one for some in plan.values() for one in some]
    limit = 2 * first.alone.cycles + SLACK_CYCLES
    outcomes = iter(simulate_upsets(program, build, image, flat, limit, WATCHDOG_CYCLES).cases)
    return [
        row(which, sum(first.state[number].size for number in of), [next(outcomes) for _ in plan[which]])
        for which, of in chosen.items()
    ]


def main(arguments: list[str]) -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sim.upsets", description="Bits flipped in the machine's state.")
    parser.add_argument("build", type=Path, metavar="BUILD", help="folder of a build")
    parser.add_argument("--upsets", type=int, default=UPSETS, help=f"of every class of state ({UPSETS})")
    parser.add_argument("--only", default="", metavar="TEXT", help="only classes with this in their name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    if options.upsets < 1:
        print(f"error: --upsets is {options.upsets}, but must be at least 1; see --help", file=sys.stderr)
        return 2
    try:
        rows = measured(options.build, options.upsets, options.only, options.seed)
    except (BuildError, NetworkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not rows:
        print(f"error: no class of state has {options.only!r} in its name; leave --only out", file=sys.stderr)
        return 2
    put_out(table(rows), rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
