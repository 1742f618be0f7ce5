"""Any function of an int8 value: a table of 256 entries per lane, and how it gets there."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from tcugen.arch import PARAMETER_BYTES, TABLE_ENTRIES, Architecture, bits_for
from tcugen.rtl.parity import protected, wrong_lanes
from tcugen.rtl.pipeline import Pipeline
from tcugen.rtl.sram import Sram

CHUNKS = TABLE_ENTRIES // PARAMETER_BYTES
"""A table arrives in pieces of as many bytes as a channel's parameters have; each is one word of the memories."""

CHUNK_BITS = 8 * PARAMETER_BYTES


class TableLanes(Component):
    """`lanes` copies of a table: results[i] = entry x[i] + 128, or x[i] where `bypass` is 1.

    One result per lane and cycle, `LATENCY` enabled clock edges after its operand; no back-pressure, no reset.

    Parameters:
        lanes: Number of lanes, at least 1. ValueError otherwise.

    Members:
        enable: 0 holds every stage.
        x: int8.
        bypass: Shared by all lanes; must not change while operands are in the pipeline.
        results: int8.
        write_en, write_chunk, write_data: Entries 8 c .. 8 c + 7 of all copies, while no operand is in the pipeline.
    """

    enable: Signal
    x: data.View
    bypass: Signal
    results: data.View
    write_en: Signal
    write_chunk: Signal
    write_data: Signal
    wrong: Signal

    LATENCY = 2

    def __init__(self, lanes: int, parity: int = 0):
        if not isinstance(lanes, int) or lanes < 1:
            raise ValueError(f"table lanes must be a positive integer, not {lanes!r}; use 1 or more")
        self.lanes, self.parity = lanes, parity
        int8s = data.ArrayLayout(8, lanes)
        super().__init__(
            {
                "enable": In(1),
                "x": In(int8s),
                "bypass": In(1),
                "results": Out(int8s),
                "write_en": In(1),
                "write_chunk": In(bits_for(CHUNKS)),
                "write_data": In(CHUNK_BITS),
                # Where chunks have a parity bit: that of one in `results` is wrong.
                **({"wrong": Out(1)} if parity else {}),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        byte_bits = bits_for(PARAMETER_BYTES)
        wrong: list[Value] = []
        for lane in range(self.lanes):
            m.submodules[f"memory_{lane}"] = memory = Sram(CHUNK_BITS + self.parity, CHUNKS)
            pipe = Pipeline(m, self.enable, f"lane{lane}_")
            # Entry x + 128: the sign turned round.
            entry = pipe.wire("entry", Cat(self.x[lane][:7], ~self.x[lane][7]))
            x = pipe.register("x", self.x[lane])
            byte = pipe.register("byte", entry[:byte_bits])
            m.d.comb += [
                memory.read_en.eq(self.enable & ~self.bypass),
                memory.read_addr.eq(entry[byte_bits:]),
                memory.write_en.eq(self.write_en),
                memory.write_addr.eq(self.write_chunk),
                memory.write_data.eq(protected(self.write_data, CHUNK_BITS) if self.parity else self.write_data),
            ]
            chunk = memory.read_data[:CHUNK_BITS] if self.parity else memory.read_data
            found = chunk.word_select(byte, 8)
            m.d.comb += self.results[lane].eq(pipe.register("result", Mux(self.bypass, x, found)))
            if self.parity:
                wrong.append(wrong_lanes(m, memory.read_data, CHUNK_BITS, f"lane{lane}"))
        if self.parity:
            m.d.comb += self.wrong.eq(Cat(wrong).any())
        return m


class TableLoader(Component):
    """Takes a table from the parameter ring, where it stands before the groups of the instruction that uses it.

    It fills whole groups but for the last, whose rest is not read. Rate: one chunk per cycle.

    Members:
        start: Pulse to begin.
        active: Chunks are left to read.
        group_there: The oldest group of the ring that was not passed is complete.
        read_en, read_unit: Read a unit of that group; `parameters` holds it from the next cycle on.
        pass_group: Pulse: the next group is the oldest from the next cycle on.
        group_released: Pulse, a cycle later: the group may be overwritten.
        write_en, write_chunk, write_data: To the tables.
        done: Pulse: the last chunk is being written.
    """

    start: Signal
    active: Signal
    group_there: Signal
    read_en: Signal
    read_unit: Signal
    parameters: Signal
    pass_group: Signal
    group_released: Signal
    write_en: Signal
    write_chunk: Signal
    write_data: Signal
    done: Signal

    def __init__(self, architecture: Architecture):
        a = self.architecture = architecture
        super().__init__(
            {
                "start": In(1),
                "active": Out(1),
                "group_there": In(1),
                "read_en": Out(1),
                "read_unit": Out(bits_for(a.output_steps)),
                "parameters": In(CHUNK_BITS * a.output_lanes),
                "pass_group": Out(1),
                "group_released": Out(1),
                "write_en": Out(1),
                "write_chunk": Out(bits_for(CHUNKS)),
                "write_data": Out(CHUNK_BITS),
                "done": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        a = self.architecture
        chunk = Signal(bits_for(CHUNKS))
        lane = Signal(bits_for(a.output_lanes))  # of the unit
        written_lane = Signal.like(lane)
        go = Signal()
        last = Signal()
        unit_ends = Signal()
        m.d.comb += [
            go.eq(self.active & self.group_there),
            last.eq(chunk == CHUNKS - 1),
            unit_ends.eq(lane == a.output_lanes - 1),
            self.read_en.eq(go & (lane == 0)),
            self.pass_group.eq(go & (last | (unit_ends & (self.read_unit == a.output_steps - 1)))),
            self.write_data.eq(self.parameters.word_select(written_lane, CHUNK_BITS)),
        ]
        m.d.sync += [
            self.write_en.eq(go),
            self.write_chunk.eq(chunk),
            written_lane.eq(lane),
            self.group_released.eq(self.pass_group),
            self.done.eq(go & last),
        ]
        with m.If(go):
            m.d.sync += [chunk.eq(chunk + 1), lane.eq(lane + 1)]
            with m.If(unit_ends):
                m.d.sync += [lane.eq(0), self.read_unit.eq(self.read_unit + 1)]
            with m.If(self.pass_group):
                m.d.sync += [lane.eq(0), self.read_unit.eq(0)]
            with m.If(last):
                m.d.sync += self.active.eq(0)
        with m.If(self.start):
            m.d.sync += self.active.eq(1)
        return m
