"""The wrapper around a machine, names of wires, and nextpnr's report."""

import shutil
import subprocess

import pytest

from tcugen.fpga.errors import ToolError
from tcugen.fpga.placement import Step, read_report, signal_name
from tcugen.fpga.wrapper import Port, wrapper_verilog

PORTS = (Port("aclk", True, 1), Port("a", True, 3), Port("b", True, 1), Port("sum", False, 4), Port("odd", False, 1))

MACHINE = """
module machine_top(input wire aclk, input wire [2:0] a, input wire b, output reg [3:0] sum, output wire odd);
    always @(posedge aclk) sum <= a + b;
    assign odd = a[0];
endmodule
"""

BENCH = """
module bench;
    reg clk = 0, data_in = 0, load = 0;
    wire data_out;
    wrapper dut(clk, data_in, load, data_out);
    integer i;
    reg [3:0] sent; reg [4:0] got;
    task tick; begin #1 clk = 1; #1 clk = 0; end endtask
    initial begin
        // a = 5 is the lower three bits, b = 1 the upper one: the last bit sent is a[0].
        sent = 4'b1101;
        for (i = 3; i >= 0; i = i - 1) begin data_in = sent[i]; load = i == 0; tick; end
        load = 0; tick; tick; tick;
        load = 1; tick; load = 0; tick;
        for (i = 0; i < 5; i = i + 1) begin tick; got[i] = data_out; end
        $display("sum %0d odd %0d", got[3:0], got[4]);
    end
endmodule
"""


def test_what_is_shifted_in_reaches_the_ports_and_what_they_say_is_shifted_out(tmp_path):
    text = wrapper_verilog("machine_top", PORTS)
    behind_black_box = text[text.index("module wrapper") :]
    (tmp_path / "all.v").write_text(behind_black_box + MACHINE + BENCH)
    command = [shutil.which("iverilog"), "-g2005", "-Wall", "-o", "bench", "-s", "bench", "all.v"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "warning" not in built.stderr.replace("timescale", "")
    done = subprocess.run(["vvp", "bench"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "sum 6 odd 1"


def test_the_machine_is_a_black_box_with_all_its_ports():
    text = wrapper_verilog("machine_top", PORTS)
    assert text.startswith("(* blackbox *)\nmodule machine_top (input wire [0:0] aclk, input wire [2:0] a,")


def test_a_machine_without_outputs_cannot_be_wrapped():
    with pytest.raises(ValueError, match="3 bits in and 0 bits out"):
        wrapper_verilog("m", PORTS[:2])


@pytest.mark.parametrize(
    "net, name",
    [
        ("machine.u_core.u_reader.request", "core.reader.request"),
        ("machine.u_core.u_reader.request[3]", "core.reader.request[3]"),
        ("machine.u_core.u_pool.taps_LUT4_A_Z[2]", "core.pool.taps"),
        ("machine.u_core.u_pool.taps_PFUMX_ALUT_Z_LUT4_Z_1_D", "core.pool.taps"),
        ("machine.u_core.u_drain.step_CCU2C_S0_COUT[4]", "core.drain.step"),
        ("machine.u_core.u_array.product_0_1_MULT18X18D_P7", "core.array.product_0_1"),
        ("$abc$1234$n55", ""),
        ("machine.$auto$alumacc.cc:485:replace_alu$99", ""),
    ],
)
def test_names_are_those_of_the_verilog(net, name):
    assert signal_name(net) == name


def path(*elements):
    return [{"type": kind, "delay": delay} | ({"net": net} if net else {}) for kind, delay, net in elements]


REPORT = {
    "fmax": {"clk": {"achieved": 61.234567, "constraint": 100}},
    "utilization": {"TRELLIS_COMB": {"used": 7, "available": 9}, "DCUA": {"used": 0, "available": 1}},
    "critical_paths": [
        {"from": "<async>", "to": "posedge clk", "path": path(("routing", 9, "machine.u_x.y"))},
        {
            "from": "posedge clk",
            "to": "posedge clk",
            "path": path(
                ("clk-to-q", 0.5, None), ("routing", 1.0, "machine.u_a.b"), ("logic", 0.25, None),
                ("routing", 0.5, "$abc$1"), ("logic", 0.25, None), ("routing", 2.0, "machine.u_c.d_LUT4_A_Z"),
                ("logic", 0.25, None), ("routing", 1.0, "machine.u_c.d"), ("setup", 0.5, None),
            ),
        },
    ],
}  # fmt: skip


def test_the_report_has_clock_path_and_use():
    placed = read_report(REPORT)
    assert placed.fmax_mhz == 61.23
    assert placed.path == (Step("a.b", 1.5), Step("c.d", 4.75))
    assert sum(step.delay_ns for step in placed.path) == 0.5 + 1 + 0.25 + 0.5 + 0.25 + 2 + 0.25 + 1 + 0.5
    assert placed.used == {"TRELLIS_COMB": 7}


def test_a_report_without_clock_is_refused():
    with pytest.raises(ToolError, match="no clock"):
        read_report(REPORT | {"fmax": {}})
