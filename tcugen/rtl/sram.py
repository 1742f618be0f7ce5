"""The one kind of memory the machine uses: one read and one write port, registered output."""

from amaranth.hdl import Cat, ClockSignal, Instance, Module, Mux, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import bits_for

VERILOG_MODULE = "tcu_sram_1r1w"

VERILOG_PORTS = ("clk", "read_en", "read_addr", "read_data", "write_en", "write_addr", "write_data")

VERILOG = f"""\
// One read, one write port, registered output; maps to block RAM. read_data keeps its value while read_en is 0.
// A read of lanes that are being written returns nothing defined, which spares synthesis the logic that would define
// it. Nobody does that; in simulation such lanes read as X.
module {VERILOG_MODULE} #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter GRANULARITY = 8,
    parameter ADDRESS_BITS = 4
) (
    input  wire                         clk,
    input  wire                         read_en,
    input  wire [ADDRESS_BITS-1:0]      read_addr,
    output reg  [WIDTH-1:0]             read_data,
    input  wire [WIDTH/GRANULARITY-1:0] write_en,
    input  wire [ADDRESS_BITS-1:0]      write_addr,
    input  wire [WIDTH-1:0]             write_data
);
    (* no_rw_check *)
    reg [WIDTH-1:0] words [0:DEPTH-1];
`ifdef SYNTHESIS
    always @(posedge clk)
        if (read_en) read_data <= words[read_addr];
`else
    wire [WIDTH-1:0] written;
    genvar part;
    generate
        for (part = 0; part < WIDTH/GRANULARITY; part = part + 1) begin : parts
            assign written[part*GRANULARITY +: GRANULARITY] = {{GRANULARITY{{write_en[part]}}}};
        end
    endgenerate
    always @(posedge clk)
        if (read_en)
            read_data <= read_addr == write_addr ? (words[read_addr] & ~written) | ({{WIDTH{{1'bx}}}} & written)
                                                 : words[read_addr];
`endif
    generate
        if (WIDTH == GRANULARITY) begin : whole
            always @(posedge clk)
                if (write_en) words[write_addr] <= write_data;
        end else begin : lanes
            integer lane;
            always @(posedge clk)
                if (|write_en) begin
                    // A loop costs a simulator nothing in the cycles without a write, one statement per lane does.
                    /* verilator unroll_disable */
                    for (lane = 0; lane < WIDTH/GRANULARITY; lane = lane + 1)
                        if (write_en[lane])
                            words[write_addr][lane*GRANULARITY +: GRANULARITY]
                                <= write_data[lane*GRANULARITY +: GRANULARITY];
                end
        end
    endgenerate
endmodule
"""


class Sram(Component):
    """Synchronous memory of `depth` words of `width` bits.

    Reading: `read_data` holds word `read_addr` from the cycle after `read_en` until the cycle after the next
    `read_en`. Writing: lane i of `granularity` bits is stored when `write_en[i]` is 1. Lanes that are read and written
    in one cycle read as nothing defined: block RAMs differ there, and to make them alike costs logic. Contents are not
    reset.

    For the emitter, whose platform has the attribute `sram_instances`, it becomes an instance of `tcu_sram_1r1w`;
    otherwise Amaranth's own memory, which its simulator can run. There, lanes that are not defined read inverted.

    Raises:
        ValueError: If width or depth is not positive, or granularity does not divide width.
    """

    read_en: Signal
    read_addr: Signal
    read_data: Signal
    write_en: Signal
    write_addr: Signal
    write_data: Signal

    def __init__(self, width: int, depth: int, granularity: int | None = None):
        granularity = granularity or width
        if width <= 0 or depth <= 0 or width % granularity:
            raise ValueError(
                f"memory of {depth} words of {width} bits in lanes of {granularity} bits: sizes must be positive and "
                "the lane must divide the word"
            )
        self.width, self.depth, self.granularity = width, depth, granularity
        super().__init__(
            {
                "read_en": In(1),
                "read_addr": In(bits_for(depth)),
                "read_data": Out(width),
                "write_en": In(width // granularity),
                "write_addr": In(bits_for(depth)),
                "write_data": In(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if getattr(platform, "sram_instances", False):
            m.submodules.memory = Instance(
                VERILOG_MODULE,
                p_WIDTH=self.width,
                p_DEPTH=self.depth,
                p_GRANULARITY=self.granularity,
                p_ADDRESS_BITS=bits_for(self.depth),
                i_clk=ClockSignal(),
                i_read_en=self.read_en,
                i_read_addr=self.read_addr,
                o_read_data=self.read_data,
                i_write_en=self.write_en,
                i_write_addr=self.write_addr,
                i_write_data=self.write_data,
            )
            return m
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=[])
        write = memory.write_port(granularity=self.granularity)
        read = memory.read_port()
        undefined = Signal(self.width)
        with m.If(self.read_en):
            lanes = Cat(lane.replicate(self.granularity) for lane in self.write_en)
            m.d.sync += undefined.eq(Mux(self.read_addr == self.write_addr, lanes, 0))
        m.d.comb += [
            read.en.eq(self.read_en),
            read.addr.eq(self.read_addr),
            self.read_data.eq(read.data ^ undefined),
            write.en.eq(self.write_en),
            write.addr.eq(self.write_addr),
            write.data.eq(self.write_data),
        ]
        return m
