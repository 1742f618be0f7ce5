"""Operations whose operands are constants, or whose constant operand leaves the other one as it is."""

from tcugen.verilog.netlist import Net, Netlist, Operator, Value, constant, is_constant, number, output


def fold(netlist: Netlist) -> None:
    """Replace them by what they are, until there are none."""
    while True:
        replaced: dict[Net, Net] = {}
        for index, cell in netlist.cells.items():
            if isinstance(cell, Operator):
                result = _folded(cell)
                if result is not None:
                    replaced.update(zip(output(index, cell.width), result, strict=True))
        if not replaced:
            return
        for net in replaced:
            netlist.cells.pop(net >> 16, None)
        netlist.replace(replaced)


def _folded(cell: Operator) -> Value | None:
    """What the operation is, if it needs no cell."""
    match cell.operator, cell.operands:
        case "~", (a,) if is_constant(a):
            return constant(~number(a), cell.width)
        case (("b" | "r|" | "r&" | "r^"), (a,)) if len(a) == 1:
            return a
        case (("b" | "r|"), (a,)) if is_constant(a):
            return constant(int(number(a) != 0), 1)
        case "r&", (a,) if is_constant(a):
            return constant(int(all(a)), 1)
        case "&", (a, b) if is_constant(a) or is_constant(b):
            return _masked(a, b) if is_constant(b) else _masked(b, a)
        case "|", (a, b) if is_constant(a) or is_constant(b):
            return _filled(a, b) if is_constant(b) else _filled(b, a)
        case "+", (a, b) if is_constant(a) and is_constant(b):
            return constant(number(a) + number(b), cell.width)
        case (("<<" | "u>>"), (a, _)) if is_constant(a) and not number(a):
            return a[: cell.width] + (0,) * (cell.width - len(a))
        case "<<", (a, b) if is_constant(b):
            return ((0,) * number(b) + a)[: cell.width]
        case "u>>", (a, b) if is_constant(b):
            return (a[number(b) :] + (0,) * cell.width)[: cell.width]
        case (("==" | "!="), (a, b)) if is_constant(a) and is_constant(b):
            return constant(int((a == b) == (cell.operator == "==")), 1)
        case "m", ((test,), a, b) if test in (0, 1) or a == b:
            return a if test else b
        case _:
            return None


def _masked(a: Value, mask: Value) -> Value:
    return tuple(net if bit else 0 for net, bit in zip(a, mask, strict=True))


def _filled(a: Value, mask: Value) -> Value:
    return tuple(1 if bit else net for net, bit in zip(a, mask, strict=True))
