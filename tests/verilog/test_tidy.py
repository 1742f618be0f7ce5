import pytest

from tcugen.verilog.text import UnknownText, parse
from tcugen.verilog.tidy import tidy
from tcugen.verilog.typeset import render

PORTS = ("clk", "rst", "a", "b", "s", "y", "q")
DECLARATIONS = """
  input clk;
  wire clk;
  input rst;
  wire rst;
  input [3:0] a;
  wire [3:0] a;
  input [3:0] b;
  wire [3:0] b;
  input s;
  wire s;
"""


def body(text: str, y: str = "wire", y_width: int = 4) -> list[str]:
    """What becomes of a module with `text` in it: its lines after the ports, without empty ones."""
    y_range = f"[{y_width - 1}:0] " if y_width > 1 else ""
    declarations = f"{DECLARATIONS}  output {y_range}y;\n  {y} {y_range}y;\n"
    declarations += "  output [3:0] q;\n  reg [3:0] q = 4'h0;\n"
    source = f"module m(rst, a, b, s, y, q, clk);{declarations}{text.rstrip()}\nendmodule\n"
    (module,) = parse(source)
    tidy(module)
    lines = render(module, "Doc.", {"m": PORTS, "k": ("i", "o", "open")}).splitlines()
    assert lines[0] == "// Doc." and lines[-1] == "endmodule"
    return [line.strip() for line in lines[lines.index(");") + 1 : -1] if line.strip()]


def test_ports_stand_in_the_order_given_and_registers_without_a_start_value():
    (module,) = parse(f"module m(b, a);{DECLARATIONS}  output [3:0] q;\n  reg [3:0] q = 4'h5;\nendmodule\n")
    text = render(module, "One.\n\nTwo.", {"m": ("clk", "a", "q")})
    assert text == (
        "// One.\n//\n// Two.\nmodule m (\n"
        "    input  wire       clk,\n    input  wire [3:0] a,\n    output reg  [3:0] q\n);\n\nendmodule\n"
    )


def test_a_value_moves_to_its_only_use():
    text = "  wire [3:0] \\$1 ;\n  assign \\$1  = a ^ b;\n  assign y = \\$1 ;"
    assert body(text) == ["assign y = a ^ b;"]


def test_a_value_that_is_used_twice_stays():
    text = "  wire [3:0] \\$1 ;\n  assign \\$1  = a ^ b;\n  assign y = \\$1 ;\n  always @(posedge clk)\n    q <= \\$1 ;"
    assert body(text) == [
        "wire [3:0] _1_;",
        "assign _1_ = a ^ b;",
        "assign y = _1_;",
        "always @(posedge clk) q <= _1_;",
    ]


@pytest.mark.parametrize(
    "width, operation, moved",
    [
        (5, "a + b", True),
        (5, "a - 1'h1", True),
        (8, "$signed(a) * $signed(b)", True),
        (5, "$signed(a) + b", False),  # unsigned as soon as it is extended
        (5, "a >> b", False),  # high bits come down
        (5, "- $signed(a)", False),
    ],
)
def test_low_bits_of_sums_move_but_of_nothing_else(width, operation, moved):
    lines = body(f"  wire [{width - 1}:0] \\$1 ;\n  assign \\$1  = {operation};\n  assign y = \\$1 [3:0];")
    assert len(lines) == (1 if moved else 3)
    assert ("_1_" in lines[-1]) != moved


@pytest.mark.parametrize(
    "operation, written",
    [
        ("a == b", "assign y = (a == b) | s;"),
        ("~ s", "assign y = !s | s;"),
        ("| a", "assign y = (|a) | s;"),
        ("! a", "assign y = (a == 4'h0) | s;"),
        ("a[0] | s", "assign y = a[0] | s | s;"),
        ("a[0] & s", "assign y = (a[0] & s) | s;"),
        ("a == 1'h1", "assign y = (a == 4'h1) | s;"),
    ],
)
def test_bits_move_into_expressions(operation, written):
    text = f"  wire \\$1 ;\n  assign \\$1  = {operation};\n  assign y = \\$1  | s;"
    assert body(text, y_width=1) == [written]


