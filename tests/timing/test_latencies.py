"""Latencies of the replay against the constants that the hardware is built from."""

from dataclasses import replace

from amaranth.hdl import Fragment

from tcugen.arch import Architecture
from tcugen.rtl import (
    axi,
    beat_crc,
    compute,
    control,
    fetch,
    fifo,
    gate,
    instruction_memory,
    load,
    output,
    window,
    writer,
)
from tcugen.rtl.activation import ActivationMemory
from tcugen.rtl.array import Array
from tcugen.timing import latencies


def test_sizes_are_those_of_the_hardware():
    assert latencies.MAX_OUTSTANDING == axi.MAX_OUTSTANDING
    assert (latencies.FETCH_BURST_BYTES, latencies.FETCH_BUFFER_BYTES) == (fetch.BURST_BYTES, fetch.BUFFER_BYTES)
    reader, verdict, count = 1, 1, 1
    assert reader + beat_crc.BeatCrc.LATENCY + verdict + count == latencies.BEAT_TO_VERIFIED
    assert latencies.SMALL_FIFO == fifo.SMALL_DEPTH
    assert latencies.LOAD_QUEUE_BEATS == load.QUEUE_BEATS
    assert latencies.LOAD_PLANS == load.QUEUE_INSTRUCTIONS + 1
    assert latencies.WRITER_BEATS == writer.DATA_BEATS
    assert latencies.SETTLE_CYCLES == control.SETTLE_CYCLES
    assert (latencies.TAKE_TO_ISSUE, latencies.CHECK_PLACES) == (window.WindowCheck.LATENCY, window.PLACES)
    assert latencies.IN_PLACE == gate.IN_PLACE
    assert 8 * latencies.WORD_BYTES == instruction_memory.WORD_BITS


def test_pipelines_are_as_long_as_those_of_the_hardware():
    small = Architecture(rows=4, columns=4, output_lanes=1)
    assert output.output_latency(small) == latencies.OUTPUT_LATENCY
    assert output.output_latency(replace(small, tables=1)) == latencies.OUTPUT_LATENCY + latencies.TABLE_LATENCY
    equipped = output.output_latency(replace(small, multiply=1))
    assert equipped == latencies.OUTPUT_LATENCY + latencies.MULTIPLY_LATENCY
    assert latencies.RING_READ_DELAY == compute.AHEAD
    for rows in (4, 8):
        array = Array(Architecture(rows=rows, columns=4, output_lanes=4))
        Fragment.get(array, None)  # Amaranth warns of hardware that nobody uses
        request = 1
        tag_line = ActivationMemory.LATENCY + array.latency - 2
        reading, adding, storing, filled, full = 1, 1, 1, 1, 1
        assert latencies.READ_TO_FILLED + rows == request + tag_line + reading + adding + storing + filled + full
