# amaranth: UnusedElaboratable=no
import random
import re

import pytest
from amaranth.sim import Simulator

from tcugen.arch import Architecture
from tcugen.rtl.table import CHUNKS, TableLanes, TableLoader

LANES = 4


def chunks(table: list[int]) -> list[int]:
    """A table of 256 bytes as the words of its memories."""
    return [int.from_bytes(bytes(table[8 * c : 8 * c + 8]), "little") for c in range(CHUNKS)]


def simulate(bench, dut):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("bypass", [0, 1])
@pytest.mark.parametrize("enable_probability", [1, 0.6])
def test_every_lane_finds_every_entry(bypass, enable_probability):
    rng = random.Random(1)
    table = [rng.randrange(256) for _ in range(256)]
    operands = [[rng.randrange(256) for _ in range(LANES)] for _ in range(200)]
    operands += [[(start + lane) % 256 for lane in range(LANES)] for start in range(0, 256, LANES)]
    dut, results = TableLanes(LANES), []

    async def bench(ctx):
        ctx.set(dut.write_en, 1)
        for number, word in enumerate(chunks(table)):
            ctx.set(dut.write_chunk, number)
            ctx.set(dut.write_data, word)
            await ctx.tick()
        ctx.set(dut.write_en, 0)
        ctx.set(dut.bypass, bypass)
        for index in range(len(operands) + dut.LATENCY - 1):
            while rng.random() >= enable_probability:
                ctx.set(dut.enable, 0)
                for lane in range(LANES):
                    ctx.set(dut.x[lane], rng.randrange(256))
                await ctx.tick()
            ctx.set(dut.enable, 1)
            for lane, value in enumerate(operands[min(index, len(operands) - 1)]):
                ctx.set(dut.x[lane], value)
            await ctx.tick()
            if index >= dut.LATENCY - 1:
                results.append([ctx.get(dut.results[lane]) for lane in range(LANES)])

    simulate(bench, dut)
    # The byte x of an int8 value has its entry at x + 128, modulo 256.
    assert results == [[x if bypass else table[x ^ 128] for x in row] for row in operands]


@pytest.mark.parametrize("columns, lanes", [(2, 1), (2, 2), (4, 1), (4, 4), (12, 4), (16, 2), (30, 2), (32, 32)])
def test_a_table_comes_out_of_whole_groups(columns, lanes):
    rows = 32 if lanes == 32 else 16 if columns == 16 else 4
    architecture = Architecture(rows=rows, columns=columns, output_lanes=lanes, bus_bytes=4, tables=1)
    rng = random.Random(columns)
    groups, steps = architecture.table_groups, architecture.output_steps
    table = [rng.randrange(256) for _ in range(256)]
    padded = table + [rng.randrange(256) for _ in range(groups * architecture.parameter_group_bytes - 256)]
    dut, written, passed, released = TableLoader(architecture), {}, 0, 0
    there = [rng.randrange(60) for _ in range(groups)]

    async def bench(ctx):
        nonlocal passed, released
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for cycle in range(300):
            ctx.set(dut.group_there, int(passed < groups and cycle >= max(there[: passed + 1])))
            read = ctx.get(dut.read_en) and (passed, ctx.get(dut.read_unit))
            assert not (ctx.get(dut.read_en) and passed >= groups)
            if ctx.get(dut.write_en):
                written[ctx.get(dut.write_chunk)] = ctx.get(dut.write_data)
            released += ctx.get(dut.group_released)
            now = ctx.get(dut.pass_group)
            done = ctx.get(dut.done)
            assert done == (len(written) == CHUNKS and not ctx.get(dut.active) and bool(ctx.get(dut.write_en)))
            await ctx.tick()
            passed += now
            if read:
                at = 8 * lanes * (read[0] * steps + read[1])
                ctx.set(dut.parameters, int.from_bytes(bytes(padded[at : at + 8 * lanes]), "little"))
            if done:
                break
        assert not ctx.get(dut.active)

    simulate(bench, dut)
    assert [written[number] for number in range(CHUNKS)] == chunks(table)
    assert passed == released == groups


@pytest.mark.parametrize("lanes", [0, -1, 2.0, "4"])
def test_a_lane_count_that_is_no_positive_integer_is_refused(lanes):
    with pytest.raises(ValueError, match=re.escape(f"must be a positive integer, not {lanes!r}")):
        TableLanes(lanes)
