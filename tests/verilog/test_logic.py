from tcugen.verilog.logic import Item, sorted_logic, spaced


def item(name, line):
    return Item([name], [line])


def test_definitions_come_before_uses_and_else_in_order():
    a, b, c = item("a", "a = b & x;"), item("b", "b = y;"), item("c", "c = 4'hb;")
    assert sorted_logic([a, b, c]) == [b, a, c]
    assert not any(one.declared for one in (a, b, c))


def test_a_circle_is_declared_in_front():
    a, b = item("a", "a[0] = b[1];"), item("b", "b[1] = a[1];")
    assert sorted_logic([a, b]) == [b, a]
    assert a.declared and not b.declared


def test_names_of_ports_and_digits_of_numbers_are_no_uses():
    a, b = item("a", "u_x (.b(x));"), item("b", "b = 8'ha;")
    assert sorted_logic([a, b]) == [a, b]


def test_blocks_stand_alone_and_lines_together():
    block = ["    always @* begin", "    end"]
    one, two = ["    wire a = b;"], ["    wire c = d;"]
    clocked = [["    always @(posedge clk) a <= b;"], ["    always @(posedge clk) c <= d;"]]
    assert list(spaced([one, two, block, one, *clocked])) == [one + two, block, one, clocked[0] + clocked[1]]
