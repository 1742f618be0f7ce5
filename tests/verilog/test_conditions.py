"""Choices as operations: what they compute is tried for all values of all bits."""

from itertools import product

import pytest

from tcugen.verilog.conditions import to_operations
from tcugen.verilog.netlist import Assign, Choice, Netlist, Operator, Switch, number, output

BITS = 6
"""Inputs are nets 2 .. 7."""
A, B, C, D, E, F = range(2, 2 + BITS)


def chosen(body, default, values):
    """What a choice makes of `default`, by going through its statements."""
    result = [values[net] for net in default]
    for statement in body:
        if isinstance(statement, Assign):
            for place, net in enumerate(statement.value):
                result[statement.start + place] = values[net]
            continue
        test = "".join(str(values[net]) for net in reversed(statement.test))
        for patterns, inner in statement.cases:
            if patterns is None or any(
                all(digit in ("-", bit) for digit, bit in zip(pattern, test, strict=True)) for pattern in patterns
            ):
                before = {net: values[net] for net in values} | {-1 - n: bit for n, bit in enumerate(result)}
                result = chosen(inner, [-1 - n for n in range(len(result))], before)
                break
    return result


def computed(netlist, net, values):
    """The bit that operations make of `values`."""
    if net in values:
        return values[net]
    cell = netlist.cells[net >> 16]
    assert isinstance(cell, Operator)
    operands = [[computed(netlist, one, values) for one in operand] for operand in cell.operands]
    match cell.operator, operands:
        case "~", (a,):
            return 1 - a[0]
        case "&", (a, b):
            return a[0] & b[0]
        case "|", (a, b):
            return a[0] | b[0]
        case "==", (a, b):
            return int(a == b)
        case "m", ((test,), a, b):
            return (a if test else b)[net & 0xFFFF]
        case _:
            raise AssertionError(cell)


def case(net, *inner, pattern="1"):
    return (Switch(1, net if isinstance(net, tuple) else (net,), (((pattern,), inner),)),)


WHOLE = {
    "a bit under a condition": (Choice((0,), case(A, Assign(0, (B,)))), "&"),
    "one where a condition does not hold": (Choice((0,), case(A, Assign(0, (1,)), pattern="0")), "~"),
    "a bit that is taken away": (Choice((B,), case(A, Assign(0, (0,)))), "&"),
    "a bit that is added": (Choice((B,), case(A, Assign(0, (1,)))), "|"),
    "conditions one inside the other": (Choice((0,), case(A, *case(B, Assign(0, (1,))))), "&"),
    "a number": (Choice((0,), case((A, B), Assign(0, (C,)), pattern="10")), "&"),
    "one after the other": (Choice((0,), case(A, Assign(0, (1,))) + case(B, Assign(0, (0,)))), "&"),
    "the first that holds": (
        Choice((0,), (Switch(1, (A, B), ((("-1",), (Assign(0, (C,)),)), (("1-",), (Assign(0, (1,)),)))),)),
        None,
    ),
    "nothing in the first case": (
        Choice((0,), (Switch(1, (A, B), ((("-1",), ()), (("1-",), (Assign(0, (1,)),)))),)),
        "&",
    ),
    "a value under two conditions": (Choice((C, D), case(A, *case(B, Assign(0, (E, F))))), "m"),
    "a value with several conditions": (Choice((C, D), case(A, Assign(0, (E, F))) + case(B, Assign(0, (1, 1)))), None),
    "a part of a value": (Choice((C, D), case(A, Assign(0, (E,)))), None),
    "several numbers": (Choice((0,), (Switch(1, (A, B), ((("01", "10"), (Assign(0, (1,)),)),)),)), None),
}


@pytest.mark.parametrize("name", WHOLE)
def test_the_operation_is_the_choice(name):
    choice, operator = WHOLE[name]
    netlist = Netlist(cells={1: choice}, unused=2)
    to_operations(netlist)
    last = netlist.cells[1]
    if operator is None:
        assert netlist.cells == {1: choice}
        return
    assert isinstance(last, Operator) and last.operator == operator
    for bits in product((0, 1), repeat=BITS):
        values = {0: 0, 1: 1} | dict(zip(range(2, 2 + BITS), bits, strict=True))
        expected = chosen(choice.body, choice.default, values)
        assert [computed(netlist, net, values) for net in output(1, choice.width)] == expected


def test_a_choice_that_is_its_condition_goes():
    netlist = Netlist(outputs={"o": output(1, 1)}, cells={1: Choice((0,), case(A, Assign(0, (1,))))}, unused=2)
    to_operations(netlist)
    assert not netlist.cells
    assert netlist.outputs == {"o": (A,)}


def test_a_long_choice_stays_a_block():
    body = ()
    for net in (A, B, C, D, E, F, A):
        body += case(net, Assign(0, (number((1,)),)))
    netlist = Netlist(cells={1: Choice((0,), body)}, unused=2)
    to_operations(netlist)
    assert netlist.cells == {1: Choice((0,), body)}
