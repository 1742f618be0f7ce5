"""Moves wires of one operation to where they are used, as far as Verilog's rules of width and sign allow.

- `assign t = e; x = t;` becomes `x = e;` if `t` has the width of `x`, because the context of `e` is the same; also
  `x = t[k-1:0];` for sums, differences and products, whose low bits depend on low bits only.
- A one-bit `t` that is a comparison, a reduction or a logic operation of bits moves into any expression: its value
  does not depend on the context, and zero-extension commutes with `&`, `|` and `^`. `~` of a bit is written `!`.
"""

import re
from dataclasses import dataclass

from tcugen.verilog.text import NAME, SLICE, Module, count_reads

TEMPORARY = re.compile(r"\b_\d+_\b")
"""Wires that have no name of their own."""

_LONGEST_LINE = 110
_OPERATORS = set("== != < <= > >= & | ^ + - * / % << >> <<< >>> ? :".split())


@dataclass(frozen=True)
class _Line:
    """A line of a block or an instance."""

    item: list[str]
    index: int
    target = None

    @property
    def text(self) -> str:
        return self.item[self.index]

    def write(self, text: str) -> None:
        self.item[self.index] = text


@dataclass(frozen=True)
class _Value:
    """The right side of an assignment to `target`."""

    assigns: dict[str, str]
    target: str

    @property
    def text(self) -> str:
        return self.assigns[self.target]

    def write(self, text: str) -> None:
        self.assigns[self.target] = text


def move_temporaries(module: Module) -> None:
    """Write each wire of one operation at the only place that reads it."""
    reads = count_reads(module)
    places: dict[str, _Line | _Value] = {}  # of the text that reads a temporary
    texts: list[_Line | _Value] = [_Value(module.assigns, target) for target in module.assigns]
    texts += [_Line(item, index) for item in (*module.blocks, *module.instances) for index in range(len(item))]
    for place in texts:
        for name in TEMPORARY.findall(place.text):
            places[name] = place
    for name in [key for key in module.assigns if TEMPORARY.fullmatch(key)]:
        if reads[name] != 1 or name not in places:
            continue
        place = places[name]
        moved = _with_moved(module, name, place.text, place.target)
        if moved is None:
            continue
        place.write(moved)
        for inner in TEMPORARY.findall(module.assigns.pop(name)):
            places[inner] = place
        del module.wires[name]


def _with_moved(module: Module, name: str, text: str, target: str | None) -> str | None:
    """`text` (assigned to `target`, or a line) with the value of `name` in its place, None if it has to stay."""
    value, width = module.assigns[name], module.wires[name].width
    if target is None:
        match = re.match(rf"(\s+)({NAME}(?:{SLICE})?) (<?=) (.*);$", text)
        target, before, whole, after = (match[2], text[: match.start(4)], match[4], ";") if match else ("", "", "", "")
    else:
        before, whole, after = "", text, ""
    target_width = width_of(module, target) if target else None
    is_whole = whole == name and target_width == width
    if target_width and (is_whole or (whole == f"{name}[{target_width - 1}:0]" and _is_sum(value))):
        moved = before + value + after
    elif width == 1 and (bit := _context_free(module, value)):
        moved = _insert(text, name, bit)
    else:
        return None
    return moved if len(moved) <= _LONGEST_LINE else None


def _insert(text: str, name: str, bit: str) -> str:
    """`text` with `bit` for `name`, in brackets unless it stands alone or its neighbours are the same operation."""
    before, after = re.split(rf"\b{name}\b", text)
    _, operator, _ = _split(bit)
    neighbours = re.findall(r"([&|^<>=+*?:~!-]+) ?$", before) + re.findall(r"^ ([&|^<>=+*?:-]+)", after)
    alone = before.endswith("if (") and after.startswith(")")
    associative = operator in ("&", "|", "^") and neighbours and all(other == operator for other in neighbours)
    unary = not operator and bit.startswith("!") and not before.endswith(("! ", "~ "))
    return f"{before}{bit}{after}" if alone or associative or unary else f"{before}({bit}){after}"


def _split(value: str) -> tuple[str, str, str]:
    """Left, operator and right of the last operation outside of brackets; the operator is empty if there is none."""
    depth, position, found = 0, 0, None
    for token in value.split(" "):
        if depth == 0 and token in _OPERATORS and position:
            found = position, token
        depth += sum(token.count(bracket) for bracket in "({[") - sum(token.count(bracket) for bracket in ")}]")
        position += len(token) + 1
    if not found:
        return value, "", ""
    at, operator = found
    return value[: at - 1], operator, value[at + len(operator) + 1 :]


def _is_sum(value: str) -> bool:
    """One sum, difference or product, both operands of the same sign."""
    left, operator, right = _split(value)
    signed = [operand.startswith("$signed(") for operand in (left, right)]
    return operator in ("+", "-", "*") and _is_operand(left) and _is_operand(right) and signed[0] == signed[1]


def _context_free(module: Module, value: str) -> str | None:
    """`value`, of one bit, in a form whose value is the same wherever it stands in brackets; None if there is none."""
    left, operator, right = _split(value)
    if operator in ("==", "!=", "<", "<=", ">", ">="):
        return value if _is_operand(left) and _is_operand(right) else None
    if operator in ("&", "|", "^"):
        return value if width_of(module, left) == 1 and width_of(module, right) == 1 else None
    if not operator and re.match(r"[~!&|^] ", value) and _is_operand(value[2:]):
        if value[0] == "~":
            return f"!{value[2:]}" if width_of(module, value[2:]) == 1 else None
        return value[0] + value[2:]
    return None


def _is_operand(text: str) -> bool:
    """A name, a slice, a number or something in brackets."""
    if re.fullmatch(rf"!?{NAME}(?:{SLICE})?|\d+'\S+", text):
        return True
    text = text.removeprefix("!").removeprefix("$signed")
    depth = 0
    for position, character in enumerate(text):
        depth += (character in "({") - (character in ")}")
        if depth == 0:
            return position > 0 and position + 1 == len(text)
    return False


def width_of(module: Module, operand: str) -> int | None:
    """Width of the operand of an expression in `module`; None if it is unknown."""
    if match := re.fullmatch(rf"{NAME}\[(\d+)(?::(\d+))?\]", operand):
        return int(match[1]) - int(match[2] or match[1]) + 1
    if match := re.fullmatch(r"(\d+)'\S+", operand):
        return int(match[1])
    if operand in module.wires:
        return module.wires[operand].width
    left, operator, right = _split(operand)
    if operator in ("&", "|", "^"):
        return 1 if width_of(module, left) == 1 and width_of(module, right) == 1 else None
    # Only bits are put into brackets, and only bits are negated with "!".
    return 1 if operand.startswith(("(", "!")) and _is_operand(operand) else None
