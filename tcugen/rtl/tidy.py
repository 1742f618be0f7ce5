"""From the Verilog that Yosys writes to the Verilog that one would write: same registers, same values, fewer lines.

Yosys puts every operation and every "next" value of a register into a wire of its own. Here they move to where they
are used, wherever Verilog's rules of width and sign give the same value:

- `assign t = e; x = t;` becomes `x = e;` if `t` has the width of `x`, because the context of `e` is the same; also
  `x = t[k-1:0];` for sums, differences and products, whose low bits depend on low bits only.
- A one-bit `t` that is a comparison, a reduction or a logic operation of bits moves into any expression: its value
  does not depend on the context, and zero-extension commutes with `&`, `|` and `^`. `~` of a bit is written `!`.
- `always @* begin x_next = x; ... end  always @(posedge clk) x <= x_next;` becomes one clocked block.

It understands nothing but the text that the pinned Yosys writes, and leaves alone what it does not know. `typeset.py`
writes the result.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

_NAME = r"[A-Za-z_][A-Za-z0-9_$]*"
_SLICE = r"\[\d+(?::\d+)?\]"
_WORD = re.compile(rf"(?<![\w'.$]){_NAME}")
_KEYWORDS = set("always posedge begin end if else casez endcase default full_case empty".split())
_TEMPORARY = re.compile(r"\b_\d+_\b")
_LONGEST_LINE = 110

_DECLARATION = re.compile(rf"  (input|output|wire|reg)( signed)?(?: \[(\d+):0\])? ({_NAME})(?: = (\S+))?;")
_MEMORY = re.compile(rf"  reg \[\d+:0\] ({_NAME}) \[\d+:\d+\];")
_ASSIGN = re.compile(r"  assign (.+?) = (.+);")
_OPERATORS = set("== != < <= > >= & | ^ + - * / % << >> <<< >>> ? :".split())


Block = list[str]
"""Lines of an `always` block."""


@dataclass
class _Wire:
    """A declared name; `direction` is empty for internal ones."""

    kind: str
    width: int
    direction: str = ""
    initial: str = ""


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
    wires: dict[str, _Wire] = field(default_factory=dict)
    memories: list[list[str]] = field(default_factory=list)
    assigns: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    instances: list[list[str]] = field(default_factory=list)


class UnknownText(ValueError):
    """A line that Yosys has not been seen to write; the message quotes it."""


def parse(text: str) -> list[Module]:
    """Modules of a text written by `write_verilog -norename`, in its order. Raises UnknownText."""
    return [
        _parse_module(_plain_names(match[0]).splitlines())
        for match in re.finditer(r"^module .*?^endmodule", text, re.MULTILINE | re.DOTALL)
    ]


def _plain_names(text: str) -> str:
    r"""Escaped names as plain ones: `\$12 ` is `_12_`, `\data$12 ` is `data_12`; helpers of Yosys' own vanish.

    Those helpers make event-driven simulators look at an `always @*` block at time 0 even if it reads nothing that
    changes; every block here reads something that does.
    """
    text = re.sub(r"^\s*(?:reg|if \() ?\\\$auto\$verilog_backend\S* .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\\$(\d+) ", r"_\1_", text)
    taken = set(re.findall(_NAME, text))
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
    name, ports = re.fullmatch(rf"module ({_NAME})\((.*)\);", header).groups()
    module = Module(name, [port.strip() for port in ports.split(",")])
    lines = lines[:-1]
    position = 0
    while position < len(lines):
        end = _item_end(lines, position)
        item = lines[position:end]
        position = end
        if match := _DECLARATION.fullmatch(item[0]):
            direction, _, msb, wire, initial = match.groups()
            known = module.wires.setdefault(wire, _Wire("wire", int(msb or 0) + 1))
            if direction in ("input", "output"):
                known.direction = direction
            else:
                known.kind, known.initial = direction, initial or ""
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
        elif re.match(rf"  {_NAME} (#\($|{_NAME} \()", item[0]):
            module.instances.append(item)
        elif not item[0].startswith("  (*"):
            raise UnknownText(f"module {name}: {item[0]!r}; teach tidy.py what it is")
    return module


def _item_end(lines: list[str], start: int) -> int:
    """Behind the last line of the item at `start`: lines that are indented further, and what closes them, belong to it."""
    end = start + 1
    while end < len(lines) and (lines[end].startswith("   ") or re.match(r"  (end\b|\))", lines[end])):
        end += 1
    return end


def tidy(module: Module) -> None:
    """Rewrite `module` in place as the description of this file says."""
    _compare_with_zero(module)
    _name_outputs(module)
    _clock_blocks(module)
    _move_temporaries(module)
    _drop_unread(module)
    _join_constants(module)
    module.blocks.sort(key=lambda block: "posedge" in block[0])  # stable: combinational logic first


def _compare_with_zero(module: Module) -> None:
    """`! x` of several bits is a comparison."""
    for left, right in module.assigns.items():
        width = width_of(module, right[2:]) if right.startswith("! ") else None
        if width and width > 1:
            module.assigns[left] = f"{right[2:]} == {width}'h0"


def _name_outputs(module: Module) -> None:
    """A nameless register or choice that a name stands for takes that name."""
    reads = _reads(module)
    driven = {_target(block): block for block in module.blocks}
    for name, value in list(module.assigns.items()):
        wire = module.wires.get(name)
        if not (wire and _TEMPORARY.fullmatch(value) and value in driven and reads[value] == 1):
            continue
        block = driven[value]
        block[:] = [re.sub(rf"\b{value}\b", name, line) for line in block]
        wire.kind, wire.initial = "reg", module.wires.pop(value).initial
        del module.assigns[name]


def _clock_blocks(module: Module) -> None:
    """Merge the block that computes `x_next` and the one that stores it."""
    reads = _reads(module)
    writers = Counter(_base(target) for target in module.assigns)
    writers.update(_target(block) for block in module.blocks)
    computing = {_target(block): block for block in module.blocks if block[0] == "  always @* begin"}
    stored = re.compile(rf"    ({_NAME}) <= (\1_next);")
    blocks = []
    for block in module.blocks:
        match = stored.fullmatch(block[-1]) if block[0] == "  always @(posedge clk)" else None
        if not match or reads[match[2]] != 1 or writers[match[2]] != 1:
            blocks.append(block)
            continue
        name, following = match.groups()
        if following in module.assigns:
            blocks.append([block[0], f"    {name} <= {module.assigns.pop(following)};"])
        else:
            source = computing[following]
            assignment = re.compile(rf"^(\s+){following}((?:{_SLICE})?) = ")
            kept = [line for line in source[1:] if line != f"    {following} = {name};"]
            source[:] = ["  always @(posedge clk) begin"]
            source += [assignment.sub(rf"\1{name}\2 <= ", line) for line in kept]
            _reset_first(source)
        del module.wires[following]
    module.blocks = blocks


def _drop_unread(module: Module) -> None:
    """Remove what drives nothing but itself, and leave outputs of instances open that nothing reads."""
    while True:
        drivers = {}
        for block in module.blocks:
            drivers.setdefault(_target(block), []).append(block)
        reads = _reads(module)
        for name, blocks in drivers.items():
            own = Counter(word for block in blocks for line in block for word in _read_names(line))
            reads[name] -= own[name]
        unread = {name for name, wire in module.wires.items() if not wire.direction and not reads[name]}
        opened = _open_outputs(module, reads)
        if not unread and not opened:
            return
        module.assigns = {left: right for left, right in module.assigns.items() if _base(left) not in unread}
        module.blocks = [block for block in module.blocks if _target(block) not in unread]
        for name in unread | opened:
            del module.wires[name]


def _open_outputs(module: Module, reads: Counter) -> set[str]:
    """Names that only one connection of an instance mentions and nothing drives: the connection becomes empty."""
    driven = {_base(left) for left in module.assigns} | {_target(block) for block in module.blocks}
    opened = set()
    for instance in module.instances:
        for index, line in enumerate(instance):
            match = re.fullmatch(rf"    \.({_NAME})\(({_NAME})\)(,?)", line)
            if match and reads[match[2]] == 1 and match[2] not in driven and not module.wires[match[2]].direction:
                instance[index] = f"    .{match[1]}(){match[3]}"
                opened.add(match[2])
    return opened


def _join_constants(module: Module) -> None:
    """A block `always @*` that reads nothing would never run: it joins another block of its target, or is an assign."""
    for block in [block for block in module.blocks if block[0] == "  always @* begin"]:
        if any(_read_names(line) for line in block[1:-1]):
            continue
        module.blocks.remove(block)
        other = next((one for one in module.blocks if _target(one) == _target(block)), None)
        if other:
            other[1:1] = block[1:-1]
        else:
            module.wires[_target(block)].kind = "wire"
            module.assigns |= (re.fullmatch(r"\s+(\S+) = (.*);", line).groups() for line in block[1:-1])


def _base(target: str) -> str:
    """Name of which `target` is a slice."""
    return target.partition("[")[0]


def _target(block: Block) -> str:
    """Name that a block drives; Yosys writes at least one block for each."""
    assignment = re.compile(rf"\s+({_NAME})(?:\[.*\])? <?= ")
    return next(match[1] for match in map(assignment.match, block) if match)


def _reads(module: Module) -> Counter:
    """How often each name is read."""
    counts = Counter()
    for text in module.assigns.values():
        counts.update(re.findall(_WORD, text))
    for line in (line for item in (*module.blocks, *module.instances) for line in item):
        counts.update(_read_names(line))
    return counts


def _read_names(line: str) -> list[str]:
    """Names that a line of a block or an instance reads; an index on the left side is read."""
    written = re.match(rf"\s+{_NAME}(?:{_SLICE})?(?= <?= |\[)", line)
    return [word for word in re.findall(_WORD, line[written.end() :] if written else line) if word not in _KEYWORDS]


def _reset_first(block: list[str]) -> None:
    """A reset that overrides what stands above it becomes the first branch."""
    if len(block) < 5 or block[-4] != "    if (rst) begin":
        return
    reset, body = block[-3], block[1:-4]
    if not body:
        return
    block[1:] = ["    if (rst) begin", reset, "    end else begin", *(f"  {line}" for line in body), "    end", "  end"]


def _move_temporaries(module: Module) -> None:
    """Write each wire of one operation at the only place that reads it."""
    reads = _reads(module)
    places = {}  # temporary -> the list and index (or dict and key) of the text that reads it
    texts = [(module.assigns, key) for key in module.assigns]
    texts += [(item, index) for item in (*module.blocks, *module.instances) for index in range(len(item))]
    for place in texts:
        for name in _TEMPORARY.findall(place[0][place[1]]):
            places[name] = place
    for name in [key for key in module.assigns if _TEMPORARY.fullmatch(key)]:
        if reads[name] != 1 or name not in places:
            continue
        holder, key = places[name]
        moved = _with_moved(module, name, holder[key], key if isinstance(key, str) else None)
        if moved is None:
            continue
        holder[key] = moved
        for inner in _TEMPORARY.findall(module.assigns.pop(name)):
            places[inner] = holder, key
        del module.wires[name]


def _with_moved(module: Module, name: str, text: str, target: str | None) -> str | None:
    """`text` (assigned to `target`, or a line) with the value of `name` in its place, None if it has to stay."""
    value, width = module.assigns[name], module.wires[name].width
    if target is None:
        match = re.match(rf"(\s+)({_NAME}(?:{_SLICE})?) (<?=) (.*);$", text)
        target, before, whole, after = (match[2], text[: match.start(4)], match[4], ";") if match else ("", "", "", "")
    else:
        before, whole, after = "", text, ""
    if target and whole == name and width_of(module, target) == width:
        moved = before + value + after
    elif target and whole == f"{name}[{width_of(module, target) - 1}:0]" and _is_sum(value):
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
    if re.fullmatch(rf"!?{_NAME}(?:{_SLICE})?|\d+'\S+", text):
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
    if match := re.fullmatch(rf"{_NAME}\[(\d+)(?::(\d+))?\]", operand):
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


