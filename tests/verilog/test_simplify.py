from tcugen.verilog.netlist import (
    Assign,
    Cell,
    Choice,
    Memory,
    Name,
    Netlist,
    Operator,
    ReadPort,
    Register,
    Switch,
    WritePort,
    output,
)
from tcugen.verilog.simplify import simplify


def register(index, width, *assigned):
    return Register(width, 2, None, 0, (Switch(1, (3,), ((("1",), assigned),)),))


def test_what_nobody_reads_goes():
    netlist = Netlist(
        outputs={"o": output(5, 1)},
        cells={5: Operator("^", ((2,), (3,)), 1), 6: Operator("*", ((2,), (5 << 16,)), 1), 7: register(7, 1)},
        unused=8,
    )
    simplify(netlist)
    assert list(netlist.cells) == [5]


def test_upper_bits_that_nobody_reads_go_unless_they_have_a_name():
    def cells() -> dict[int, Cell]:
        return {5: Operator("+", ((2, 3, 4, 0), (3, 4, 5, 0)), 4)}

    netlist = Netlist(outputs={"o": output(5, 2)}, cells=cells(), unused=6)
    simplify(netlist)
    assert netlist.cells == {5: Operator("+", ((2, 3), (3, 4)), 2)}
    netlist = Netlist(
        outputs={"o": output(5, 2)}, cells=cells(), names=[Name("total", output(5, 4), False, {})], unused=6
    )
    simplify(netlist)
    assert netlist.cells == cells()


def test_a_structure_comes_apart_where_its_members_are_assigned():
    fields = (Assign(0, (4,)), Assign(1, (5, 6)))
    names = [
        Name("item", output(5, 3), False, {}),
        Name("item_valid", output(5, 1), True, {}),
        Name("item_data", output(5, 2, 1), True, {}),
    ]
    netlist = Netlist(outputs={"o": output(5, 3)}, cells={5: register(5, 3, *fields)}, names=names, unused=9)
    simplify(netlist)
    assert netlist.cells == {9: register(9, 1, Assign(0, (4,))), 10: register(10, 2, Assign(0, (5, 6)))}
    assert netlist.outputs["o"] == (*output(9, 1), *output(10, 2))
    assert [netlist.sources[net] for net in netlist.outputs["o"]] == list(output(5, 3))


def test_a_case_that_a_constant_decides_is_no_case():
    inner = (Assign(0, (4, 5)),)
    body = (Switch(1, (1, 2), ((("-0",), (Assign(0, (6, 6)),)), (("-1",), inner), (None, ()))),)
    netlist = Netlist(outputs={"o": output(5, 2)}, cells={5: Choice((0, 0), body)}, unused=6)
    simplify(netlist)
    assert not netlist.cells
    assert netlist.outputs["o"] == (4, 5)


def test_a_memory_is_kept_with_what_writes_it_only_if_it_is_read():
    cells = {5: Memory("store", 4, 1, ()), 6: WritePort(5, 2, (3,), (4, 4), (5,)), 7: ReadPort(5, 2, 1, (4, 4), 1)}
    netlist = Netlist(outputs={"o": output(7, 1)}, cells=dict(cells), unused=8)
    simplify(netlist)
    assert netlist.cells == cells
    netlist = Netlist(outputs={"o": (3,)}, cells=dict(cells), unused=8)
    simplify(netlist)
    assert not netlist.cells
