"""The Verilog that Yosys writes, taken apart into declarations, assignments, blocks and instances."""

import re
from collections import Counter
from dataclasses import dataclass, field

NAME = r"[A-Za-z_][A-Za-z0-9_$]*"
SLICE = r"\[\d+(?::\d+)?\]"

_WORD = re.compile(rf"(?<![\w'.$]){NAME}")
_KEYWORDS = set("always posedge begin end if else casez endcase default full_case empty".split())
_DECLARATION = re.compile(rf"  (input|output|wire|reg)(?: \[(\d+):0\])? ({NAME})(?: = \S+)?;")
_MEMORY = re.compile(rf"  reg \[\d+:0\] ({NAME}) \[\d+:\d+\];")
_ASSIGN = re.compile(r"  assign (.+?) = (.+);")

Block = list[str]
"""Lines of an `always` block."""


@dataclass
class Wire:
    """A declared name; `direction` is empty for internal ones."""

    kind: str
    width: int
    direction: str = ""


@dataclass
class Module:
    """One module of the text.

    Attributes:
        ports: Names in order.
        wires: Declarations by name.
        memories: Declarations of arrays, with their initial values, verbatim.
        assigns: Left side to right side, in order.
        blocks: `always` blocks.
        instances: Each a list of lines.
    """

    name: str
    ports: list[str]
    wires: dict[str, Wire] = field(default_factory=dict)
    memories: list[list[str]] = field(default_factory=list)
    assigns: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    instances: list[list[str]] = field(default_factory=list)


class UnknownText(ValueError):
    """A line that Yosys has not been seen to write; the message quotes it."""


def parse(text: str) -> list[Module]:
    """Modules of a text written by `write_verilog -norename`, in its order. Raises UnknownText.

    Start values of registers are left out: reset gives the same ones to all that need any. With them, `always @*` would
    see no change at reset where SystemVerilog is spoken, and not be run: see `_plain_names`.
    """
    return [
        _parse_module(_plain_names(match[0]).splitlines())
        for match in re.finditer(r"^module .*?^endmodule", text, re.MULTILINE | re.DOTALL)
    ]


def _plain_names(text: str) -> str:
    r"""Escaped names as plain ones: `\$12 ` is `_12_`, `\data$12 ` is `data_12`; helpers of Yosys' own vanish.

    Those helpers make event-driven simulators look at an `always @*` block at time 0 even if what it reads has its
    value from the start. Here nothing has: registers start unknown and change at reset, and so does what follows.
    """
    text = re.sub(r"^\s*(?:reg|if \() ?\\\$auto\$verilog_backend\S* .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\\$(\d+) ", r"_\1_", text)
    taken = set(re.findall(NAME, text))
    for escaped in sorted(set(re.findall(r"\\\S+ ", text))):
        plain = re.sub(r"\W", "_", escaped[1:-1].lstrip("$"))
        while plain in taken:
            plain += "_"
        taken.add(plain)
        text = text.replace(escaped, plain)
    return re.sub(r"\b(\d+'h)0+\b", r"\g<1>0", text)


def _parse_module(lines: list[str]) -> Module:
    header = ""
    while not header.endswith(");"):
        header += lines.pop(0)
    match = re.fullmatch(rf"module ({NAME})\((.*)\);", header)
    if match is None:
        raise UnknownText(f"{header!r}; teach text.py what it is")
    name = match[1]
    module = Module(name, [port.strip() for port in match[2].split(",")])
    lines = lines[:-1]
    position = 0
    while position < len(lines):
        end = _item_end(lines, position)
        item = lines[position:end]
        position = end
        if match := _DECLARATION.fullmatch(item[0]):
            direction, msb, wire = match.groups()
            known = module.wires.setdefault(wire, Wire("wire", int(msb or 0) + 1))
            if direction in ("input", "output"):
                known.direction = direction
            else:
                known.kind = direction
        elif match := _ASSIGN.fullmatch(item[0]):
            module.assigns[match[1]] = match[2]
        elif _MEMORY.fullmatch(item[0]):
            module.memories.append(item)
        elif item[0] == "  initial begin":
            module.memories[-1] += item
        elif item[0] == "  always @*":
            module.blocks.append(["  always @* begin", item[1], "  end"])
        elif item[0].startswith("  always @"):
            module.blocks.append(item)
        elif re.match(rf"  {NAME} (#\($|{NAME} \()", item[0]):
            module.instances.append(item)
        elif not item[0].startswith("  (*"):
            raise UnknownText(f"module {name}: {item[0]!r}; teach text.py what it is")
    return module


def _item_end(lines: list[str], start: int) -> int:
    """The line after the item at `start`: what is indented further belongs to it, and what closes that."""
    end = start + 1
    while end < len(lines) and (lines[end].startswith("   ") or re.match(r"  (end\b|\))", lines[end])):
        end += 1
    return end


def assigned_names(left: str) -> list[str]:
    """Names on the left side of an assignment: one, or several in braces."""
    return re.findall(NAME, left)


def target_of(block: Block) -> str:
    """Name that a block drives; Yosys writes at least one block for each."""
    assignment = re.compile(rf"\s+({NAME})(?:\[.*\])? <?= ")
    return next(match[1] for match in map(assignment.match, block) if match)


def count_reads(module: Module) -> Counter[str]:
    """How often each name is read."""
    counts: Counter[str] = Counter()
    for text in module.assigns.values():
        counts.update(re.findall(_WORD, text))
    for line in (line for item in (*module.blocks, *module.instances) for line in item):
        counts.update(read_names(line))
    return counts


def read_names(line: str) -> list[str]:
    """Names that a line of a block or an instance reads; an index on the left side is read."""
    written = re.match(rf"\s+{NAME}(?:{SLICE})?(?= <?= |\[)", line)
    return [word for word in re.findall(_WORD, line[written.end() :] if written else line) if word not in _KEYWORDS]
