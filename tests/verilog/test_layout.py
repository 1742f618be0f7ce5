import pytest

from tcugen.verilog.layout import COLUMNS, always, connections, declared, folded, joined_instance, listed, range_of


def test_names_of_one_kind_and_width_are_declared_together_where_the_first_one_is():
    wires = [
        ("reg", 8, "word"),
        ("reg", 1, "valid"),
        ("reg", 8, "byte"),
        ("wire", 8, "word_read"),
        ("reg", 9, "sum"),
        ("reg", 1, "ready"),
    ]
    wires += [("reg", 8, f"sum_{n}") for n in range(4)]
    declarations = ["reg [7:0] word, byte;", "reg valid, ready;", "wire [7:0] word_read;", "reg [8:0] sum;"]
    declarations.append("reg [7:0] sum_0, sum_1, sum_2, sum_3;")
    assert declared(wires) == declarations


def test_ports_of_a_stream_are_connected_side_by_side_and_so_are_those_of_one_word():
    ports = ["clk", "rst", "i_valid", "i_ready", "o_valid", "level"]
    assert connections([(port, f"u_{port}") for port in ports]) == [
        "    .clk(u_clk), .rst(u_rst),",
        "    .i_valid(u_i_valid), .i_ready(u_i_ready),",
        "    .o_valid(u_o_valid),",
        "    .level(u_level)",
    ]


def test_connections_that_fill_a_line_go_on_in_the_next():
    lines = connections([(f"i_{n}", "x" * 40) for n in range(5)])
    assert [line.count(".") for line in lines] == [2, 2, 1]
    assert all(len(line) + 4 <= COLUMNS for line in lines)


def test_a_long_line_breaks_where_the_fewest_brackets_are_open():
    line = "wire sum = " + " + ".join(f"(first_{n} * second_{n})" for n in range(8)) + ";"
    first, *rest = folded(line)
    assert all(len(one) <= COLUMNS for one in (first, *rest))
    assert first.endswith((" +", ")"))
    assert " ".join(one.strip() for one in (first, *rest)) == line
    assert all(one.startswith(" " * 8) for one in rest)


def test_no_line_begins_with_begin():
    line = "if (" + " && ".join(["condition"] * 8 + ["last_one"]) + ") begin"
    assert all(not one.strip().startswith("begin") for one in folded(line))
    assert len(folded(line)) == 2


def test_a_word_that_is_longer_than_a_line_stays_whole():
    assert folded("x" * 200) == ["    " + "x" * 200]


@pytest.mark.parametrize(
    "lines, expected", [(["a;"], ["always @* a;"]), (["a;", "b;"], ["always @* begin", "    a;", "    b;", "end"])]
)
def test_blocks_of_one_statement_have_no_begin(lines, expected):
    assert always("@*", lines) == expected


def test_lists_ranges_and_heads_of_instances():
    assert listed(["a", "b", "c"]) == ["a,", "b,", "c"]
    assert (range_of(1), range_of(8)) == ("", "[7:0] ")
    assert joined_instance("tcu_ram", {"WIDTH": 8, "DEPTH": 4}, "u_ram") == "tcu_ram #(.WIDTH(8), .DEPTH(4)) u_ram ("
    assert joined_instance("tcu_pool", {}, "u_pool") == "tcu_pool u_pool ("
