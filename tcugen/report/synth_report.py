"""What a machine takes of an FPGA: the JSON of `tcugen synth`, its table and what is said below."""

from collections.abc import Sequence
from typing import TypedDict

from rich.table import Table


class EstimatedFigures(TypedDict):
    """What was expected of synthesis and placement; None where there is no estimate."""

    lut: int | None
    ff: int | None
    dsp: int | None
    bram: float | None
    fmax_mhz: float | None


class SynthFigures(TypedDict):
    """What synthesis and placement found; None where they were not asked.

    `critical_path` has the named wires of the slowest path, units first, from its start to its end.
    """

    array: str
    lut: int
    ff: int
    dsp: int
    bram: float
    fmax_mhz: float | None
    critical_path: list[str] | None
    estimated: EstimatedFigures


class Room(TypedDict):
    """What a part has; `bram_kind` and `dsp_kind` are the data sheet's words."""

    lut: int
    ff: int
    dsp: int
    bram: int
    lut_kind: str
    dsp_kind: str
    bram_kind: str


NAMES = {"lut": "LUTs", "ff": "flip-flops", "dsp": "multipliers", "bram": "block RAMs"}


def synth_table(part: str, figures: SynthFigures, room: Room) -> Table:
    """A line per resource: taken, estimated, what the part has and the share of it."""
    kinds = {"lut": room["lut_kind"], "ff": "", "dsp": room["dsp_kind"], "bram": room["bram_kind"]}
    taken = {"lut": figures["lut"], "ff": figures["ff"], "dsp": figures["dsp"], "bram": figures["bram"]}
    expected = figures["estimated"]
    estimated = {"lut": expected["lut"], "ff": expected["ff"], "dsp": expected["dsp"], "bram": expected["bram"]}
    has = {"lut": room["lut"], "ff": room["ff"], "dsp": room["dsp"], "bram": room["bram"]}
    table = Table(title=f"{figures['array']} on {part}")
    for heading in ("resource", "kind"):
        table.add_column(heading)
    for heading in ("taken", "estimated", "the part has", "share"):
        table.add_column(heading, justify="right")
    for key, name in NAMES.items():
        guess = estimated[key]
        table.add_row(
            name,
            kinds[key],
            f"{taken[key]:,}",
            "" if guess is None else f"{guess:,}",
            f"{has[key]:,}",
            f"{100 * taken[key] / has[key]:.0f} %" if has[key] else "",
        )
    return table


def estimate_table(part: str, array: str, estimated: EstimatedFigures, room: Room) -> Table:
    """A line per resource: estimated, what the part has and the share of it."""
    kinds = {"lut": room["lut_kind"], "ff": "", "dsp": room["dsp_kind"], "bram": room["bram_kind"]}
    guesses = {"lut": estimated["lut"], "ff": estimated["ff"], "dsp": estimated["dsp"], "bram": estimated["bram"]}
    has = {"lut": room["lut"], "ff": room["ff"], "dsp": room["dsp"], "bram": room["bram"]}
    table = Table(title=f"{array} on {part}")
    for heading in ("resource", "kind"):
        table.add_column(heading)
    for heading in ("estimated", "the part has", "share"):
        table.add_column(heading, justify="right")
    for key, name in NAMES.items():
        guess = guesses[key]
        share = "" if guess is None or not has[key] else f"{100 * guess / has[key]:.0f} %"
        table.add_row(name, kinds[key], "not known" if guess is None else f"{guess:,}", f"{has[key]:,}", share)
    return table


def too_much(figures: SynthFigures | EstimatedFigures, room: Room) -> list[str]:
    """Resources that the part has too few of, as "N of M multipliers"; what is not known counts as none."""
    taken = {key: figures[key] or 0 for key in ("lut", "ff", "dsp", "bram")}
    has = {"lut": room["lut"], "ff": room["ff"], "dsp": room["dsp"], "bram": room["bram"]}
    return [f"{taken[key]:,} of {has[key]:,} {name}" for key, name in NAMES.items() if taken[key] > has[key]]


def path_text(steps: Sequence[tuple[str, float]], fmax_mhz: float) -> str:
    """The slowest path: nanoseconds from its start and the name of each wire, units first."""
    lines = [f"slowest path, {1000 / fmax_mhz:.1f} ns:"]
    total = 0.0
    for signal, delay in steps:
        total += delay
        lines.append(f"  {total:6.2f} ns  {signal}")
    return "\n".join(lines)


def speed_text(fmax_mhz: float, cycles: int, macs: int, bytes_moved: int, network: str) -> str:
    """What the clock makes of the predicted cycles of a network."""
    seconds = cycles / (fmax_mhz * 1e6)
    return (
        f"{network}: {cycles:,} predicted cycles at {fmax_mhz:.1f} MHz are {1000 * seconds:.2f} ms, "
        f"{1 / seconds:.2f} images/s, {2 * macs / seconds / 1e9:.2f} GOPS, {bytes_moved / seconds / 1e9:.3f} GB/s"
    )
