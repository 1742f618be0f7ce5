"""What the user has to spend and has settled, checked value by value."""

from collections.abc import Mapping
from dataclasses import dataclass

from tcugen.arch import COLUMN_SIZES, ROW_SIZES, Architecture, ArchitectureError
from tcugen.sizing.errors import SizingError

DEFAULT_MULTIPLIERS = 256


@dataclass(frozen=True)
class Budget:
    """What the user has to spend.

    Attributes:
        multipliers: Most multipliers; None means 256, or what fixed rows and columns need.
        max_activation_kib: Largest activation memory in KiB.
        bus_bytes: Bytes per AXI4 beat.
    """

    multipliers: int | None = None
    max_activation_kib: int = 1280
    bus_bytes: int = 8


def flag(parameter: str) -> str:
    """The command-line flag of a parameter."""
    if parameter in ("rows", "columns"):
        return "--array"
    return "--" + parameter.replace("_", "-")


def check_budget(budget: Budget, fixed: Mapping[str, int]) -> int:
    """Check every value by itself; returns the number of multipliers to spend.

    Raises:
        SizingError: For a value outside its range. Names flag, value, rule and remedy.
    """
    names = [*Architecture().to_dict(), "parity"]
    given = [
        *((name, flag(name), value) for name, value in fixed.items()),
        ("activation_kib", "--max-activation-kib", budget.max_activation_kib),
        ("bus_bytes", "--bus-bytes", budget.bus_bytes),
    ]
    for name, shown, value in given:
        if name not in names:
            raise SizingError(f"{shown}: is no parameter of an architecture; use {', '.join(map(flag, names))}")
        try:
            # With the widest array every value that some array allows is allowed.
            Architecture(**({"rows": ROW_SIZES[-1], "columns": COLUMN_SIZES[-1], "output_lanes": 1} | {name: value}))
        except ArchitectureError as error:
            raise SizingError(f"{shown} {value}: {error}; correct {shown}") from None
    if budget.multipliers is None:
        both = "rows" in fixed and "columns" in fixed
        return fixed["rows"] * fixed["columns"] if both else DEFAULT_MULTIPLIERS
    rows, columns = ROW_SIZES[0], COLUMN_SIZES[0]
    if type(budget.multipliers) is not int or budget.multipliers < rows * columns:
        raise SizingError(
            f"--multipliers {budget.multipliers}: must be an integer of at least {rows * columns}, the smallest array "
            f"being {rows}x{columns}; raise --multipliers"
        )
    return budget.multipliers
