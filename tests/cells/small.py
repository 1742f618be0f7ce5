"""A machine of a few hundred cells in Verilog, and runs of it."""

import subprocess
from pathlib import Path

TOP = """
module tcu_sum (input wire clk, input wire rst, input wire en, input wire [3:0] a, input wire [3:0] b,
                output reg [9:0] sum);
    wire [7:0] product = a * b;
    always @(posedge clk)
        if (rst) sum <= 10'h0;
        else if (en) sum <= sum + product;
endmodule

module tcu_queue (input wire clk, input wire rst, input wire push, input wire [3:0] data, input wire [1:0] read,
                  output wire [3:0] word);
    reg [3:0] storage [0:3];
    reg [1:0] level;
    always @(posedge clk) begin
        if (rst) level <= 2'h0;
        else if (push) level <= level + 2'h1;
        if (push) storage[level] <= data;
    end
    assign word = storage[read];
endmodule

module tcu_top (input wire aclk, input wire aresetn, input wire en, input wire [3:0] a, input wire [3:0] b,
                output wire [9:0] sum, output wire [9:0] sums, output wire [3:0] word, output wire trace_level);
    wire rst = !aresetn;
    reg [3:0] a_held, b_held;
    wire [15:0] ring_word;
    reg [3:0] curve;
    always @*
        case (a_held)
            4'd0: curve = 4'd3;
            4'd1: curve = 4'd1;
            4'd2: curve = 4'd4;
            4'd3: curve = 4'd1;
            4'd4: curve = 4'd5;
            4'd5: curve = 4'd9;
            4'd6: curve = 4'd2;
            4'd7: curve = 4'd6;
            4'd8: curve = 4'd5;
            4'd9: curve = 4'd3;
            4'd10: curve = 4'd5;
            4'd11: curve = 4'd8;
            4'd12: curve = 4'd9;
            4'd13: curve = 4'd7;
            4'd14: curve = 4'd9;
            4'd15: curve = 4'd3;
        endcase
    always @(posedge aclk) begin
        a_held <= a;
        b_held <= b;
    end
    tcu_sum u_sum (.clk(aclk), .rst(rst), .en(en), .a(a_held), .b(b_held), .sum(sum));
    tcu_sum u_sums (.clk(aclk), .rst(rst), .en(en), .a(sum[3:0]), .b({curve[3:1], 1'h1}), .sum(sums));
    tcu_sram_1r1w #(.WIDTH(16), .DEPTH(32), .GRANULARITY(8), .ADDRESS_BITS(5)) u_ring (
        .clk(aclk), .read_en(en), .read_addr({1'h0, a_held}), .read_data(ring_word), .write_en({en, en}),
        .write_addr(5'h1f), .write_data({a, b, b, a}));
    tcu_queue u_queue (.clk(aclk), .rst(rst), .push(en), .data(ring_word[3:0]), .read(b_held[1:0]), .word(word));
    assign trace_level = sum[0];
endmodule
"""
FLIP_FLOPS = {"tcu_sum": 20, "tcu_queue": 2, "tcu_top": 8}
MEMORY_BITS = {"tcu_sum": 0, "tcu_queue": 4 * 4, "tcu_top": 16 * 32}
CYCLES = 200

BENCH = """
module TOP;
    reg clk = 0, rstn = 0, en = 0;
    reg [3:0] a = 0, b = 0;
    wire [9:0] sum, sums;
    %s
    integer cycle, seed = 7;
    initial begin
        %s
        for (cycle = 0; cycle < %d; cycle = cycle + 1) begin
            rstn = cycle > 2;
            en = $random(seed);
            a = $random(seed);
            b = $random(seed);
            #1 clk = 1;
            #1 clk = 0;
            if (cycle > 3) $display("%%h %%h", sum, sums);
        end
    end
endmodule
"""


def write(folder: Path, memory: Path) -> None:
    """The machine's two files."""
    folder.mkdir(exist_ok=True)
    (folder / "tcu_top.v").write_text(TOP)
    (folder / "tcu_sram_1r1w.v").write_text(memory.read_text())


def simulated(folder: Path, instance: str, *files: Path, waves: str | None = None) -> list[str]:
    """Both sums in every cycle, of the machine as `instance`; with waves of the whole."""
    dump = f'$dumpfile("{waves}"); $dumpvars(0, TOP);' if waves else ""
    (folder / "bench.v").write_text(BENCH % (instance, dump, CYCLES))
    subprocess.run(["iverilog", "-g2005", "-o", "bench", "-s", "TOP", "bench.v", *files], cwd=folder, check=True)
    done = subprocess.run(["vvp", "bench"], cwd=folder, check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if len(line.split()) == 2]
