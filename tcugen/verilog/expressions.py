"""Values as Verilog expressions.

Verilog computes an expression in as many bits as its context has, not in as many as its operands have. So an operation
is written inside another only where the wider context cannot show: either the context has as many bits as the result,
or the result cannot be longer than what the context keeps. Elsewhere it gets a wire of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from tcugen.verilog.netlist import Netlist, Operator, Part, Value, cell_of, is_constant, number, output
from tcugen.verilog.terms import (
    ADD,
    CHOOSE,
    COMPARE,
    EQUAL,
    INVERSE,
    LEVELS,
    MULTIPLY,
    SHIFT,
    UNARY,
    Text,
    literal,
    prefers_sign,
    shortened,
    shortened_signed,
    signed,
    sliced,
    wrapped,
)
from tcugen.verilog.wires import Wire, Wires

_LEAVES = 9
"""Longest expression, in operands; of a longer one the longest part gets a wire."""


class Expressions:
    """Writes values of `netlist`.

    Operations that turn out to need a wire are collected in `forced`; as long as any are, what was written is of no use
    and is to be written again after `settle`.
    """

    def __init__(self, netlist: Netlist, wires: Wires, constant: Callable[[str, Value, int], str]):
        """`constant` gives the name of a state: of its name, of the value that has it, and its number."""
        self._netlist = netlist
        self._wires = wires
        self._constant = constant
        self._written: Counter[int] = Counter()
        self._leaves: dict[int, int] = {}
        self.forced: dict[int, None] = {}
        self._long: dict[int, None] = {}

    def settle(self) -> bool:
        """Give wires to what needs one; whether anything did. What was written so far is forgotten."""
        for index, times in self._written.items():
            if times > 1 and self._leaves[index] > 2:
                self.forced[index] = None
        # With wires for these, other expressions may no longer be too long.
        needed = self.forced or self._long
        for index in sorted(needed):
            if self._wires.of_cell(index) is None:
                self._wires.add(index)
        settled = not needed
        for done in (self.forced, self._long, self._written):
            done.clear()
        return not settled

    def assigned(self, value: Value, states_of: Value = ()) -> str:
        """The right side of an assignment to something as wide as `value`; `states_of` is what it is assigned to."""
        if is_constant(value) and (state := self._state(states_of, number(value), len(value))):
            return state
        index = self._inner(value)
        if index is not None:
            self._count(index)
            text = self.defined(index)
            self._leaves[index] = text.leaves
            return text.text
        return self._operand(value, len(value)).text

    def operand(self, value: Value) -> str:
        """A branch of a choice that is assigned to something as wide as `value`."""
        text = self._operand(value, len(value))
        return text.text if text.level > CHOOSE else f"({text.text})"

    def exact(self, value: Value) -> str:
        """`value` where nothing around it decides how wide it is: a port, a condition, an index."""
        return self._operand(value, None).text

    def condition(self, value: Value, negated: bool = False) -> Text:
        """One bit as a condition."""
        return self._negated(value) if negated else self._operand(value, None)

    def equal(self, value: Value, pattern: int) -> Text:
        """Comparison of `value` with a number."""
        left = self._operand(value, None)
        right = self._state(value, pattern, len(value)) or literal(pattern, len(value))
        return Text(f"{wrapped(left, EQUAL)} == {right}", 1, EQUAL, "==", left.leaves + 1)

    def label(self, value: Value, pattern: str) -> str:
        """`pattern`, which holds no "-", as a label of a case that tests `value`."""
        found = int(pattern, 2)
        digits = (len(pattern) + 3) // 4
        return self._state(value, found, len(pattern)) or f"{len(pattern)}'h{found:0{digits}x}"

    def concatenated(self, value: Value, but: Wire | None = None) -> str:
        """`value` put together from wires; not from the part `but`, which this defines."""
        return self._atom(value, but).text

    def defined(self, index: int) -> Text:
        """The operation of cell `index`, to be assigned to something as wide as its result."""
        cell = self._netlist.cells[index]
        if isinstance(cell, Part):
            text = self._selected(cell) or self._shifted_part(cell)
        elif isinstance(cell, Operator):
            text = self._signed(cell) or self._unsigned(cell, cell.width)
        else:
            text = None
        if text is None:
            raise AssertionError(f"{cell!r} cannot be written by itself")
        return text

    def _state(self, value: Value, found: int, width: int) -> str:
        states = self._wires.states(value)
        return self._constant(states[found], value, found) if found in states and width else ""

    def _inner(self, value: Value) -> int | None:
        """The operation whose whole result `value` is, if it has no wire."""
        if value[0] < 2:
            return None
        index = cell_of(value[0])
        cell = self._netlist.cells.get(index)
        if not isinstance(cell, (Operator, Part)) or self._wires.of_cell(index) is not None:
            return None
        return index if value == output(index, cell.width) else None

    def _count(self, index: int) -> None:
        self._written[index] += 1

    def _force(self, index: int) -> None:
        self.forced[index] = None

    def _operand(self, value: Value, context: int | None) -> Text:
        """`value` in a context of so many bits, or with exactly its own where there is none."""
        if context is not None:
            while len(value) > 1 and value[-1] == 0:
                value = value[:-1]
        if is_constant(value):
            width = context or len(value)
            return Text(literal(number(value), width), width)
        index = self._inner(value)
        if index is None:
            return self._atom(value)
        text = self._inline(index, context or len(value))
        if text is not None and (text.width == len(value) if context is None else text.width <= context):
            self._count(index)
            self._leaves[index] = text.leaves
            return text
        self._force(index)
        return Text("?", len(value))

    def _inline(self, index: int, context: int) -> Text | None:
        cell = self._netlist.cells[index]
        if isinstance(cell, Part):
            return self._selected(cell)
        assert isinstance(cell, Operator)
        return self._unsigned(cell, context)

    # Several wires side by side.

    def _atom(self, value: Value, but: Wire | None = None) -> Text:
        """`value` as a name, a part of one, or several in braces."""
        part = self._wires.parts.get(value)
        if part is not None and part is not but:
            return Text(self._wires.use(part), len(value))
        chunks = list(self._chunks(value, but))
        if len(chunks) == 1:
            return Text(chunks[0], len(value))
        return Text("{" + ", ".join(reversed(chunks)) + "}", len(value), leaves=len(chunks))

    def _chunks(self, value: Value, but: Wire | None) -> Iterator[str]:
        """Pieces of `value` from the least significant on."""
        position = 0
        while position < len(value):
            end = position + 1
            net = value[position]
            if net < 2:
                while end < len(value) and value[end] < 2:
                    end += 1
                yield literal(number(value[position:end]), end - position)
                position = end
                continue
            while end < len(value) and value[end] == net:
                end += 1
            if end - position > 1:
                yield f"{{{end - position}{{{self._chunk((net,), but)}}}}}"
            else:
                end = self._wires.run(value, position)
                yield self._chunk(value[position:end], but)
            position = end

    def _chunk(self, value: Value, but: Wire | None) -> str:
        part = self._wires.parts.get(value)
        if part is not None and part is not but:
            return self._wires.use(part)
        found = self._wires.find(value[0])
        if found is None:
            index = self._inner(value)
            if index is not None:
                return self._operand(value, None).text
            self._force(cell_of(value[0]))
            return "?"
        wire, start = found
        if wire.value == value:
            return wire.name
        if but is None:
            member = self._wires.part(wire, start, start + len(value) - 1)
            if member is not None:
                return sliced(self._wires.use(member[0]), start - member[1], len(value))
        return sliced(wire.name, start, len(value))

    # Operations.

    def _unsigned(self, cell: Operator, context: int) -> Text | None:
        """The operation in a context of at least as many bits as its result has; None if that would show."""
        fits = context == cell.width
        match cell.operator, cell.operands:
            case "~", (a,):
                if cell.width == 1:
                    return self._negated(a)
                return self._unary("~", self._operand(a, context)) if fits else None
            case "-", (a,):
                return self._unary("-", self._operand(a, context)) if fits else None
            case ("&" | "|" | "^") as operator, (a, b):
                return self._binary(operator, a, b, context)
            case "+", (a, b):
                safe = max(len(shortened(a)), len(shortened(b))) < cell.width
                return self._binary("+", a, b, context) if (fits or safe) and not prefers_sign(cell) else None
            case "*", (a, b):
                safe = len(shortened(a)) + len(shortened(b)) <= cell.width
                return self._binary("*", a, b, context) if (fits or safe) and not prefers_sign(cell) else None
            case "-", (a, b):
                return self._binary("-", a, b, context) if fits and not prefers_sign(cell) else None
            case "m", (test, a, b):
                return self._chosen(test, a, b, context)
            case "<<", (a, b):
                return self._shift("<<", a, b, context) if fits else None
            case "u>>", (a, b):
                return self._shift(">>", a, b, context) if context >= len(shortened(a)) else self._moved(cell)
            case (("b" | "r|"), (a,)):
                if len(shortened(a)) == 1:
                    return self._operand(shortened(a), None)
                text = self._compared("!=", shortened(a), (0,) * len(shortened(a)))
                return self._unary("|", self._operand(a, None)) if text.text.startswith("{") else text
            case ("r&" | "r^") as operator, (a,):
                return self._unary(operator[1], self._operand(a, None))
            case operator, (a, b) if operator.lstrip("us") in INVERSE:
                return self._comparison(cell)
            case _:
                return None

    def _unary(self, operator: str, operand: Text) -> Text:
        width = 1 if operator in "!&|^" else operand.width
        return Text(operator + wrapped(operand, UNARY), width, UNARY, operator, operand.leaves)

    def _negated(self, value: Value) -> Text:
        """The opposite of one bit."""
        index = self._inner(value)
        cell = None if index is None else self._netlist.cells[index]
        if index is not None and isinstance(cell, Operator):
            a, *others = cell.operands
            if cell.operator in ("b", "r|") and len(shortened(a)) > 1:
                self._count(index)
                text = self._compared("==", shortened(a), (0,) * len(shortened(a)))
                self._leaves[index] = text.leaves
                return text
            if cell.operator in ("==", "!=") and len(a) > 1 and not prefers_sign(cell):
                self._count(index)
                text = self._compared(INVERSE[cell.operator], a, others[0])
                self._leaves[index] = text.leaves
                return text
        return self._unary("!", self._operand(value, None))

    def _binary(self, operator: str, a: Value, b: Value, context: int) -> Text:
        left, right = self._short_enough((a, b), context)
        level = LEVELS[operator]
        same = left.level == level and (level == ADD or left.operator == operator)
        again = right.operator == operator and operator in "&|^"
        text = (
            f"{left.text if same else wrapped(left, level)} {operator} {right.text if again else wrapped(right, level)}"
        )
        return Text(text, max(left.width, right.width), level, operator, left.leaves + right.leaves)

    def _short_enough(self, values: tuple[Value, ...], context: int | None) -> list[Text]:
        texts = [self._operand(value, context) for value in values]
        while sum(text.leaves for text in texts) > _LEAVES:
            longest = max(range(len(texts)), key=lambda place: texts[place].leaves)
            value = values[longest] if context is None else shortened(values[longest])
            index = self._inner(value)
            if index is None:
                break
            self._long[index] = None
            texts[longest] = Text("?", len(value))
        return texts

    def _chosen(self, test: Value, a: Value, b: Value, context: int) -> Text:
        condition = self._operand(test, None)
        left, right = self._short_enough((a, b), context)
        otherwise = right.text if right.operator == "?" else wrapped(right, CHOOSE)
        text = f"{wrapped(condition, EQUAL)} ? {wrapped(left, CHOOSE)} : {otherwise}"
        leaves = condition.leaves + left.leaves + right.leaves
        return Text(text, max(left.width, right.width), CHOOSE, "?", leaves)

    def _shift(self, operator: str, a: Value, b: Value, context: int) -> Text:
        left = self._operand(a, context)
        right = self._operand(b, None)
        text = f"{wrapped(left, SHIFT)} {operator} {wrapped(right, SHIFT)}"
        return Text(text, left.width, SHIFT, operator, left.leaves + right.leaves)

    def _moved(self, cell: Operator) -> Text:
        """A shift to the right, in as many bits as its operand has."""
        a, b = cell.operands
        if cell.operator == "u>>":
            return self._shift(">>", a, b, len(a))
        amount = self._operand(b, None)
        return Text(f"{signed(self._atom(a))} >>> {wrapped(amount, SHIFT)}", len(a), SHIFT, ">>>", 3)

    def _comparison(self, cell: Operator) -> Text:
        operator = cell.operator.lstrip("us")
        a, b = cell.operands
        signed = cell.operator[0] == "s" or (cell.operator in INVERSE and prefers_sign(cell))
        if not signed:
            return self._compared(operator, a, b)
        left, right = self._signed_operand(a), self._signed_operand(b)
        return Text(f"{left} {operator} {right}", 1, COMPARE, operator, 2)

    def _compared(self, operator: str, a: Value, b: Value) -> Text:
        """An unsigned comparison."""
        if is_constant(b) and (state := self._state(shortened(a), number(b), len(a))):
            left = self._operand(shortened(a), None)
            return Text(f"{wrapped(left, EQUAL)} {operator} {state}", 1, EQUAL, operator, left.leaves + 1)
        a, b = shortened(a), shortened(b)
        width = max(len(a), len(b))
        if width == 1 and operator in ("==", "!=") and is_constant(b):
            return self._operand(a, None) if (operator == "==") == bool(b[0]) else self._negated(a)
        left, right = self._short_enough((a, b), width)
        if max(left.width, right.width) < width:
            # Neither side tells Verilog how many bits the other one needs.
            for index in filter(None, map(self._inner, (a, b))):
                self._force(index)
        level = EQUAL if operator in ("==", "!=") else COMPARE
        text = f"{wrapped(left, level)} {operator} {wrapped(right, level)}"
        return Text(text, 1, level, operator, left.leaves + right.leaves)

    def _signed(self, cell: Operator) -> Text | None:
        """An operation of signed numbers, to be assigned to something as wide as its result; None if it is none."""
        if cell.operator == "s>>":
            return self._moved(cell)
        if cell.operator not in ("+", "-", "*") or not prefers_sign(cell):
            return None
        texts = [self._signed_operand(operand) for operand in cell.operands]
        level = LEVELS[cell.operator]
        if len(texts) == 1:
            return Text(f"-({texts[0]})", cell.width, UNARY, "-", 1)
        return Text(f" {cell.operator} ".join(texts), cell.width, level, cell.operator, 2)

    def _signed_operand(self, value: Value) -> str:
        short = shortened_signed(value)
        if is_constant(short):
            found = number(short) - (short[-1] << len(short))
            # One bit more: the least number of a width is its own opposite, but not where Verilog extends it first.
            return f"-{len(short) + 1}'sd{-found}" if found < 0 else f"{len(short)}'sd{found}"
        index = self._inner(short)
        if index is not None:
            self._force(index)
            return "?"
        return signed(self._atom(short))

    def _selected(self, cell: Part) -> Text | None:
        """A part that cannot reach beyond the end of a wire."""
        found = self._wires.find(cell.value[0]) if cell.value[0] > 1 else None
        last = ((1 << len(cell.offset)) - 1) * cell.stride + cell.width
        if found is None or found[0].value != cell.value or last > len(cell.value):
            return None
        offset = self._operand(cell.offset, None)
        if cell.width == 1 and cell.stride == 1:
            return Text(f"{found[0].name}[{offset.text}]", 1, leaves=1 + offset.leaves)
        start = offset.text if cell.stride == 1 else f"{wrapped(offset, MULTIPLY)} * {cell.stride}"
        return Text(f"{found[0].name}[{start} +: {cell.width}]", cell.width, leaves=1 + offset.leaves)

    def _shifted_part(self, cell: Part) -> Text:
        """A part that may reach beyond the end, which is extended."""
        offset = self._operand(cell.offset, None)
        amount = wrapped(offset, SHIFT) if cell.stride == 1 else f"({wrapped(offset, MULTIPLY)} * {cell.stride})"
        operator, value = ">>", self._atom(cell.value).text
        if cell.signed:
            operator, value = ">>>", signed(self._atom(cell.value))
        return Text(f"{value} {operator} {amount}", max(cell.width, len(cell.value)), SHIFT, operator, 2)
