"""Architecture flags, shared by every command that needs a machine."""

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tcugen.arch import COLUMN_RULE, COLUMN_SIZES, MAX_ACTIVATION_KIB, ROW_RULE, ROW_SIZES, Architecture
from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import PROGRAM_MARKER
from tcugen.network.graph import Network
from tcugen.sizing.budget import Budget
from tcugen.sizing.fill import Filled, fill
from tcugen.sizing.room import Room
from tcugen.sizing.search import Sizing, size, size_for
from tcugen.sizing.workload import Workload


@dataclass(frozen=True)
class MachineFlags:
    """What the user said about the machine; None is for the generator to choose.

    Attributes:
        array: "ROWSxCOLUMNS".
        multipliers, max_activation_kib, bus_bytes: The budget.
        activation_kib, accumulator_bits, accumulator_depth, weight_tiles, parameter_groups, output_lanes,
            bus_address_bits: Parameters of the architecture to be fixed.
        parity: Memories have parity bits.
    """

    array: str | None = None
    multipliers: int | None = None
    activation_kib: int | None = None
    max_activation_kib: int | None = None
    bus_bytes: int | None = None
    accumulator_bits: int | None = None
    accumulator_depth: int | None = None
    weight_tiles: int | None = None
    parameter_groups: int | None = None
    output_lanes: int | None = None
    bus_address_bits: int | None = None
    parity: bool | None = None

    @property
    def fixed(self) -> dict[str, int]:
        """Parameters of the architecture that the flags settle.

        Raises:
            UsageError: If `array` is not of the form ROWSxCOLUMNS, or of no size that can be built.
        """
        fixed = {
            "activation_kib": self.activation_kib,
            "accumulator_bits": self.accumulator_bits,
            "accumulator_depth": self.accumulator_depth,
            "weight_tiles": self.weight_tiles,
            "parameter_groups": self.parameter_groups,
            "output_lanes": self.output_lanes,
            "bus_address_bits": self.bus_address_bits,
            "parity": None if self.parity is None else int(self.parity),
        }
        if self.array is not None:
            match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", self.array)
            if not match:
                raise UsageError(f"--array is {self.array!r}, but it must be ROWSxCOLUMNS; write for example 16x16")
            fixed |= {"rows": int(match[1]), "columns": int(match[2])}
            for name, sizes, rule in (("rows", ROW_SIZES, ROW_RULE), ("columns", COLUMN_SIZES, COLUMN_RULE)):
                if fixed[name] not in sizes:
                    raise UsageError(
                        f"--array {self.array}: {name} is {fixed[name]}, but it must be {rule}; write for example 16x16"
                    )
        return {name: value for name, value in fixed.items() if value is not None}

    @property
    def is_empty(self) -> bool:
        return self == MachineFlags()

    def conflicts(self, architecture: Architecture) -> list[str]:
        """Flags that contradict an existing architecture, as "flag (asked, there)"."""
        asked = self.fixed | ({} if self.bus_bytes is None else {"bus_bytes": self.bus_bytes})
        found = [
            f"--{name.replace('_', '-')} {value} (there: {getattr(architecture, name)})"
            for name, value in asked.items()
            if getattr(architecture, name) != value
        ]
        if self.multipliers is not None and architecture.multipliers > self.multipliers:
            found.append(f"--multipliers {self.multipliers} (there: {architecture.multipliers})")
        if self.max_activation_kib is not None and architecture.activation_kib > self.max_activation_kib:
            found.append(f"--max-activation-kib {self.max_activation_kib} (there: {architecture.activation_kib})")
        return found


def sized(
    network: Network,
    flags: MachineFlags,
    int32_outputs: Collection[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Sizing:
    """The architecture for a network within the flags.

    Args:
        network: What it is to run.
        flags: What the user said.
        int32_outputs: Outputs of the network that are stored as 32-bit sums.
        progress: Called with one line of text per candidate.

    Raises:
        UsageError, SizingError, CompileError: If a flag is malformed or cannot be obeyed.
    """
    return size(network, _budget(flags, Budget()), flags.fixed, int32_outputs, progress)


def sized_for(
    workloads: Sequence[Workload], flags: MachineFlags, progress: Callable[[str], None] | None = None
) -> tuple[Sizing, ...]:
    """One architecture for several networks within the flags; arguments and errors as those of `size_for`."""
    return size_for(workloads, _budget(flags, Budget()), flags.fixed, progress)


def filled(
    network: Network,
    room: Room,
    flags: MachineFlags,
    int32_outputs: Collection[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Filled:
    """The fastest architecture in a room within the flags; arguments and errors as those of `sized`.

    Raises:
        NoRoomError: If nothing fits.
    """
    budget = _budget(flags, Budget(max_activation_kib=MAX_ACTIVATION_KIB))
    return fill(network, room, budget, flags.fixed, int32_outputs, progress)


def _budget(flags: MachineFlags, budget: Budget) -> Budget:
    """The budget with what the flags say of it."""
    budget = replace(budget, multipliers=flags.multipliers)
    if flags.max_activation_kib is not None:
        if flags.activation_kib is not None and flags.activation_kib > flags.max_activation_kib:
            raise UsageError(
                f"--activation-kib {flags.activation_kib}: must not exceed --max-activation-kib "
                f"{flags.max_activation_kib}; leave one of them out"
            )
        budget = replace(budget, max_activation_kib=flags.max_activation_kib)
    return budget if flags.bus_bytes is None else replace(budget, bus_bytes=flags.bus_bytes)


def existing_architecture(folder: Path, flags: MachineFlags, argument: str = "--rtl") -> Architecture:
    """Architecture of an earlier build, which the user named by `argument`.

    Raises:
        UsageError: If there is none, or a flag contradicts it.
    """
    try:
        architecture = Architecture.from_dict(json.loads((folder / "architecture.json").read_text()))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{argument} {folder} is no build: architecture.json cannot be read ({error}); give a folder that "
            "`tcugen build` wrote"
        ) from None
    conflicts = flags.conflicts(architecture)
    if conflicts:
        raise UsageError(
            f"{argument} {folder} was built otherwise than asked for: {', '.join(conflicts)}; "
            "leave the flags out or build again"
        )
    return architecture


def machine_folder(folder: Path, argument: str = "--rtl") -> Path:
    """The build that a folder is or, if `tcugen compile` wrote it, whose machine it has a program for.

    Raises:
        UsageError: If that build is not where it was, or is another machine now.
    """
    try:
        build = folder / json.loads((folder / PROGRAM_MARKER).read_text())["machine"]
        architecture = (folder / "architecture.json").read_text()
    except (OSError, ValueError, TypeError, KeyError):
        return folder
    try:
        there = (build / "architecture.json").read_text()
    except OSError as error:
        raise UsageError(
            f"{argument} {folder} is a program for the machine in {build}, which cannot be read ({error.strerror}); "
            "give the folder of the machine"
        ) from None
    if there != architecture:
        raise UsageError(
            f"{argument} {folder} is a program for the machine in {build}, but that is another one now; compile again"
        )
    return build
