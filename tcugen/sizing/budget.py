"""What the user has to spend and has settled, checked value by value."""

from collections.abc import Mapping
from dataclasses import dataclass

from tcugen.arch import ARRAY_SIZES, Architecture, ArchitectureError
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
    names = Architecture().to_dict()
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
            Architecture(**({"rows": 32, "columns": 32} | {name: value}))
        except ArchitectureError as error:
            raise SizingError(f"{shown} {value}: {error}; correct {shown}") from None
    if budget.multipliers is None:
        both = "rows" in fixed and "columns" in fixed
        return fixed["rows"] * fixed["columns"] if both else DEFAULT_MULTIPLIERS
    least = ARRAY_SIZES[0] ** 2
    if type(budget.multipliers) is not int or budget.multipliers < least:
        raise SizingError(
            f"--multipliers {budget.multipliers}: must be an integer of at least {least}, the smallest array being "
            f"{ARRAY_SIZES[0]}x{ARRAY_SIZES[0]}; raise --multipliers"
        )
    return budget.multipliers
