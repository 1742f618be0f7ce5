"""The state of a build's Verilog: registers and memories by module, and the units that they belong to."""

import re
from dataclasses import dataclass

from tcugen.simulator.build import TOP

CONTROL_FILE = "state.vlt"
"""For Verilator: the harness sees what it names."""

_MODULE = re.compile(r"^module (\w+)(.*?)^endmodule", re.MULTILINE | re.DOTALL)
_PORTS = re.compile(r"^ +output reg +(?:signed +)?(?:\[[^\]]*\] +)?(\w+),?$", re.MULTILINE)
_DECLARATIONS = re.compile(r"^ +reg +(?:signed +)?(?:\[[^\]]*\] *)?([^;]*);", re.MULTILINE)
_NAME = re.compile(r"^\s*(\w+)")
_CLOCKED = re.compile(r"(?:^\s*|\)\s*|\belse\s+|\bbegin\s+|:\s+)(\w+)(?:\[[^;\n]*?\])*\s<=\s", re.MULTILINE)
"""Statements `name <= ...`, also of a part of it."""
_CORE = "u_core"


@dataclass(frozen=True)
class Variable:
    """A register or a memory of one instance.

    Attributes:
        scope: Path of the instance, `TOP.tcu_top.u_core.u_reader`.
        name: As in the Verilog.
        bits: Of one word.
        words: 0 for a register.
    """

    scope: str
    name: str
    bits: int
    words: int

    @property
    def size(self) -> int:
        """Bits in all."""
        return self.bits * max(1, self.words)

    @property
    def unit(self) -> str:
        """The unit that it belongs to: what is next to top or core on the way to it."""
        path = self.scope.split(".")
        path = path[path.index(TOP) + 1 :]
        path = path[1:] if path[:1] == [_CORE] else path
        return (path[0].removeprefix("u_") if path else "core").replace("_", " ")

    @property
    def kind(self) -> str:
        """`memory` or `registers`."""
        return "memory" if self.words else "registers"


def registers(verilog: str) -> dict[str, list[str]]:
    """By module the names of what it keeps from cycle to cycle: what `<=` gives a value."""
    found: dict[str, list[str]] = {}
    for module in _MODULE.finditer(verilog):
        name, body = module.groups()
        listed = ",".join(_DECLARATIONS.findall(body)).split(",")
        declared = [*_PORTS.findall(body), *(match[1] for one in listed if (match := _NAME.match(one)))]
        clocked = set(_CLOCKED.findall(body))
        kept = [one for one in declared if one in clocked]
        if kept:
            found[name] = kept
    return found


def control_file(verilog: str) -> str:
    """What makes Verilator keep every register and memory under its name."""
    lines = [
        f'public_flat_rd -module "{module}" -var "{name}"'
        for module, names in registers(verilog).items()
        for name in names
    ]
    return "\n".join(["`verilator_config", *lines, ""])
