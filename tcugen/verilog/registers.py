"""Registers that share a block, and the block."""

from tcugen.verilog.netlist import Net, Netlist, Register, Switch
from tcugen.verilog.statements import INDENT, in_order
from tcugen.verilog.wires import Wire, Wires


def groups(netlist: Netlist, wires: Wires) -> list[list[tuple[Wire, Register]]]:
    """Registers that share a clock, a reset and a condition; those without a condition are one group."""
    groups: dict[tuple[Net, Net | None, int], list[tuple[Wire, Register]]] = {}
    leaders: dict[int, int] = {}

    def leader(key: int) -> int:
        while leaders.setdefault(key, key) != key:
            key = leaders[key]
        return key

    members: list[tuple[Wire, Register, int]] = []
    for index, cell in netlist.cells.items():
        if not isinstance(cell, Register):
            continue
        wire = wires.of_cell(index)
        assert wire is not None
        keys = [statement.key for statement in cell.body if isinstance(statement, Switch)]
        if not in_order(cell.body):
            members.append((wire, cell, -index))
            continue
        members.append((wire, cell, keys[0] if keys else 0))
        for key in keys[1:]:
            a, b = leader(keys[0]), leader(key)
            leaders[max(a, b)] = min(a, b)
    for wire, cell, key in members:
        group = key if key <= 0 else leader(key)
        groups.setdefault((cell.clock, cell.reset, group), []).append((wire, cell))
    return list(groups.values())


def with_reset(reset: str, start: list[str], lines: list[str]) -> list[str]:
    """`start` under reset, else `lines`."""
    head = [f"if ({reset}) begin", *(f"{INDENT}{line}" for line in start), "end"]
    if len(start) == 1:
        head = [f"if ({reset}) {start[0]}"]
    if not lines:
        return head
    if len(start) == 1 and (lines[0].startswith(("if ", "case")) is False) and len(lines) == 1:
        return [*head, f"else {lines[0]}"]
    if lines[0].startswith("if ") and _is_one_statement(lines):
        if len(start) == 1:
            return [*head, f"else {lines[0]}", *lines[1:]]
        return [*head[:-1], f"end else {lines[0]}", *lines[1:]]
    opening = [*head, "else begin"] if len(start) == 1 else [*head[:-1], "end else begin"]
    return [*opening, *(f"{INDENT}{line}" for line in lines), "end"]


def _is_one_statement(lines: list[str]) -> bool:
    """Whether `lines` are a single `if` with its branches."""
    return not any(line[0] not in " e" for line in lines[1:])
