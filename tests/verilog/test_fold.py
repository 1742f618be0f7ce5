import pytest

from tcugen.verilog.fold import fold
from tcugen.verilog.netlist import Netlist, Operator, constant, output

A = (2, 3, 4, 5)


@pytest.mark.parametrize(
    "operator, operands, width, expected",
    [
        ("&", (A, constant(0b0101, 4)), 4, (2, 0, 4, 0)),
        ("|", (constant(0b0101, 4), A), 4, (1, 3, 1, 5)),
        ("~", (constant(0b0110, 4),), 4, constant(0b1001, 4)),
        ("<<", (A, constant(1, 2)), 4, (0, 2, 3, 4)),
        ("u>>", (A, constant(1, 2)), 4, (3, 4, 5, 0)),
        ("<<", (constant(0, 4), A), 4, constant(0, 4)),
        ("u>>", (constant(0, 4), A), 4, constant(0, 4)),
        ("+", (constant(9, 4), constant(9, 4)), 4, constant(2, 4)),
        ("==", (constant(9, 4), constant(9, 4)), 1, (1,)),
        ("!=", (constant(9, 4), constant(9, 4)), 1, (0,)),
        ("r&", (constant(15, 4),), 1, (1,)),
        ("b", ((2,),), 1, (2,)),
        ("m", ((1,), A, constant(0, 4)), 4, A),
        ("m", ((2,), A, A), 4, A),
    ],
)
def test_operations_of_constants_go(operator, operands, width, expected):
    netlist = Netlist(outputs={"o": output(7, width)}, cells={7: Operator(operator, operands, width)})
    fold(netlist)
    assert not netlist.cells
    assert netlist.outputs == {"o": expected}


@pytest.mark.parametrize("operator", ["+", "-", "*", "&", "^", "==", "u<"])
def test_operations_of_what_is_not_known_stay(operator):
    cell = Operator(operator, (A, (5, 4, 3, 2)), 4)
    netlist = Netlist(outputs={"o": output(7, 4)}, cells={7: cell})
    fold(netlist)
    assert netlist.cells == {7: cell}
