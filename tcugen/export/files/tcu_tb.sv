// Test bench of the tensor compute unit: runs the program on every image and compares every element of every output.
//
// SPDX-License-Identifier: MIT-0
//
// Plain SystemVerilog for event-driven simulators; see the Makefile beside. What is run stands in
// tcu_tb_config.svh, memory.hex (program, weights, images), expected.hex and mask.hex (which bits of the outputs hold
// elements). Ends with exit status 0 only if everything is equal; results.xml tells the same in JUnit's form.
// +LATENCY=N sets the cycles from an address to its first beat, +PAUSES=1 lets memory and host pause at random.

`timescale 1ns / 1ps
`include "tcu_tb_config.svh"

module tcu_tb;
    localparam B = `TB_BUS_BYTES;
    localparam A = `TB_ADDRESS_BITS;
    localparam WORDS = `TB_MEMORY_BYTES / B;
    localparam OUTPUT_WORDS = `TB_OUTPUT_BYTES / B;

    reg aclk = 0;
    reg aresetn = 0;
    always #5 aclk = ~aclk;

    integer cycle = 0;
    integer latency = 20;
    integer pauses = 0;
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
    integer lane;

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
                for (lane = 0; lane < B; lane = lane + 1)
                    if (m_axi_wstrb[lane]) memory[write_word][8*lane+:8] <= m_axi_wdata[8*lane+:8];
                write_word <= write_word + 1;
                if (m_axi_wlast) begin
                    writing <= 0;
                    m_axi_wready <= 0;
                    m_axi_bvalid <= 1;
                end
            end
        end
    end

    // ---- Host --------------------------------------------------------------------------------------------------------

    task write_register(input [9:0] address, input [31:0] value);
        begin
            s_axil_awaddr <= address;
            s_axil_wdata <= value;
            s_axil_awvalid <= 1;
            s_axil_wvalid <= 1;
            s_axil_bready <= 1;
            @(posedge aclk);
            while (s_axil_awvalid || s_axil_wvalid) begin
                if (s_axil_awready) s_axil_awvalid <= 0;
                if (s_axil_wready) s_axil_wvalid <= 0;
                @(posedge aclk);
            end
            while (!s_axil_bvalid) @(posedge aclk);
            if (s_axil_bresp != 0) $fatal(1, "writing register 0x%03x was refused", address);
            s_axil_bready <= 0;
            @(posedge aclk);
        end
    endtask

    reg [31:0] value_read;
    task read_register(input [9:0] address);
        begin
            s_axil_araddr <= address;
            s_axil_arvalid <= 1;
            s_axil_rready <= 1;
            @(posedge aclk);
            while (s_axil_arvalid) begin
                if (s_axil_arready) s_axil_arvalid <= 0;
                @(posedge aclk);
            end
            while (!s_axil_rvalid) @(posedge aclk);
            value_read = s_axil_rdata;
            s_axil_rready <= 0;
            @(posedge aclk);
        end
    endtask

    task set_window(input [9:0] base_low, input [31:0] base, input [31:0] bytes);
        begin
            write_register(base_low, base);
            write_register(base_low + 10'd4, 0);
            write_register(base_low + 10'd8, bytes);
        end
    endtask

    integer image, word, bits, differ, failures, started, results;

    task run_image;
        begin
            differ = 0;
            set_window(`TB_REG_INPUT_BASE_LOW, `TB_INPUT_BASE + image * `TB_INPUT_STEP, `TB_INPUT_BYTES);
            set_window(`TB_REG_OUTPUT_BASE_LOW, `TB_OUTPUT_BASE + image * `TB_OUTPUT_STEP, `TB_OUTPUT_BYTES);
            write_register(`TB_REG_CONTROL, `TB_CONTROL_START);
            started = cycle;
            while (!irq && cycle - started < `TB_MAX_CYCLES) @(posedge aclk);
            if (!irq) $fatal(1, "image %0d: no interrupt after %0d cycles", image, cycle - started);
            write_register(`TB_REG_CONTROL, `TB_CONTROL_CLEAR_INTERRUPT);
            read_register(`TB_REG_STATUS);
            if (value_read != `TB_STATUS_DONE) begin
                read_register(`TB_REG_ERROR_CODE);
                $fatal(1, "image %0d: the machine stopped with error code %0d", image, value_read);
            end
            for (word = 0; word < OUTPUT_WORDS; word = word + 1)
                for (bits = 0; bits < 8 * B; bits = bits + 8)
                    if (mask[image*OUTPUT_WORDS+word][bits+:8] != 0
                        && memory[(`TB_OUTPUT_BASE+image*`TB_OUTPUT_STEP)/B+word][bits+:8]
                           !== expected[image*OUTPUT_WORDS+word][bits+:8]) begin
                        if (differ == 0)
                            $display("image %0d: byte %0d of OUTPUT is %02x, but must be %02x", image, word * B + bits / 8,
                                     memory[(`TB_OUTPUT_BASE+image*`TB_OUTPUT_STEP)/B+word][bits+:8],
                                     expected[image*OUTPUT_WORDS+word][bits+:8]);
                        differ = differ + 1;
                    end
            read_register(`TB_REG_CYCLES_LOW);
            $display("image %0d: %0d cycles, %0d bytes differ", image, value_read, differ);
            $fdisplay(results, "  <testcase classname=\"tcu_tb\" name=\"image_%0d\">", image);
            if (differ != 0) $fdisplay(results, "    <failure message=\"%0d bytes differ\"/>", differ);
            $fdisplay(results, "  </testcase>");
            if (differ != 0) failures = failures + 1;
        end
    endtask

    initial begin
        if ($value$plusargs("LATENCY=%d", latency)) $display("latency %0d", latency);
        if ($value$plusargs("PAUSES=%d", pauses)) $display("pauses %0d", pauses);
`ifdef TB_WAVES
        $dumpfile("tcu_tb.vcd");
        $dumpvars(0, tcu_tb);
`endif
        $readmemh("memory.hex", memory);
        $readmemh("expected.hex", expected);
        $readmemh("mask.hex", mask);
        failures = 0;
        results = $fopen("results.xml", "w");
        $fdisplay(results, "<testsuite name=\"tcu_tb\" tests=\"%0d\">", `TB_IMAGES);
        repeat (8) @(posedge aclk);
        aresetn <= 1;
        repeat (2) @(posedge aclk);
        read_register(`TB_REG_ARCHITECTURE);
        if (value_read != `TB_ARCHITECTURE) $fatal(1, "the Verilog is of another architecture");
        set_window(`TB_REG_PROGRAM_BASE_LOW, `TB_PROGRAM_BASE, `TB_PROGRAM_BYTES);
        set_window(`TB_REG_WEIGHTS_BASE_LOW, `TB_WEIGHTS_BASE, `TB_WEIGHTS_BYTES);
        set_window(`TB_REG_SCRATCH_BASE_LOW, `TB_SCRATCH_BASE, `TB_SCRATCH_BYTES);
        write_register(`TB_REG_WATCHDOG, 100000);
        write_register(`TB_REG_INTERRUPT_ENABLE, 1);
        for (image = 0; image < `TB_IMAGES; image = image + 1) run_image;
        $fdisplay(results, "</testsuite>");
        $fclose(results);
        if (outside != 0) $fatal(1, "%0d accesses outside of memory", outside);
        if (failures != 0) $fatal(1, "%0d of %0d images differ", failures, `TB_IMAGES);
        $display("all equal");
        $finish;
    end
endmodule
