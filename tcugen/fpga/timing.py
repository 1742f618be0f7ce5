"""What nextpnr reports: the clock it reached, and the slowest path in the names of the design."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tcugen.fpga.wrapper import MACHINE

# What Yosys appends to the name of the register, memory or net that a cell was made of.
_CELL = re.compile(
    r"(_(LUT\d|CC\w*|CCU2C?|TRELLIS_\w*|PFUMX|L6MUX21|DP16KD|PDPW16KD|MULT\w*|WIDEFN9|FD1P3\w*|DFF\w*|ALU|SDP\w*|DPX?9?B?"
    r"|PDPSC16K|MUX2\w*|RAM16\w*|DPR16X4|OXIDE\w*)(_|$)|\$).*"
)
_NEVER = "an input or output"


@dataclass(frozen=True)
class Path:
    """A path from register to register.

    Attributes:
        start, end: `unit.unit.signal`.
        ns: All of it; `logic_ns` and `routing_ns` are its parts.
        through: Signals it runs through, in order, each once.
    """

    start: str
    end: str
    ns: float
    logic_ns: float
    routing_ns: float
    through: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"through": list(self.through)}


@dataclass(frozen=True)
class Timing:
    """The fastest clock in MHz, and why it is not faster."""

    fmax_mhz: float
    path: Path


def read_timing(report: Mapping[str, Any]) -> Timing:
    """Timing of nextpnr's `--report`, which has one clock.

    Raises:
        ValueError: If it has none or several.
    """
    clocks = list(report["fmax"].values())
    if len(clocks) != 1:
        raise ValueError(f"the report has clocks {list(report['fmax'])}, but the wrapper has one")
    (path,) = [
        path for path in report["critical_paths"] if all(path[end].startswith("posedge") for end in ("from", "to"))
    ]
    return Timing(round(float(clocks[0]["achieved"]), 2), _path(path["path"]))


def signal_name(name: str) -> str:
    """The design's name of a cell or net: units without `u_`, what Yosys appended left out; "" if it has none."""
    units = name.removeprefix(f"{MACHINE}.").split(".")
    plain = [_CELL.sub("", unit.removeprefix("u_")) for unit in units]
    return ".".join(unit for unit in plain if unit)


def _path(steps: list[dict[str, Any]]) -> Path:
    logic = sum(float(step["delay"]) for step in steps if step["type"] != "routing")
    routing = sum(float(step["delay"]) for step in steps if step["type"] == "routing")
    names = [signal_name(step["net"]) for step in steps if step["type"] == "routing"]
    through = tuple(name for name, before in zip(names, ["", *names], strict=False) if name and name != before)
    return Path(
        start=signal_name(steps[0]["from"]["cell"]) or _NEVER,
        end=signal_name(steps[-1]["to"]["cell"]) or _NEVER,
        ns=round(logic + routing, 2),
        logic_ns=round(logic, 2),
        routing_ns=round(routing, 2),
        through=through,
    )
