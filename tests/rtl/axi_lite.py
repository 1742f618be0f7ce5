"""An AXI4-Lite master for benches; `dut` has the members of `tcugen.rtl.host.Host`."""


async def write(ctx, dut, address: int, data: int, strobes: int = 15, order: int = 0, wait: int = 0) -> int:
    """One write; `order` > 0 delays the data by that many cycles, < 0 the address. Returns BRESP."""
    delay_address, delay_data = max(0, -order), max(0, order)
    sent_address = sent_data = False
    response = None
    for cycle in range(100):
        ctx.set(dut.awvalid, not sent_address and cycle >= delay_address)
        ctx.set(dut.wvalid, not sent_data and cycle >= delay_data)
        ctx.set(dut.awaddr, address)
        ctx.set(dut.wdata, data)
        ctx.set(dut.wstrb, strobes)
        ctx.set(dut.bready, cycle >= wait)
        _, _, awready, wready, bvalid, bresp = await ctx.tick().sample(dut.awready, dut.wready, dut.bvalid, dut.bresp)
        if bvalid:
            assert response in (None, bresp), "a response must stand until it is taken"
            assert sent_address and sent_data
            response = bresp
            if cycle >= wait:
                ctx.set(dut.bready, 0)
                return response
        sent_address |= bool(awready and cycle >= delay_address)
        sent_data |= bool(wready and cycle >= delay_data)
    raise AssertionError(f"no response to the write of 0x{data:x} to 0x{address:x}")


async def read(ctx, dut, address: int, wait: int = 0) -> tuple[int, int]:
    """One read; returns RRESP and RDATA."""
    sent, answer = False, None
    for cycle in range(100):
        ctx.set(dut.arvalid, not sent)
        ctx.set(dut.araddr, address)
        ctx.set(dut.rready, cycle >= wait)
        _, _, arready, rvalid, rresp, rdata = await ctx.tick().sample(dut.arready, dut.rvalid, dut.rresp, dut.rdata)
        if rvalid:
            assert sent and answer in (None, (rresp, rdata)), "data must stand until it is taken"
            answer = rresp, rdata
            if cycle >= wait:
                ctx.set(dut.rready, 0)
                return answer
        sent |= bool(arready)
    raise AssertionError(f"no data from 0x{address:x}")
