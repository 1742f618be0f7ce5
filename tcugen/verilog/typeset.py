"""The layout of emitted Verilog: a comment, the ports, what is declared, instances, logic, registers."""

import re

from tcugen.verilog import statements
from tcugen.verilog.inline import TEMPORARY, width_of
from tcugen.verilog.text import Block, Module

_INDENT = "    "
_COLUMNS = 118
_NAME = r"[A-Za-z_]\w*(?:\[\d+(?::\d+)?\])?"


def render(module: Module, doc: str, ports_of: dict[str, tuple[str, ...]]) -> str:
    """Text of `module` with `doc` as the comment above it.

    Args:
        ports_of: Ports of this module and of those it instantiates, in the order in which they are written.
    """
    sections = [
        _declarations(module),
        *(_memory(memory) for memory in module.memories),
        *(_instance(instance, ports_of) for instance in module.instances),
        [f"{_INDENT}assign {left} = {expression(right, module)};" for left, right in module.assigns.items()],
        *(_block(block, module) for block in module.blocks),
    ]
    body = "\n\n".join("\n".join(section) for section in sections if section)
    return f"{comment(doc)}module {module.name} (\n{_ports(module, ports_of[module.name])}\n);\n{body}\nendmodule\n"


def comment(text: str) -> str:
    """`text` as lines of a Verilog comment."""
    return "".join(f"// {line}".rstrip() + "\n" for line in text.splitlines())


def expression(text: str, module: Module) -> str:
    """`text` with unary operators next to their operand and numbers as wide as what they are combined with.

    A number is extended with zeros either way; inside of `$signed()` it is left alone.
    """
    text = re.sub(r"((?:^|[=(?:{,] ?|[&|^] ))([~!|&^-]) (?=[\w({$])", r"\1\2", text)

    def widen(match: re.Match[str]) -> str:
        width, bits = width_of(module, match[1]), int(match[3])
        return f"{match[1]} {match[2]} {width}'h{match[4]}" if width and width > bits else match[0]

    return re.sub(rf"(?<![\w$'.])({_NAME}) (==|!=|<=|>=|<|>|\+|-) (\d+)'h(\w+)", widen, text)


def _range(width: int) -> str:
    return "" if width == 1 else f"[{width - 1}:0]"


def _ports(module: Module, order: tuple[str, ...]) -> str:
    """Ports with their types."""
    rows: list[tuple[str, str, str]] = []
    for name in order:
        wire = module.wires[name]
        rows.append((f"{wire.direction:<6} {wire.kind:<4}", _range(wire.width), name))
    widest = max(len(width) for _, width, _ in rows)
    return ",\n".join(f"{_INDENT}{kind} {width:<{widest}} {name}" for kind, width, name in rows)


def _declarations(module: Module) -> list[str]:
    """Internal names; wires without a name of their own share lines."""
    lines: list[str] = []
    unnamed: dict[tuple[str, int], list[str]] = {}
    for name, wire in module.wires.items():
        if wire.direction:
            continue
        if TEMPORARY.fullmatch(name):
            unnamed.setdefault((wire.kind, wire.width), []).append(name)
        else:
            lines.append(" ".join(filter(None, (_INDENT + wire.kind, _range(wire.width), name))) + ";")
    for (kind, width), names in sorted(unnamed.items()):
        head = " ".join(filter(None, (_INDENT + kind, _range(width))))
        line = head
        for name in sorted(names, key=lambda text: int(text.strip("_"))):
            if len(line) + len(name) > _COLUMNS:
                lines.append(line.removesuffix(",") + ";")
                line = head
            line += f" {name},"
        lines.append(line.removesuffix(",") + ";")
    return lines


def _memory(lines: list[str]) -> list[str]:
    """An array. Zeros at the start are no contents: nobody reads what was not written."""
    declaration, *start = (line.strip() for line in lines)
    values = [match[1] for match in (re.fullmatch(r".*\] = (.*);", line) for line in start) if match]
    if all(re.fullmatch(r"\d+'\w0+", value) for value in values):
        return [f"{_INDENT}{declaration}"]
    return [f"{_INDENT}{line[2:]}" for line in lines]


def _instance(lines: list[str], ports_of: dict[str, tuple[str, ...]]) -> list[str]:
    """Connections in the order of the instantiated module's ports, parameters as plain numbers."""
    is_connection = [line.startswith("    .") and not re.search(r"\(32'd\d+\),?$", line) for line in lines]
    connections = [line.strip().removesuffix(",") for line, chosen in zip(lines, is_connection, strict=True) if chosen]
    rest = [re.sub(r"32'd(\d+)", r"\1", line) for line, chosen in zip(lines, is_connection, strict=True) if not chosen]
    order = ports_of[lines[0].split()[0]]
    connections.sort(key=lambda text: order.index(text[1 : text.index("(")]))
    head, closing = rest[:-1], rest[-1]
    body = [f"{_INDENT * 2}{text}," for text in connections[:-1]] + [f"{_INDENT * 2}{connections[-1]}"]
    return [*(_reindented(line) for line in head), *body, _reindented(closing)]


def _reindented(line: str) -> str:
    stripped = line.lstrip()
    return _INDENT * ((len(line) - len(stripped)) // 2) + stripped


def _block(block: Block, module: Module) -> list[str]:
    """An `always` block; one that holds a single assignment does without begin and end."""
    bracketed = block[0].endswith(" begin")
    parsed = statements.parse(block[1:-1] if bracketed else block[1:])
    body = list(statements.write(parsed, lambda text: expression(text, module), _INDENT))
    head = block[0].strip().removesuffix(" begin")
    if len(body) == 1:
        return [f"{_INDENT}{head} {body[0]}"]
    return [f"{_INDENT}{head} begin", *(_INDENT * 2 + line for line in body), f"{_INDENT}end"]
