"""The machine for a network inside a part: which it is, what binds it, how fast it is. Shared by build and estimate."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from rich.console import Console

from tcugen.arch import COLUMN_SIZES, ROW_SIZES, Architecture
from tcugen.cells.cell_library import find_library
from tcugen.commands.part_goal import Goal, found_for
from tcugen.console.machine import MachineFlags, filled
from tcugen.console.outcome import UsageError
from tcugen.fpga.counts import Counts
from tcugen.fpga.errors import PartError
from tcugen.fpga.estimate import calibrated_families, estimate
from tcugen.fpga.families import ASSUMED_CLOCK_MHZ, FAMILIES
from tcugen.fpga.parts import Part, bundled_parts, find_part
from tcugen.network.graph import Network
from tcugen.page.content import Fit
from tcugen.report.synth_report import LABELS, resource_table
from tcugen.sizing.fill import Filled, NoRoomError
from tcugen.sizing.room import Room

USABLE = {"lut": 0.9, "ff": 0.9, "dsp": 1.0, "bram": 1.0}
"""Share of a part that a machine may take: estimates of LUTs and flip-flops are within a tenth, the others exact."""

SMALLEST = Architecture(
    rows=ROW_SIZES[0],
    columns=COLUMN_SIZES[0],
    activation_kib=16,
    accumulator_bits=20,
    accumulator_depth=128,
    weight_tiles=2,
    parameter_groups=2,
    output_lanes=1,
)
"""About the smallest machine there is."""


@dataclass(frozen=True, eq=False)
class PartFit:
    """A machine inside a part, chosen for `goal`, and its speed at `clock_mhz`, which is `assumed` where the user gave
    none."""

    network: Network
    part: Part
    filled: Filled
    counts: Counts
    clock_mhz: float
    assumed: bool
    goal: Goal = Goal.FPS

    @property
    def architecture(self) -> Architecture:
        return self.filled.sizing.architecture

    @property
    def seconds(self) -> float:
        """Of one image."""
        return self.filled.sizing.cycles / (self.clock_mhz * 1e6)

    @property
    def gops(self) -> float:
        """Two operations per multiplication, 10**9 per second."""
        return 2 * self.network.mac_count / self.seconds / 1e9

    @property
    def gb_per_second(self) -> float:
        """On the bus, 10**9 bytes per second."""
        prediction = self.filled.sizing.planned.prediction
        return (prediction.bytes_read + prediction.bytes_written) / self.seconds / 1e9

    @property
    def larger(self) -> list[tuple[Architecture, dict[str, tuple[float, float]]]]:
        """What would be the next larger choice, and what it takes too much of."""
        choices = [c for c in (self.filled.larger_array, self.filled.larger_memory) if c is not None]
        return [(choice, over) for choice in choices if (over := room_of(self.part).over(choice))]

    @property
    def binds(self) -> list[str]:
        """Resources that keep the next larger choices out."""
        return list(dict.fromkeys(name for _, over in self.larger for name in over))


def checked_part(argument: str, clock_mhz: float | None) -> Part:
    """The part that `--part` means, if machines can be estimated for it.

    Raises:
        PartError, UsageError: If it is unknown or too small for any machine, or its family is not calibrated; or the
            clock is none.
    """
    if find_library(argument):
        raise UsageError(
            f"--part {argument} is a library of standard cells, which any machine fits; build one and use "
            f"`tcugen synth BUILD --part {argument}`"
        )
    part = find_part(argument)
    if clock_mhz is not None and not 0 < clock_mhz <= 10_000:
        raise UsageError(
            f"--clock-mhz is {clock_mhz:g}, but it must be more than 0 and at most 10000; "
            f"leave it out for {ASSUMED_CLOCK_MHZ:g}"
        )
    refuse_too_small(part, SMALLEST)
    if part.family not in calibrated_families():
        raise UsageError(
            f"--part {part.name} is of family {part.family}, but estimates are calibrated for "
            f"{', '.join(calibrated_families())}; build the machine and use `tcugen synth`"
        )
    return part


def refuse_too_small(part: Part, architecture: Architecture) -> None:
    """Raises PartError if a part of a family that is not calibrated cannot hold a machine, judged by the LUTs of a
    calibrated family of the same LUT."""
    if part.family in calibrated_families():
        return
    alike = next((name for name in calibrated_families() if FAMILIES[name].lut == part.kind.lut), None)
    needs = alike and estimate(architecture, alike)
    if needs and needs.lut > part.luts:
        name = f"{architecture.rows}x{architecture.columns}"
        holds = _nearest_part(architecture)
        raise PartError(
            f"--part {part.name}: too small; a {name} machine takes about {needs.lut:,} {part.kind.lut}, of which it "
            f"has {part.luts:,}; {'take ' + holds if holds else 'no part of the table would do'}"
        )


def room_of(part: Part) -> Room:
    """The part as room for a machine, by LABELS."""
    has = {"lut": part.luts, "ff": part.flip_flops, "dsp": part.multipliers, "bram": part.block_rams}

    def needs(architecture: Architecture) -> Mapping[str, float]:
        counts = estimate(architecture, part.family)
        assert counts is not None, "the family is calibrated"
        return {LABELS[name]: number for name, number in counts.to_dict().items()}

    return Room(part.name, {LABELS[name]: int(USABLE[name] * number) for name, number in has.items()}, needs)


def fit_part(
    network: Network,
    part: Part,
    clock_mhz: float | None,
    flags: MachineFlags,
    int32_outputs: Collection[str],
    progress: Callable[[str], None],
    goal: Goal = Goal.FPS,
) -> PartFit:
    """The machine of the most images per second inside the part, or for what it takes of the part. The clock is the
    same for all, so cycles decide.

    Args:
        network: What it is to run.
        part: As `checked_part` gave it.
        clock_mhz: The clock to reckon with; None for the assumed one.
        flags: What the user said about the machine.
        int32_outputs: Outputs of the network that are stored as 32-bit sums.
        progress: Called with one line of text per candidate.
        goal: What it is chosen for.

    Raises:
        PartError: If no machine fits; with what would, and the nearest part.
        UsageError, SizingError, CompileError: If a flag is malformed or cannot be obeyed.
    """
    try:
        found = found_for(
            goal, room_of(part), lambda room: filled(network, room, flags, int32_outputs, progress), progress
        )
    except NoRoomError as error:
        raise PartError(f"--part {part.name}: {error}; {_remedy(network, part, flags, error.smallest)}") from None
    counts = estimate(found.sizing.architecture, part.family)
    assert counts is not None, "the family is calibrated"
    return PartFit(network, part, found, counts, clock_mhz or ASSUMED_CLOCK_MHZ, clock_mhz is None, goal)


def _remedy(network: Network, part: Part, flags: MachineFlags, smallest: Architecture) -> str:
    """What fits: another machine here, another part."""
    holds = _nearest_part(smallest)
    elsewhere = f"the nearest part that holds it is {holds}" if holds else "no part of the table holds it"
    if not flags.fixed and flags.multipliers is None:
        return elsewhere
    kept = MachineFlags(bus_bytes=flags.bus_bytes, max_activation_kib=flags.max_activation_kib)
    try:
        found = filled(network, room_of(part), kept, (), lambda _line: None)
    except ValueError:
        return elsewhere
    best = found.sizing.architecture
    return f"without those flags {best.rows}x{best.columns} with {best.activation_kib} KiB fits; {elsewhere}"


def _nearest_part(architecture: Architecture) -> str | None:
    """The part of the table that the architecture fills most."""
    rooms = [room_of(part) for part in bundled_parts() if part.family in calibrated_families()]
    fitting = [room for room in rooms if room.holds(architecture)]
    return max(fitting, key=lambda room: room.excess(architecture)).title if fitting else None


def say_fit(fit: PartFit, console: Console, tell: Callable[[str], None]) -> None:
    """Print what the machine takes of the part, what binds it and how fast it is."""
    part, machine = fit.part, fit.architecture
    has, kinds = resources(part)
    title = f"{fit.network.name} on {machine.rows}x{machine.columns}, {part.name}, estimated"
    console.print(resource_table(title, fit.counts.to_dict(), has, kinds))
    for line in bind_lines(fit):
        tell(line)
    clock = "assumed, none was measured" if fit.assumed else "of --clock-mhz"
    tell(
        f"at a clock of {fit.clock_mhz:g} MHz, {clock}: {1e3 * fit.seconds:,.2f} ms per image, "
        f"{1 / fit.seconds:,.2f} images/s, {fit.gops:,.1f} GOPS, {fit.gb_per_second:,.2f} GB/s"
    )
    board = part.memory_gb_per_s
    if board is not None and fit.gb_per_second > board:
        tell(f"the fastest memory known beside {part.name} gives {board:g} GB/s: less")


def bind_lines(fit: PartFit) -> list[str]:
    """Which resource binds, and what the next larger choices would take of it."""
    if fit.goal is Goal.AREA:
        share = room_of(fit.part).excess(fit.architecture)
        return [
            f"fits {fit.part.name}; of the machines that fill parts of it, this one gives the most images/s for the "
            f"{share:.1%} that it takes of what it needs most of"
        ]
    if not fit.larger:
        return [f"fits {fit.part.name}; nothing binds: no larger machine is predicted to be faster"]
    lines = [f"fits {fit.part.name}; what binds is {' and '.join(fit.binds)}"]
    for choice, over in fit.larger:
        lanes = f"{choice.output_lanes} output lane{'s' if choice.output_lanes > 1 else ''}"
        takes = ", ".join(f"{need:,.6g} of {has:,.6g} {name}" for name, (need, has) in over.items())
        what = (
            f"array {choice.rows}x{choice.columns} with {lanes}"
            if choice is fit.filled.larger_array
            else f"activation memory of {choice.activation_kib:,} KiB, which keeps every tensor on chip,"
        )
        lines.append(f"next larger: {what} would take {takes}")
    if {LABELS["lut"], LABELS["ff"]} & {name for _, over in fit.larger for name in over}:
        lines.append(f"of LUTs and flip-flops {USABLE['lut']:.0%} are counted on, as estimates are within a tenth")
    return lines


def fit_figures(fit: PartFit) -> dict[str, object]:
    """For JSON: keys of resources are `lut`, `ff`, `dsp`, `bram`."""
    keys = {label: name for name, label in LABELS.items()}
    return {
        "part": fit.part.name,
        "estimated": fit.counts.to_dict(),
        "binds": [keys[name] for name in fit.binds],
        "larger": [
            {
                "architecture": choice.to_dict(),
                "over": {keys[name]: {"needs": need, "has": has} for name, (need, has) in over.items()},
            }
            for choice, over in fit.larger
        ],
        "clock_mhz": fit.clock_mhz,
        "clock_assumed": fit.assumed,
        "milliseconds": 1e3 * fit.seconds,
        "images_per_second": 1 / fit.seconds,
        "gops": fit.gops,
        "gb_per_second": fit.gb_per_second,
    }


def page_fit(fit: PartFit) -> Fit:
    """For the page: resources with what they are, what binds, and a memory that is too slow."""
    has, kinds = resources(fit.part)
    needs = fit.counts.to_dict()
    remarks = bind_lines(fit)
    board = fit.part.memory_gb_per_s
    if board is not None and fit.gb_per_second > board:
        remarks.append(
            f"at {fit.clock_mhz:g} MHz it moves {fit.gb_per_second:,.2f} GB/s, more than the {board:g} GB/s of the "
            f"fastest memory known beside {fit.part.name}"
        )
    return {
        "part": fit.part.name,
        "resources": [
            {"name": label, "kind": kinds[key], "needs": needs[key], "has": has[key]} for key, label in LABELS.items()
        ],
        "remarks": remarks,
    }


def resources(part: Part) -> tuple[dict[str, int], dict[str, str]]:
    """How many of each resource a part has, and what one is, by count."""
    family = part.kind
    has = {"lut": part.luts, "ff": part.flip_flops, "dsp": part.multipliers, "bram": part.block_rams}
    return has, {
        "lut": family.lut,
        "ff": "flip-flop",
        "dsp": family.multiplier.kind if family.multiplier else "-",
        "bram": family.block_ram.kind if family.block_ram else "-",
    }
