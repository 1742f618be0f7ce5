"""Random networks in numbers: `python -m tests.properties.run [--emulator N] [--rtl N] [--jobs N] [--json FILE]`.

Every tensor of every network must be golden's: on the emulator each network on a random architecture, on the RTL many
on each machine of `MACHINES`. The tables say how many ran, and what was among them. Exit status 1 if one disagrees: the
smallest such case that was found is printed. `--json` is written after every part, so that a run that is cut short
leaves what it has.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tcugen.arch import Architecture
from tcugen.mapping.depthwise import DepthwiseTask
from tcugen.mapping.tasks import tasks_of
from tcugen.network.operators import AveragePool, Conv, MaxPool
from tcugen.processes import process_pool
from tcugen.rtl.emit import emit
from tests.machines import ODD, machine
from tests.properties.cases import Case, emulated, simulated
from tests.properties.networks import architectures, cases

EMULATOR, RTL = 20_000, 2_000
PART, RTL_PART = 250, 60
"""Networks drawn at a time."""

WITH_ALL = ("4x4", "4x16", "16x12", "32x8")
"""Machines that have tables and products."""

MACHINES = {
    name: replace(machine(name), tables=all_, multiply=all_, per_channel=all_, unrounded_add=all_)
    for name in ODD
    for all_ in [int(name in WITH_ALL)]
}
"""Of the RTL; the tests of random networks on odd machines have the same, so that simulators are built once."""
MACHINES |= {
    "1 KiB": Architecture(4, 8, 1, bus_bytes=8, accumulator_depth=16, weight_tiles=4, parameter_groups=2),
    "8 KiB": Architecture(8, 32, 8, bus_bytes=64, accumulator_depth=256, output_lanes=4, tables=1, multiply=1),
    "8x6 depthwise": replace(machine("8x6"), tables=1, depthwise=2),
    "16x12 depthwise": replace(
        machine("16x12"), tables=1, multiply=1, per_channel=1, unrounded_add=1, parity=1, depthwise=16
    ),
}


@dataclass
class Row:
    """What became of the networks of one kind.

    Attributes:
        on: Emulator, or the machine.
        networks: How many ran.
        refused: How many more were refused because the activation memory is too small for them.
        elements: Elements compared with golden's.
        disagreements: What differed, the smallest case of each part.
        among: How many of those that ran have what.
    """

    on: str
    networks: int = 0
    refused: int = 0
    elements: int = 0
    disagreements: list[str] = field(default_factory=list)
    among: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Row") -> None:
        """Count those of another row too."""
        self.networks += other.networks
        self.refused += other.refused
        self.elements += other.elements
        self.disagreements += other.disagreements
        self.among += other.among


def traits(case: Case, architecture: Architecture) -> Iterator[str]:
    """What is worth counting about a network and its machine."""
    windows = [node for node in case.network.nodes if isinstance(node, (Conv, MaxPool, AveragePool))]
    if any(max(node.kernel) > 7 for node in windows):
        yield "kernels above 7"
    if any(step > size for node in windows for step, size in zip(node.stride, node.kernel, strict=True)):
        yield "strides past the kernel"
    if any(node.padding[:2] != node.padding[2:] for node in windows):
        yield "asymmetric padding"
    if any(isinstance(node, Conv) and node.groups > 1 for node in windows):
        yield "groups"
    if architecture.depthwise and any(
        isinstance(task, DepthwiseTask) for task in tasks_of(case.network, depthwise=True)
    ):
        yield "depthwise beside the array"
    if case.network.unrounded:
        yield "unrounded operands"
    if case.extreme:
        yield "extreme scales"
    if architecture.rows != architecture.columns:
        yield "rectangular arrays"
    if architecture.activation_kib <= 8:
        yield "1 to 8 KiB"
    yield f"bus of {architecture.bus_bytes} bytes"


def part_of(on: str, number: int, examples: int, folder: Path | None) -> Row:
    """Part `number` of the networks for the emulator, or for the machine whose Verilog is in `folder`."""
    row, extras = Row(on), {"tables": number % 2, "products": number // 2 % 2, "depthwise": number // 4 % 2}
    if folder is not None:
        one = MACHINES[on]
        extras = {"tables": one.tables, "products": one.per_channel, "depthwise": int(one.depthwise > 0)}

    def judge(case: Case, architecture: Architecture) -> None:
        elements = simulated(case, architecture, folder) if folder else emulated(case, architecture)
        row.networks += elements > 0
        row.refused += elements == 0
        row.elements += elements
        row.among.update(traits(case, architecture) if elements else ())

    machines = architectures(**extras) if folder is None else st.just(MACHINES[on])
    check = settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck(check) for check in HealthCheck],
        database=None,
        deadline=None,
        print_blob=False,
    )(given(cases(**extras), machines)(judge))
    try:
        seed(1_000_000 + number)(check)()
    except Exception as error:  # whatever goes wrong is what is looked for
        notes = "\n".join(getattr(error, "__notes__", ()))
        row.disagreements.append(f"{on}, part {number}: {type(error).__name__}: {error}\n{notes}")
    return row


def table(rows: list[Row]) -> list[str]:
    """The lines of both tables."""
    lines = ["| on | networks | too large | elements compared | disagree |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {row.on} | {row.networks:,} | {row.refused:,} | {row.elements:,} | {len(row.disagreements)} |"
        for row in rows
    ]
    emulator = sum((row.among for row in rows if row.on == "emulator"), Counter())
    rtl = sum((row.among for row in rows if row.on != "emulator"), Counter())
    lines += ["", "| among them | on the emulator | on the RTL |", "|---|---:|---:|"]
    names = sorted({*emulator, *rtl}, key=lambda name: re.sub(r"\d+", lambda number: number[0].zfill(3), name))
    return lines + [f"| {name} | {emulator[name]:,} | {rtl[name]:,} |" for name in names]


def run(wanted: dict[str, int], folders: dict[str, Path], jobs: int, written: Path | None) -> list[Row]:
    """Parts of every row until it has the networks that are wanted; `folders` has the Verilog of machines."""
    rows, numbers = {on: Row(on) for on in wanted}, {on: count() for on in wanted}

    with process_pool(jobs) as pool:

        def start(on: str) -> Future[Row]:
            left = wanted[on] - rows[on].networks
            examples = min(PART if on == "emulator" else RTL_PART, left + left // 10 + 1)
            return pool.submit(part_of, on, next(numbers[on]), examples, folders.get(on))

        # Machines first, and one part of each at a time: its first one builds the simulator.
        under_way = {start(on) for on in wanted if on != "emulator" and wanted[on]}
        under_way |= {start("emulator") for _ in range(jobs if wanted.get("emulator") else 0)}
        while under_way:
            done = next(as_completed(under_way))
            under_way.remove(done)
            part = done.result()
            rows[part.on].add(part)
            if rows[part.on].networks < wanted[part.on]:
                under_way.add(start(part.on))
            if written:
                text = json.dumps({"format": 1, "rows": [vars(row) for row in rows.values()]}, indent=1)
                written.with_suffix(".new").write_text(text + "\n")
                written.with_suffix(".new").rename(written)
    return list(rows.values())


def main(arguments: list[str]) -> int:
    """Prints the tables; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties.run", description="Random networks in numbers.")
    parser.add_argument("--emulator", type=int, default=EMULATOR, help=f"networks on the emulator ({EMULATOR})")
    parser.add_argument("--rtl", type=int, default=RTL, help=f"networks on the RTL ({RTL})")
    parser.add_argument("--machines", default=",".join(MACHINES), help="names of those of the RTL, with commas")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--json", type=Path, help="write what the tables hold to this file")
    options = parser.parse_args(arguments)
    names = options.machines.split(",")
    if not set(names) <= set(MACHINES) or min(options.emulator, options.rtl) < 0 or options.jobs < 1:
        print(
            f"error: --machines are of {', '.join(MACHINES)}, --emulator and --rtl at least 0, --jobs at least 1; "
            "see --help",
            file=sys.stderr,
        )
        return 2
    wanted = {"emulator": options.emulator} | {name: -(-options.rtl // len(names)) for name in names}
    with tempfile.TemporaryDirectory() as name:
        folders = {on: Path(name) / on.replace(" ", "_") for on in names if options.rtl}
        for on, folder in folders.items():
            folder.mkdir()
            emit(MACHINES[on], folder)
        rows = run(wanted, folders, options.jobs, options.json)
    rows = [row for row in rows if wanted[row.on]]
    print("\n".join(table(rows)))
    wrong = [text for row in rows for text in row.disagreements]
    print("".join(f"{text}\n" for text in wrong), end="", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    # Two processes are as many as there are cores; PyTorch's own threads would only be in their way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
