import pytest

from tcugen.verilog.statements import parse, write
from tcugen.verilog.text import UnknownText

FULL = "(* full_case = 32'd1 *)"


def rewritten(text: str) -> list[str]:
    return list(write(parse(text.strip().splitlines()), lambda value: value, "  "))


def test_branches_of_an_if():
    text = """
    if (a) begin
      x = 1'h0;
    end else if (b) begin
    end else begin
      x = c;
    end
    """
    assert rewritten(text) == [
        "if (a) begin",
        "  x = 1'h0;",
        "end else if (b) begin",
        "end else begin",
        "  x = c;",
        "end",
    ]


def test_an_if_alone_in_an_else_continues_the_chain():
    text = "if (a) begin\nx = b;\nend else begin\nif (c) begin\nx = d;\nend\nend"
    assert rewritten(text) == ["if (a) begin", "  x = b;", "end else if (c) begin", "  x = d;", "end"]


def test_an_if_that_only_has_an_else_is_turned_round():
    assert rewritten("if (a) begin\nend else begin\nx = b;\nend") == ["if (!a) begin", "  x = b;", "end"]
    assert rewritten("if (a & b) begin\nend else begin\nx = b;\nend")[0] == "if (!(a & b)) begin"


def test_empty_last_branches_go():
    assert rewritten("if (a) begin\nx <= b;\nend else if (c) begin\nend") == ["if (a) begin", "  x <= b;", "end"]


def test_a_case_that_covers_everything_ends_with_its_default():
    text = f"{FULL}\ncasez (s)\n1'h0:\nx = a;\n1'h1:\nx = b;\nendcase"
    assert rewritten(text) == ["case (s)", "  1'h0: x = a;", "  default: x = b;", "endcase"]


def test_a_case_that_does_not_keeps_its_labels_and_loses_empty_ones():
    text = "casez (s)\n2'h0:\n/* empty */;\n2'h1, 2'h2:\nbegin\nx = a;\ny = b;\nend\nendcase"
    assert rewritten(text) == [
        "case (s)",
        "  2'h1, 2'h2: begin",
        "    x = a;",
        "    y = b;",
        "  end",
        "  default: ;",
        "endcase",
    ]


def test_wildcards_keep_order_and_empty_branches():
    text = "casez (s)\n2'b1?:\n/* empty */;\n2'b?1:\nx = a;\nendcase"
    assert rewritten(text) == ["casez (s)", "  2'b1?: ;", "  2'b?1: x = a;", "  default: ;", "endcase"]


def test_neighbours_that_do_the_same_share_a_branch():
    text = "casez (s)\n2'h0:\nx = a;\n2'h1:\nx = a;\n2'h2:\nx = b;\nendcase"
    assert rewritten(text)[1:3] == ["  2'h0, 2'h1: x = a;", "  2'h2: x = b;"]


def test_an_empty_case_is_nothing():
    assert rewritten("casez (s)\n1'h0:\n/* empty */;\nendcase") == []


def test_the_attribute_of_a_case_without_selector_belongs_to_nothing_else():
    text = f"{FULL}\n\ncasez (s)\n1'h0:\nx = a;\nendcase"
    assert rewritten(text) == ["case (s)", "  1'h0: x = a;", "  default: ;", "endcase"]


def test_values_pass_through_the_function():
    assert list(write(parse(["if (a)", "x <= b;"]), str.upper)) == ["if (A) begin", "    x <= B;", "end"]


@pytest.mark.parametrize(
    "text, message", [("wait (a);", "'wait"), ("if (a) begin\nx = b;", "'end' is missing before ''")]
)
def test_other_text_is_refused(text, message):
    with pytest.raises(UnknownText, match=message):
        parse(text.splitlines())
