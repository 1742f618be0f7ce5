from tcugen.verilog.netlist import Name, Netlist, Operator, Register, output
from tcugen.verilog.share import share


def test_equal_operations_become_the_first_of_them_and_so_do_those_that_read_them():
    one, other = output(5, 1), output(6, 1)
    netlist = Netlist(
        outputs={"o": output(8, 1)},
        cells={
            5: Operator("&", ((2,), (3,)), 1),
            6: Operator("&", ((2,), (3,)), 1),
            7: Operator("~", (one,), 1),
            8: Operator("~", (other,), 1),
        },
        names=[Name("inverse", output(8, 1), False, {})],
    )
    share(netlist)
    assert netlist.cells == {5: Operator("&", ((2,), (3,)), 1), 7: Operator("~", (one,), 1)}
    assert netlist.outputs["o"] == netlist.names[0].value == output(7, 1)


def test_equal_registers_stay_apart():
    register = Register(1, 2, None, 0, ())
    netlist = Netlist(cells={5: register, 6: register})
    share(netlist)
    assert netlist.cells == {5: register, 6: register}


def test_the_order_of_operands_counts():
    netlist = Netlist(cells={5: Operator("-", ((2,), (3,)), 1), 6: Operator("-", ((3,), (2,)), 1)})
    share(netlist)
    assert len(netlist.cells) == 2
