from tcugen.verilog.netlist import Assign, Netlist, Operator, Switch, always_assigned, constant, number, restricted

BODY = (
    Assign(0, (4, 5)),
    Switch(1, (3,), ((("1",), (Assign(1, (6, 7)),)), (None, (Assign(0, (8,)),)))),
)


def test_numbers_and_constants():
    assert constant(0b1101, 3) == (1, 0, 1)
    assert number((1, 0, 1)) == 5


def test_what_a_body_does_to_some_of_its_bits():
    assert restricted(BODY, 1, 2) == (Assign(0, (5,)), Switch(1, (3,), ((("1",), (Assign(0, (6,)),)), (None, ()))))
    assert restricted(BODY, 2, 3) == (Switch(1, (3,), ((("1",), (Assign(0, (7,)),)), (None, ()))),)
    assert restricted(BODY, 3, 4) == ()


def test_whether_all_bits_are_assigned_in_any_case():
    assert always_assigned(BODY, 2)
    assert not always_assigned(BODY, 3)
    both = Switch(1, (3,), ((("1",), (Assign(0, (6, 7)),)), (None, (Assign(0, (8, 8)),))))
    assert always_assigned((both,), 2)
    assert not always_assigned((Switch(1, (3,), both.cases[:1]),), 2)


def test_a_replacement_may_be_replaced():
    netlist = Netlist(outputs={"o": (7, 2)}, cells={5: Operator("~", ((7,),), 1)})
    netlist.replace({7: 6, 6: 1})
    assert netlist.outputs == {"o": (1, 2)}
    assert netlist.cells == {5: Operator("~", ((1,),), 1)}


def test_numbers_of_new_cells_are_new():
    netlist = Netlist(unused=4)
    assert [netlist.number(), netlist.number()] == [4, 5]
