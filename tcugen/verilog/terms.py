"""Pieces of Verilog expressions, and how tightly their operators bind."""

from dataclasses import dataclass

from tcugen.verilog.netlist import Operator, Value, is_constant

ATOM, UNARY, MULTIPLY, ADD, SHIFT, COMPARE, EQUAL, AND, XOR, OR, CHOOSE = range(11, 0, -1)
LEVELS = {"*": MULTIPLY, "+": ADD, "-": ADD, "<<": SHIFT, ">>": SHIFT, "&": AND, "^": XOR, "|": OR}
INVERSE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


@dataclass(frozen=True)
class Text:
    """An expression.

    Attributes:
        width: Bits that Verilog gives it where nothing around it asks for more.
        level: How tightly its outermost operator binds.
        operator: That operator, or "".
        leaves: Number of operands.
    """

    text: str
    width: int
    level: int = ATOM
    operator: str = ""
    leaves: int = 1


def literal(value: int, width: int) -> str:
    """A number of so many bits."""
    return f"{width}'h{value:x}"


def sliced(name: str, start: int, width: int) -> str:
    """`width` bits of a wire from `start` on."""
    return f"{name}[{start}]" if width == 1 else f"{name}[{start + width - 1}:{start}]"


def wrapped(text: Text, level: int) -> str:
    """`text` as an operand of an operator of that level; only products inside of sums do without parentheses."""
    if text.level in (ATOM, UNARY) and not (level == UNARY and text.level == UNARY):
        return text.text
    if text.level == MULTIPLY and level == ADD:
        return text.text
    if level == CHOOSE and text.level > CHOOSE:
        return text.text
    return f"({text.text})"


def signed(text: Text) -> str:
    """`text` read with a sign."""
    return f"$signed({text.text})"


def shortened(value: Value) -> Value:
    """Without zeros in front."""
    while len(value) > 1 and value[-1] == 0:
        value = value[:-1]
    return value


def shortened_signed(value: Value) -> Value:
    """Without copies of the sign in front."""
    while len(value) > 1 and value[-1] == value[-2]:
        value = value[:-1]
    return value


def prefers_sign(cell: Operator) -> bool:
    """Whether operands that may be read with or without a sign are extended with theirs."""
    if len(cell.operands) == 1:
        (a,) = cell.operands
        return len(shortened_signed(a)) < len(shortened(a))
    a, b = cell.operands
    if is_constant(a):
        return len(shortened_signed(b)) < len(shortened(b))
    if is_constant(b):
        return len(shortened_signed(a)) < len(shortened(a))
    return any(len(shortened_signed(one)) < len(one) and len(shortened(one)) == len(one) for one in (a, b))
