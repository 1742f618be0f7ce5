"""What is in the array, cycle by cycle, from waves: operands, both planes of weights, products and sums."""

from dataclasses import dataclass
from pathlib import Path

from tcugen.arch import Architecture
from tcugen.trace.vcd import sampled

ARRAY = "TOP.tcu_top.u_core.u_compute.u_array"


@dataclass(frozen=True)
class ArrayCycle:
    """The array in one cycle; rows from the top.

    Attributes:
        cycle: Since the start write.
        operands: Signed byte that each row multiplies by.
        live, shadow: Signed weights [rows][columns] of both planes.
        products, sums: Signed registers of each cell [rows][columns]; sums run down.
        loaded_row: Row of the shadow plane that is being stored, -1 for none.
        swaps: Of each row: the shadow plane becomes the live one at the end of the cycle.
    """

    cycle: int
    operands: list[int]
    live: list[list[int]]
    shadow: list[list[int]]
    products: list[list[int]]
    sums: list[list[int]]
    loaded_row: int
    swaps: list[bool]


def array_cycles(waves: Path, architecture: Architecture) -> list[ArrayCycle]:
    """Every cycle of the waves, as it stands before its rising edge.

    Args:
        waves: VCD with the whole design, time being twice the cycle.
        architecture: Of the design.

    Raises:
        VcdError: If the waves are of another design.
    """
    rows, columns = range(architecture.rows), range(architecture.columns)
    names = [*(f"{word}_{r}" for word in ("skew", "live", "shadow") for r in rows), "weight_en", "weight_row"]
    names += [f"{word}_{r}_{c}" for word in ("product", "sum") for r in rows for c in columns]
    names += ["swap", *(f"swap_{r}" for r in rows[1:])]
    found = sampled(waves, [f"{ARRAY}.{name}" for name in names])
    cycles: list[ArrayCycle] = []
    for time, full in found.items():
        if time % 2:
            continue
        value = {name: full[f"{ARRAY}.{name}"] for name in names}
        cycles.append(
            ArrayCycle(
                cycle=time // 2,
                operands=[_byte(value[f"skew_{r}"], r) for r in rows],
                live=[[_byte(value[f"live_{r}"], c) for c in columns] for r in rows],
                shadow=[[_byte(value[f"shadow_{r}"], c) for c in columns] for r in rows],
                products=[[_signed(value[f"product_{r}_{c}"], 16) for c in columns] for r in rows],
                # One bit more for each doubling of the rows summed up so far, see tcugen.rtl.array.
                sums=[[_signed(value[f"sum_{r}_{c}"], 16 + r.bit_length()) for c in columns] for r in rows],
                loaded_row=value["weight_row"] if value["weight_en"] else -1,
                swaps=[bool(value["swap" if r == 0 else f"swap_{r}"]) for r in rows],
            )
        )
    return cycles


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _byte(word: int, place: int) -> int:
    return _signed(word >> 8 * place & 0xFF, 8)
