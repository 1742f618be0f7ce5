// The memories of memory_map.v, as Yosys is to know them: ports and parameters only.
module tcu_words #(
    parameter WIDTH = 1,
    parameter DEPTH = 1,
    parameter ABITS = 1,
    parameter RD_PORTS = 1,
    parameter WR_PORTS = 1
) (
    input [RD_PORTS-1:0] read_clk, read_en,
    input [RD_PORTS*ABITS-1:0] read_addr,
    output [RD_PORTS*WIDTH-1:0] read_data,
    input [WR_PORTS-1:0] write_clk,
    input [WR_PORTS*WIDTH-1:0] write_en, write_data,
    input [WR_PORTS*ABITS-1:0] write_addr
);
endmodule
