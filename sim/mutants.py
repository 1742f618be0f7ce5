"""Programs that are wrong in one place, as a table: the checker of certificates refuses all of them.

    python -m sim.mutants [BUILD] [--runs N] [--seed N] [--json FILE]

The network and the machine are those of BUILD, with synthetic integers.

A mutant that is certified must be the same program by an argument in which the checker has no part, see
`sim.equivalence`; one that is certified without is missed. Exit status 1 if there is one.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sim.equivalence import Images, why_equal
from sim.wrong_programs import Mutant, mutants
from tcugen.arch import Architecture
from tcugen.certify.checker import certify
from tcugen.certify.errors import NotCertified
from tcugen.certify.files import Claim, ProgramFiles, read_files
from tcugen.compiler import compile_network
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.errors import NetworkError
from tcugen.network.graph import Network
from tcugen.network.layer_config import read_layer_config
from tcugen.program import Program
from tcugen.simulator.build import BuildError, read_architecture
from tcugen.synthetic.integers import synthesise

RUNS = 5000
BUILD = Path(__file__).parents[1] / "rtl_out" / "reference"
IMAGES = 2


@dataclass(frozen=True)
class MutantRow:
    """One kind of mutant.

    Attributes:
        kind: What was changed.
        mutants: How many there were.
        refused: Not certified.
        same: Certified, and known to be the same program.
        missed: Certified, and not known to be.
        reasons: How often which reason was given that a mutant is the same program.
    """

    kind: str
    mutants: int
    refused: int
    same: int
    missed: int
    reasons: dict[str, int]


def files_of(program: Program) -> ProgramFiles:
    """What the checker reads of a program."""
    with tempfile.TemporaryDirectory() as folder:
        program.write(Path(folder))
        return read_files(Path(folder), program.architecture)


def mutated(files: ProgramFiles, mutant: Program) -> ProgramFiles:
    """The files of a mutant, from those of its program."""
    claims = {
        one.instruction: Claim(one.tensor, one.channel0, one.y0, one.x0, one.x_channels, one.y_step, one.x_step)
        for one in mutant.observations
    }
    return replace(files, instructions=mutant.instructions, weights=mutant.weights, claims=claims)


def judged(
    model: QuantizedNetwork, program: Program, images: list[Images], plan: Iterable[Mutant]
) -> tuple[list[MutantRow], list[Mutant]]:
    """A row for each kind of mutant, and the mutants that were missed."""
    files, missed = files_of(program), list[Mutant]()
    certify(model, program.architecture, files)
    counts: dict[str, Counter[str]] = {}
    for mutant in plan:
        found = counts.setdefault(mutant.kind, Counter())
        try:
            certify(model, program.architecture, mutated(files, mutant.program))
        except NotCertified:
            found["refused"] += 1
            continue
        reason = why_equal(program, mutant.program, images)
        found[f"same: {reason}" if reason else "missed"] += 1
        if reason is None:
            missed.append(mutant)
    return [_row(kind, found) for kind, found in sorted(counts.items())], missed


def _row(kind: str, found: Counter[str]) -> MutantRow:
    reasons = {key.removeprefix("same: "): count for key, count in found.items() if key.startswith("same: ")}
    same = sum(reasons.values())
    return MutantRow(kind, found.total(), found["refused"], same, found["missed"], reasons)


def case_of(network: Network, architecture: Architecture, seed: int) -> tuple[QuantizedNetwork, Program, list[Images]]:
    """A network with synthetic integers, its program, and images for the emulator."""
    model, inputs = synthesise(network, seed, IMAGES)
    images: list[Images] = [{name: tensor[k] for name, tensor in inputs.items()} for k in range(IMAGES)]
    return model, compile_network(model, architecture), images


def main(arguments: list[str]) -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sim.mutants", description="Wrong programs are not certified.")
    parser.add_argument("build", type=Path, nargs="?", metavar="BUILD", default=BUILD, help="rtl_out/reference")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"mutants ({RUNS})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        print(f"error: --runs is {options.runs}, but must be at least 1; see --help", file=sys.stderr)
        return 2
    try:
        network, architecture = read_layer_config(options.build / "layer-config.json"), read_architecture(options.build)
    except (BuildError, NetworkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    model, program, images = case_of(network, architecture, options.seed)
    table, missed = judged(model, program, images, mutants(program, options.runs, options.seed))
    print("| changed | mutants | refused | the same program | missed |\n|---|---:|---:|---:|---:|")
    for row in table:
        why = f" ({', '.join(f'{reason} {count:,}' for reason, count in sorted(row.reasons.items()))})"
        same = f"{row.same:,}{why if row.reasons else ''}"
        print(f"| {row.kind} | {row.mutants:,} | {row.refused:,} | {same} | {row.missed} |")
    for mutant in missed:
        print(f"missed: {mutant.kind}: {mutant.what}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps({"format": 1, "rows": [asdict(row) for row in table]}, indent=1) + "\n")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