def test_a_bit_that_depends_on_its_width_stays():
    text = "  wire \\$1 ;\n  assign \\$1  = s + a[0];\n  assign y = { 3'h0, \\$1  };"
    assert body(text)[0] == "wire _1_;"


REGISTER = """\
  reg [3:0] q_next;
  always @* begin
    if (\\$auto$verilog_backend.cc:1:dump_module$1 ) begin end
    q_next = q;
    if (s) begin
      q_next = a;
    end
    if (rst) begin
      q_next = 4'h0;
    end
  end
  always @(posedge clk)
    q <= q_next;
  assign y = b;
"""


def test_a_register_is_one_block_that_begins_with_its_reset():
    assert body(REGISTER) == [
        "assign y = b;",
        "always @(posedge clk) begin",
        "if (rst) begin",
        "q <= 4'h0;",
        "end else if (s) begin",
        "q <= a;",
        "end",
        "end",
    ]


def test_a_next_value_with_other_readers_stays():
    assert "reg [3:0] q_next;" in body(REGISTER.replace("assign y = b", "assign y = q_next"))


def test_only_a_leading_hold_is_dropped():
    lines = body(REGISTER.replace("    if (rst)", "    q_next = q;\n    if (rst)"))
    assert lines[lines.index("q <= a;") + 2] == "q <= q;"


def test_what_nothing_reads_goes_and_outputs_stay_open():
    text = (
        "  wire [3:0] \\$1 ;\n  wire k_open;\n  wire [3:0] k_o;\n  reg [3:0] idle = 4'h0;\n  assign \\$1  = a;\n"
        "  always @(posedge clk)\n    idle <= k_o;\n"
        "  k u_k (\n    .o(k_o),\n    .open(k_open),\n    .i(a)\n  );\n  assign y = a;"
    )
    assert body(text) == ["k u_k (", ".i(a),", ".o(),", ".open()", ");", "assign y = a;"]


def test_a_block_that_reads_nothing_is_an_assignment():
    assert body("  always @*\n    y = 4'h3;", y="reg") == ["assign y = 4'h3;"]


def test_a_block_that_reads_nothing_joins_one_of_the_same_name():
    text = (
        "  always @*\n    y[1:0] = 2'h3;\n  always @* begin\n    y[3:2] = 2'h0;\n    if (s) begin\n"
        "      y[3:2] = a[1:0];\n    end\n  end"
    )
    assert body(text, y="reg")[:3] == ["always @* begin", "y[1:0] = 2'h3;", "y[3:2] = 2'h0;"]


def test_a_memory_of_zeros_starts_without_contents():
    text = (
        "  reg [3:0] store [1:0];\n  initial begin\n    store[0] = 4'h0;\n    store[1] = 4'h0;\n"
        "  end\n  assign y = store[s];"
    )
    assert body(text) == ["reg [3:0] store [1:0];", "assign y = store[s];"]


def test_contents_of_a_memory_are_kept():
    text = (
        "  reg [3:0] rom [1:0];\n  initial begin\n    rom[0] = 4'h1;\n    rom[1] = 4'h2;\n  end\n  assign y = rom[s];"
    )
    assert {"rom[0] = 4'h1;", "rom[1] = 4'h2;"} <= set(body(text))


def test_escaped_names_become_plain_ones_that_are_free():
    text = (
        "  wire [3:0] \\d$2 ;\n  wire [3:0] d_2;\n"
        "  assign \\d$2  = a & b;\n  assign d_2 = a | b;\n  assign y = \\d$2  + d_2;"
    )
    assert body(text)[-1] == "assign y = d_2_ + d_2;"


def test_unknown_text_is_quoted():
    with pytest.raises(UnknownText, match="module m: '  specify'; teach text.py"):
        body("  specify\n  endspecify")
