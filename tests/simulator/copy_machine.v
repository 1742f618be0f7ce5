// A stand-in for the tensor compute unit with its ports and registers: reads window INPUT in bursts with several in
// flight, writes every byte plus one to window OUTPUT, and reports each written beat as a drain (layer 0) and as a pool
// (layer 1). The size of window SCRATCH selects a misbehaviour. Register addresses (REG_*) and FINGERPRINT are put in
// place of the marker by the test.

module tcu_top (
    input wire aclk, input wire aresetn,
    input wire [9:0] s_axil_awaddr, input wire [2:0] s_axil_awprot, input wire s_axil_awvalid, output wire s_axil_awready,
    input wire [31:0] s_axil_wdata, input wire [3:0] s_axil_wstrb, input wire s_axil_wvalid, output wire s_axil_wready,
    output wire [1:0] s_axil_bresp, output reg s_axil_bvalid, input wire s_axil_bready,
    input wire [9:0] s_axil_araddr, input wire [2:0] s_axil_arprot, input wire s_axil_arvalid, output wire s_axil_arready,
    output reg [31:0] s_axil_rdata, output wire [1:0] s_axil_rresp, output reg s_axil_rvalid, input wire s_axil_rready,
    output wire [39:0] m_axi_araddr, output wire [7:0] m_axi_arlen, output wire [2:0] m_axi_arsize,
    output wire [1:0] m_axi_arburst, output wire [2:0] m_axi_arprot, output wire m_axi_arvalid, input wire m_axi_arready,
    input wire [63:0] m_axi_rdata, input wire [1:0] m_axi_rresp, input wire m_axi_rlast, input wire m_axi_rvalid,
    output wire m_axi_rready,
    output wire [39:0] m_axi_awaddr, output wire [7:0] m_axi_awlen, output wire [2:0] m_axi_awsize,
    output wire [1:0] m_axi_awburst, output wire [2:0] m_axi_awprot, output wire m_axi_awvalid, input wire m_axi_awready,
    output wire [63:0] m_axi_wdata, output wire [7:0] m_axi_wstrb, output wire m_axi_wlast, output wire m_axi_wvalid,
    input wire m_axi_wready,
    input wire [1:0] m_axi_bresp, input wire m_axi_bvalid, output wire m_axi_bready,
    output reg irq,
    output wire trace_drain_valid, output wire [11:0] trace_drain_layer, output wire [23:0] trace_drain_address,
    output wire [63:0] trace_drain_data,
    output wire trace_pool_valid, output wire [11:0] trace_pool_layer, output wire [23:0] trace_pool_address,
    output wire [63:0] trace_pool_data,
    output wire [11:0] trace_layer
);
    // @REGISTERS@

    localparam NONE = 0, HANG = 8, ERROR = 16, CROSS = 24, OUTSIDE = 32, EARLY_DONE = 40, LATE = 48;
    localparam BURST = 16;

    reg [31:0] regs [0:255];
    reg busy, done, failed;
    reg [31:0] cycles, bytes_read, bytes_written;
    reg [15:0] ar_beat, r_beat, aw_beat, w_beat, b_burst;
    reg [63:0] store [0:4095];

    wire [31:0] mode = regs[REG_SCRATCH_SIZE / 4];
    wire [15:0] beats = regs[REG_INPUT_SIZE / 4] >> 3;
    wire [39:0] input_base = {regs[REG_INPUT_BASE_HIGH / 4][7:0], regs[REG_INPUT_BASE_LOW / 4]};
    wire [39:0] output_base = {regs[REG_OUTPUT_BASE_HIGH / 4][7:0], regs[REG_OUTPUT_BASE_LOW / 4]};

    // Host side: one write and one read at a time. In mode LATE a write to CONTROL is taken after some cycles.
    reg [2:0] waited;
    wire late = mode == LATE && s_axil_awaddr == REG_CONTROL && waited != 5;
    wire host_write = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid && !late;
    wire control_write = host_write && s_axil_awaddr == REG_CONTROL;
    wire start = control_write && s_axil_wdata[0];
    assign s_axil_awready = host_write;
    assign s_axil_wready = host_write;
    assign s_axil_bresp = 0;
    assign s_axil_arready = !s_axil_rvalid;
    assign s_axil_rresp = 0;

    // Memory side.
    wire running = busy && mode != HANG && mode != ERROR;
    wire [15:0] ar_left = beats - ar_beat, aw_left = beats - aw_beat;
    wire [7:0] ar_beats = ar_left < BURST ? ar_left : BURST, aw_beats = aw_left < BURST ? aw_left : BURST;
    assign m_axi_arvalid = running && ar_beat < beats;
    assign m_axi_araddr = input_base + ar_beat * 8 + (mode == CROSS ? 40'd4088 : mode == OUTSIDE ? 40'd4096 : 40'd0);
    assign m_axi_arlen = ar_beats - 1;
    assign m_axi_arsize = 3;
    assign m_axi_arburst = 1;
    assign m_axi_arprot = 0;
    assign m_axi_rready = 1;
    assign m_axi_awvalid = running && aw_beat < beats && r_beat >= aw_beat + aw_beats;
    assign m_axi_awaddr = output_base + aw_beat * 8;
    assign m_axi_awlen = aw_beats - 1;
    assign m_axi_awsize = 3;
    assign m_axi_awburst = 1;
    assign m_axi_awprot = 0;
    assign m_axi_wvalid = running && w_beat < aw_beat;
    assign m_axi_wstrb = 8'hff;
    assign m_axi_wlast = w_beat % BURST == BURST - 1 || w_beat == beats - 1;
    assign m_axi_bready = 1;
    genvar i;
    generate for (i = 0; i < 8; i = i + 1) begin : plus_one
        wire [7:0] source = store[w_beat[11:0]][8 * i +: 8];
        assign m_axi_wdata[8 * i +: 8] = source + 8'd1;
    end endgenerate

    wire written = m_axi_wvalid && m_axi_wready;
    assign trace_drain_valid = written;
    assign trace_drain_layer = 0;
    assign trace_drain_address = w_beat * 8;
    assign trace_drain_data = m_axi_wdata;
    assign trace_pool_valid = written;
    assign trace_pool_layer = 1;
    assign trace_pool_address = 24'h10000 + w_beat * 8;
    assign trace_pool_data = m_axi_wdata;
    assign trace_layer = 1;

    wire all_answered = b_burst == (beats + BURST - 1) / BURST;
    wire finished = mode == ERROR || (mode == EARLY_DONE ? w_beat == beats : all_answered && w_beat == beats);

    always @(posedge aclk) begin
        if (host_write) regs[s_axil_awaddr[9:2]] <= s_axil_wdata;
        waited <= s_axil_awvalid && late ? waited + 1 : 0;
        s_axil_bvalid <= host_write || (s_axil_bvalid && !s_axil_bready);
        if (s_axil_arvalid && s_axil_arready) begin
            s_axil_rvalid <= 1;
            case (s_axil_araddr)
                REG_IDENTIFICATION: s_axil_rdata <= 32'h54435531;
                REG_ARCHITECTURE: s_axil_rdata <= FINGERPRINT;
                REG_STATUS: s_axil_rdata <= {29'd0, failed, done, busy};
                REG_ERROR_CODE: s_axil_rdata <= failed ? 1 : 0;
                REG_ERROR_ADDRESS_LOW: s_axil_rdata <= failed ? 32'h00001000 : 0;
                REG_ERROR_ADDRESS_HIGH: s_axil_rdata <= failed ? 32'h00000002 : 0;
                REG_CYCLES_LOW: s_axil_rdata <= cycles;
                REG_BYTES_READ_LOW: s_axil_rdata <= bytes_read;
                REG_BYTES_WRITTEN_LOW: s_axil_rdata <= bytes_written;
                REG_BYTES_WRITTEN_HIGH: s_axil_rdata <= 32'h00000003;
                REG_LAYER_BUSY: s_axil_rdata <= 100 + regs[REG_LAYER_SELECT / 4];
                default: s_axil_rdata <= 0;
            endcase
        end else if (s_axil_rready) s_axil_rvalid <= 0;

        if (busy) cycles <= cycles + 1;
        if (m_axi_arvalid && m_axi_arready) ar_beat <= ar_beat + ar_beats;
        if (m_axi_awvalid && m_axi_awready) aw_beat <= aw_beat + aw_beats;
        if (m_axi_rvalid) begin
            store[r_beat[11:0]] <= m_axi_rdata;
            r_beat <= r_beat + 1;
            bytes_read <= bytes_read + 8;
        end
        if (written) begin
            w_beat <= w_beat + 1;
            bytes_written <= bytes_written + 8;
        end
        if (m_axi_bvalid) b_burst <= b_burst + 1;
        if (busy && mode != HANG && finished) begin
            busy <= 0;
            done <= mode != ERROR;
            failed <= mode == ERROR;
            irq <= 1;
        end
        if (control_write && s_axil_wdata[2]) irq <= 0;
        if (start) begin
            {busy, done, failed} <= 3'b100;
            cycles <= 0;
            bytes_read <= 0;
            bytes_written <= 0;
            {ar_beat, r_beat, aw_beat, w_beat, b_burst} <= 0;
        end
        if (!aresetn) begin
            {busy, done, failed, irq, s_axil_bvalid, s_axil_rvalid, waited} <= 0;
            {ar_beat, r_beat, aw_beat, w_beat, b_burst} <= 0;
        end
    end
endmodule
