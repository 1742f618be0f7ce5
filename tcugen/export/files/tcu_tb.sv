// Test bench of the tensor compute unit: runs the program on every image and compares every element of every output.
//
// SPDX-License-Identifier: MIT-0
//
// Plain SystemVerilog for Icarus Verilog and Verilator; see the Makefile beside. What is run stands in
// tcu_tb_config.svh, memory.hex (program, weights, images), expected.hex and mask.hex (which bits of the outputs hold
// elements). Ends with exit status 0 only if everything is equal; results_icarus.xml or
// results_verilator.xml (results.xml in other simulators) tells the same in JUnit's form.
// +LATENCY=N sets the cycles from an address to its first beat, +PAUSES=1 lets memory and host pause at random. A run
// that has not ended after +LIMIT=N cycles is given up.
//
// All that drives the unit is clocked. A host of an initial block and tasks that wait for the clock would assign its
// outputs there, which Verilator does at once and not after the edge: the unit could miss them.

`timescale 1ns / 1ps
`include "tcu_tb_config.svh"

`ifdef VERILATOR
`define TB_RESULTS "results_verilator.xml"
`elsif __ICARUS__
`define TB_RESULTS "results_icarus.xml"
`else
`define TB_RESULTS "results.xml"
`endif

module tcu_tb;
    localparam B = `TB_BUS_BYTES;
    localparam A = `TB_ADDRESS_BITS;
    localparam WORDS = `TB_MEMORY_BYTES / B;
    localparam OUTPUT_WORDS = `TB_OUTPUT_BYTES / B;

    integer cycle = 0;
    reg aclk = 0;
    wire aresetn = cycle >= 8;
    always #5 aclk = ~aclk;

    integer latency = 20;
    integer pauses = 0;
    integer limit = `TB_MAX_CYCLES;
    reg [31:0] random = 32'd1;
    always @(posedge aclk) begin
        cycle <= cycle + 1;
        random <= {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};
    end
    wire pause = pauses != 0 && random[1:0] == 2'd0;

    // ---- Ports ------------------------------------------------------------------------------------------------------

    reg [9:0] s_axil_awaddr = 0, s_axil_araddr = 0;
    reg s_axil_awvalid = 0, s_axil_wvalid = 0, s_axil_bready = 0, s_axil_arvalid = 0, s_axil_rready = 0;
    reg [31:0] s_axil_wdata = 0;
    wire s_axil_awready, s_axil_wready, s_axil_bvalid, s_axil_arready, s_axil_rvalid;
    wire [1:0] s_axil_bresp, s_axil_rresp;
    wire [31:0] s_axil_rdata;

    wire m_axi_arid, m_axi_awid;
    wire [A-1:0] m_axi_araddr, m_axi_awaddr;
    wire [7:0] m_axi_arlen, m_axi_awlen;
    wire m_axi_arvalid, m_axi_awvalid, m_axi_wvalid, m_axi_wlast, m_axi_rready, m_axi_bready;
    wire [8*B-1:0] m_axi_wdata;
    wire [B-1:0] m_axi_wstrb;
    reg m_axi_arready = 0, m_axi_rvalid = 0, m_axi_rlast = 0, m_axi_awready = 0, m_axi_wready = 0, m_axi_bvalid = 0;
    reg [8*B-1:0] m_axi_rdata = 0;
    reg m_axi_rid = 0, m_axi_bid = 0;
    reg [1:0] m_axi_rresp = 0, m_axi_bresp = 0;
    wire irq;

    tcu_top dut (
        .aclk(aclk), .aresetn(aresetn), .irq(irq),
        .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(3'd0), .s_axil_awvalid(s_axil_awvalid),
        .s_axil_awready(s_axil_awready), .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(4'd15),
        .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready), .s_axil_bresp(s_axil_bresp),
        .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready), .s_axil_araddr(s_axil_araddr),
        .s_axil_arprot(3'd0), .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
        .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp), .s_axil_rvalid(s_axil_rvalid),
        .s_axil_rready(s_axil_rready),
        .m_axi_arid(m_axi_arid), .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen), .m_axi_arsize(),
        .m_axi_arburst(), .m_axi_arprot(), .m_axi_arcache(), .m_axi_arvalid(m_axi_arvalid),
        .m_axi_arready(m_axi_arready), .m_axi_rid(m_axi_rid), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp),
        .m_axi_rlast(m_axi_rlast), .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready),
        .m_axi_awid(m_axi_awid), .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen), .m_axi_awsize(),
        .m_axi_awburst(), .m_axi_awprot(), .m_axi_awcache(), .m_axi_awvalid(m_axi_awvalid),
        .m_axi_awready(m_axi_awready), .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb),
        .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready), .m_axi_bid(m_axi_bid),
        .m_axi_bresp(m_axi_bresp), .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready),
        .trace_drain_valid(), .trace_drain_layer(), .trace_drain_address(), .trace_drain_data(), .trace_pool_valid(),
        .trace_pool_layer(), .trace_pool_address(), .trace_pool_data(), .trace_layer()
    );

    // ---- Memory: one read and one write burst at a time --------------------------------------------------------------

    reg [8*B-1:0] memory [0:WORDS-1];
    reg [8*B-1:0] expected [0:`TB_IMAGES*OUTPUT_WORDS-1];
    reg [8*B-1:0] mask [0:`TB_IMAGES*OUTPUT_WORDS-1];

    reg reading = 0;
    reg [A-1:0] read_word = 0;
    integer read_beats = 0;
    integer read_wait = 0;
    integer outside = 0;

    always @(posedge aclk) begin
        m_axi_arready <= 0;
        if (m_axi_arvalid && m_axi_arready) begin
            reading <= 1;
            read_word <= m_axi_araddr / B;
            read_beats <= {24'd0, m_axi_arlen} + 1;
            read_wait <= latency;
        end else if (!reading) begin
            m_axi_arready <= !pause;
        end else if (read_wait > 0) begin
            read_wait <= read_wait - 1;
        end else if (!m_axi_rvalid || m_axi_rready) begin
            if (m_axi_rvalid && m_axi_rlast) begin
                m_axi_rvalid <= 0;
                m_axi_rlast <= 0;
                reading <= 0;
            end else if (pause) begin
                m_axi_rvalid <= 0;
            end else begin
                if (read_word >= WORDS) outside <= outside + 1;
                m_axi_rvalid <= 1;
                m_axi_rdata <= memory[read_word];
                m_axi_rlast <= read_beats == 1;
                read_beats <= read_beats - 1;
                read_word <= read_word + 1;
            end
        end
    end

    reg writing = 0;
    reg [A-1:0] write_word = 0;

    function [8*B-1:0] merged(input [8*B-1:0] old, input [8*B-1:0] data, input [B-1:0] strobe);
        integer lane;
        for (lane = 0; lane < B; lane = lane + 1)
            merged[8*lane+:8] = strobe[lane] ? data[8*lane+:8] : old[8*lane+:8];
    endfunction

    always @(posedge aclk) begin
        m_axi_awready <= 0;
        m_axi_wready <= 0;
        if (m_axi_bvalid && m_axi_bready) m_axi_bvalid <= 0;
        if (m_axi_awvalid && m_axi_awready) begin
            writing <= 1;
            write_word <= m_axi_awaddr / B;
        end else if (!writing) begin
            m_axi_awready <= !pause && !m_axi_bvalid;
        end else begin
            m_axi_wready <= !pause;
            if (m_axi_wvalid && m_axi_wready) begin
                if (write_word >= WORDS) outside <= outside + 1;
                memory[write_word] <= merged(memory[write_word], m_axi_wdata, m_axi_wstrb);
                write_word <= write_word + 1;
                if (m_axi_wlast) begin
                    writing <= 0;
                    m_axi_wready <= 0;
                    m_axi_bvalid <= 1;
                end
            end
        end
    end

    // ---- Host: reads and writes registers, one after the other, as the table says -----------------------------------

    localparam [1:0] WRITE = 0, READ = 1, WAIT = 2;
    localparam SETTINGS = 12, ALL = 24;  // number of steps before the first image and with it
    localparam REGISTER_CYCLES = 10000;  // limit of one access

    integer image = 0;
    integer step = 0;

    // What a step does: kind, register, value to write.
    function [43:0] step_of(input integer number, input integer at);
        case (number)
            0: step_of = {READ, `TB_REG_ARCHITECTURE, 32'd0};
            1: step_of = {WRITE, `TB_REG_PROGRAM_BASE_LOW, `TB_PROGRAM_BASE};
            2: step_of = {WRITE, `TB_REG_PROGRAM_BASE_HIGH, 32'd0};
            3: step_of = {WRITE, `TB_REG_PROGRAM_SIZE, `TB_PROGRAM_BYTES};
            4: step_of = {WRITE, `TB_REG_WEIGHTS_BASE_LOW, `TB_WEIGHTS_BASE};
            5: step_of = {WRITE, `TB_REG_WEIGHTS_BASE_HIGH, 32'd0};
            6: step_of = {WRITE, `TB_REG_WEIGHTS_SIZE, `TB_WEIGHTS_BYTES};
            7: step_of = {WRITE, `TB_REG_SCRATCH_BASE_LOW, `TB_SCRATCH_BASE};
            8: step_of = {WRITE, `TB_REG_SCRATCH_BASE_HIGH, 32'd0};
            9: step_of = {WRITE, `TB_REG_SCRATCH_SIZE, `TB_SCRATCH_BYTES};
            10: step_of = {WRITE, `TB_REG_WATCHDOG, 32'd100000};
            11: step_of = {WRITE, `TB_REG_INTERRUPT_ENABLE, 32'd1};
            12: step_of = {WRITE, `TB_REG_INPUT_BASE_LOW, `TB_INPUT_BASE + at * `TB_INPUT_STEP};
            13: step_of = {WRITE, `TB_REG_INPUT_BASE_HIGH, 32'd0};
            14: step_of = {WRITE, `TB_REG_INPUT_SIZE, `TB_INPUT_BYTES};
            15: step_of = {WRITE, `TB_REG_OUTPUT_BASE_LOW, `TB_OUTPUT_BASE + at * `TB_OUTPUT_STEP};
            16: step_of = {WRITE, `TB_REG_OUTPUT_BASE_HIGH, 32'd0};
            17: step_of = {WRITE, `TB_REG_OUTPUT_SIZE, `TB_OUTPUT_BYTES};
            18: step_of = {WRITE, `TB_REG_CONTROL, `TB_CONTROL_START};
            19: step_of = {WAIT, 10'd0, 32'd0};
            20: step_of = {WRITE, `TB_REG_CONTROL, `TB_CONTROL_CLEAR_INTERRUPT};
            21: step_of = {READ, `TB_REG_ERROR_CODE, 32'd0};
            22: step_of = {READ, `TB_REG_STATUS, 32'd0};
            default: step_of = {READ, `TB_REG_CYCLES_LOW, 32'd0};
        endcase
    endfunction

    wire [1:0] kind;
    wire [9:0] address;
    wire [31:0] value;
    assign {kind, address, value} = step_of(step, image);

    reg issued = 0;   // the access of this step is on the bus
    reg ended = 0;    // nothing more to do: the simulator stops
    integer waited = 0;
    integer failures = 0;
    integer results;
    reg [31:0] error_code = 0;

    wire answered = kind == WAIT ? irq : issued && (kind == WRITE ? s_axil_bvalid : s_axil_rvalid);
    wire late = waited >= (kind == WAIT ? limit : REGISTER_CYCLES);

    always @(posedge aclk) begin
        if (s_axil_awready) s_axil_awvalid <= 0;
        if (s_axil_wready) s_axil_wvalid <= 0;
        if (s_axil_arready) s_axil_arvalid <= 0;
        if (aresetn && !ended) begin
            waited <= waited + 1;
            if (answered) begin
                issued <= 0;
                waited <= 0;
                s_axil_bready <= 0;
                s_axil_rready <= 0;
                act;
            end else if (late) begin
                abandon("cycles without an answer of the unit:", waited);
            end else if (!issued && kind != WAIT && !pause) begin
                issued <= 1;
                s_axil_awaddr <= address;
                s_axil_wdata <= value;
                s_axil_araddr <= address;
                s_axil_awvalid <= kind == WRITE;
                s_axil_wvalid <= kind == WRITE;
                s_axil_bready <= kind == WRITE;
                s_axil_arvalid <= kind == READ;
                s_axil_rready <= kind == READ;
            end
        end
    end

    // What the answer to a step leads to.
    task act;
        begin
            step <= step + 1;
            if (kind == WRITE && s_axil_bresp != 0) abandon("a write was refused, of register", {22'd0, address});
            else if (kind == READ && s_axil_rresp != 0) abandon("a read was refused, of register", {22'd0, address});
            else if (step == 0 && s_axil_rdata != `TB_ARCHITECTURE) abandon("the Verilog is of architecture", s_axil_rdata);
            else if (step == 21) error_code <= s_axil_rdata;
            else if (step == 22 && s_axil_rdata != `TB_STATUS_DONE) abandon("the unit stopped with error code", error_code);
            else if (step == ALL - 1) begin
                compare(s_axil_rdata);
                step <= SETTINGS;
                image <= image + 1;
                if (image == `TB_IMAGES - 1) conclude;
            end
        end
    endtask

    integer word, bits, differ;
    reg [8*B-1:0] got, right, element;

    task compare(input [31:0] cycles);
        begin
            differ = 0;
            for (word = 0; word < OUTPUT_WORDS; word = word + 1) begin
                got = memory[(`TB_OUTPUT_BASE+image*`TB_OUTPUT_STEP)/B+word];
                right = expected[image*OUTPUT_WORDS+word];
                element = mask[image*OUTPUT_WORDS+word];
                for (bits = 0; bits < 8 * B; bits = bits + 8)
                    if (element[bits+:8] != 0 && got[bits+:8] !== right[bits+:8]) begin
                        if (differ == 0)
                            $display("image %0d: byte %0d of OUTPUT is %02x, but must be %02x", image, word * B + bits / 8,
                                     got[bits+:8], right[bits+:8]);
                        differ = differ + 1;
                    end
            end
            $display("image %0d: %0d cycles, %0d bytes differ", image, cycles, differ);
            $fdisplay(results, "  <testcase classname=\"tcu_tb\" name=\"image_%0d\">", image);
            if (differ != 0) $fdisplay(results, "    <failure message=\"%0d bytes differ\"/>", differ);
            $fdisplay(results, "  </testcase>");
            if (differ != 0) failures = failures + 1;
        end
    endtask

    task conclude;
        begin
            ended <= 1;
            if (outside != 0) begin
                abandon("accesses outside of memory:", outside);
            end else begin
                close;
                if (failures != 0) $fatal(1, "%0d of %0d images differ", failures, `TB_IMAGES);
                $display("all equal");
                $finish;
            end
        end
    endtask

    task abandon(input [8*48-1:0] what, input [31:0] number);
        begin
            ended <= 1;
            $fdisplay(results, "  <testcase classname=\"tcu_tb\" name=\"run\">");
            $fdisplay(results, "    <failure message=\"image %0d: %0s %0d\"/>", image, what, number);
            $fdisplay(results, "  </testcase>");
            close;
            $fatal(1, "image %0d: %0s %0d", image, what, number);
        end
    endtask

    task close;
        begin
            $fdisplay(results, "</testsuite>");
            $fclose(results);
        end
    endtask

    initial begin
        if ($value$plusargs("LATENCY=%d", latency)) $display("latency %0d", latency);
        if ($value$plusargs("PAUSES=%d", pauses)) $display("pauses %0d", pauses);
        if ($value$plusargs("LIMIT=%d", limit)) $display("limit %0d", limit);
`ifdef TB_WAVES
        $dumpfile("tcu_tb.vcd");
        $dumpvars(0, tcu_tb);
`endif
        $readmemh("memory.hex", memory);
        $readmemh("expected.hex", expected);
        $readmemh("mask.hex", mask);
        results = $fopen(`TB_RESULTS, "w");
        $fdisplay(results, "<testsuite name=\"tcu_tb\">");
    end
endmodule
