"""Architecture flags, shared by every command that needs a machine."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tcugen.arch import ARRAY_SIZES, Architecture
from tcugen.console.outcome import UsageError
from tcugen.network.graph import Network
from tcugen.sizing.search import Budget, Sizing, size


@dataclass(frozen=True)
class MachineFlags:
    """What the user said about the machine; None is for the generator to choose.

    Attributes:
        array: "ROWSxCOLUMNS".
        multipliers, activation_kib, bus_bytes: The budget.
        accumulator_bits, accumulator_depth, weight_tiles, parameter_groups, output_lanes, bus_address_bits:
            Parameters of the architecture to be fixed.
    """

    array: str | None = None
    multipliers: int | None = None
    activation_kib: int | None = None
    bus_bytes: int | None = None
    accumulator_bits: int | None = None
    accumulator_depth: int | None = None
    weight_tiles: int | None = None
    parameter_groups: int | None = None
    output_lanes: int | None = None
    bus_address_bits: int | None = None

    @property
    def fixed(self) -> dict[str, int]:
        """Parameters of the architecture that the flags settle.

        Raises:
            UsageError: If `array` is not of the form ROWSxCOLUMNS, or of no size that can be built.
        """
        names = ("accumulator_bits", "accumulator_depth", "weight_tiles", "parameter_groups", "output_lanes")
        fixed = {name: getattr(self, name) for name in (*names, "bus_address_bits")}
        if self.array is not None:
            match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", self.array)
            if not match:
                raise UsageError(f"--array is {self.array!r}, but it must be ROWSxCOLUMNS; write for example 16x16")
            fixed |= {"rows": int(match[1]), "columns": int(match[2])}
            for name in ("rows", "columns"):
                if fixed[name] not in ARRAY_SIZES:
                    sizes = ", ".join(map(str, ARRAY_SIZES))
                    raise UsageError(
                        f"--array {self.array}: {name} is {fixed[name]}, but it must be one of {sizes}; "
                        "write for example 16x16"
                    )
        return {name: value for name, value in fixed.items() if value is not None}

    @property
    def is_empty(self) -> bool:
        return self == MachineFlags()

    def conflicts(self, architecture: Architecture) -> list[str]:
        """Flags that contradict an existing architecture, as "flag (asked, there)"."""
        asked = self.fixed | {
            name: getattr(self, name) for name in ("activation_kib", "bus_bytes") if getattr(self, name) is not None
        }
        found = [
            f"--{name.replace('_', '-')} {value} (there: {getattr(architecture, name)})"
            for name, value in asked.items()
            if getattr(architecture, name) != value
        ]
        if self.multipliers is not None and architecture.multipliers > self.multipliers:
            found.append(f"--multipliers {self.multipliers} (there: {architecture.multipliers})")
        return found


def sized(network: Network, flags: MachineFlags) -> Sizing:
    """The architecture for a network within the flags.

    Raises:
        UsageError, SizingError: If a flag is malformed or cannot be obeyed.
    """
    budget = Budget(
        multipliers=flags.multipliers,
        **{name: getattr(flags, name) for name in ("activation_kib", "bus_bytes") if getattr(flags, name) is not None},
    )
    return size(network, budget, flags.fixed)


def existing_architecture(folder: Path, flags: MachineFlags) -> Architecture:
    """Architecture of an earlier build.

    Raises:
        UsageError: If there is none, or a flag contradicts it.
    """
    try:
        architecture = Architecture.from_dict(json.loads((folder / "architecture.json").read_text()))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"--rtl {folder} is no build: architecture.json cannot be read ({error}); give a folder that "
            "`tcugen build` wrote"
        ) from None
    conflicts = flags.conflicts(architecture)
    if conflicts:
        raise UsageError(
            f"--rtl {folder} was built otherwise than asked for: {', '.join(conflicts)}; "
            "leave the flags out or build again"
        )
    return architecture
