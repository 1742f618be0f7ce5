import pytest

from tcugen.verilog.layout import COLUMNS, always, declared, folded, joined_instance, listed, range_of


def test_names_that_differ_in_numbers_are_declared_together_where_the_first_one_is():
    wires = [
        ("reg", 8, "word_0"),
        ("reg", 1, "valid"),
        ("reg", 8, "word_1"),
        ("wire", 8, "word_2"),
        ("reg", 9, "word_3"),
    ]
    assert declared(wires) == ["reg [7:0] word_0, word_1;", "reg valid;", "wire [7:0] word_2;", "reg [8:0] word_3;"]


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
