"""The C++ memory model against the rules of published cycle counts, cycle by cycle."""

import subprocess
from dataclasses import astuple, dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tcugen.memory_model import MEMORY_MODELS
from tcugen.simulator.build import HARNESS
from tcugen.simulator.environment import find_compiler

BASE = 0x10000
SIZE = 0x10000
READ_LATENCY = MEMORY_MODELS["fixed"].read_latency
RESPONSE_LATENCY = MEMORY_MODELS["fixed"].response_latency


@dataclass
class Events:
    """What the probe printed: cycles of every kind of event, and details of reads and responses."""

    ar: list[int] = field(default_factory=list)
    aw: list[int] = field(default_factory=list)
    w: list[int] = field(default_factory=list)
    r: list[int] = field(default_factory=list)
    b: list[int] = field(default_factory=list)
    read_values: list[int] = field(default_factory=list)
    read_responses: list[int] = field(default_factory=list)
    read_lasts: list[int] = field(default_factory=list)
    write_responses: list[int] = field(default_factory=list)
    error: str = ""
    memory: bytes = b""


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    program = tmp_path_factory.mktemp("probe") / "memory_probe"
    source = Path(__file__).parent / "memory_probe.cpp"
    subprocess.run(
        [find_compiler(), "-std=c++17", "-O1", "-Wall", "-Werror", f"-I{HARNESS}", source, "-o", program], check=True
    )

    def run(*lines: str, model: str = "fixed") -> Events:
        numbers = " ".join(map(str, astuple(MEMORY_MODELS[model])))
        lines = (f"memory_model {numbers}", *lines)
        done = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
        return _parse(done.stdout)

    return run


def _parse(text: str) -> Events:
    events = Events()
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "error":
            events.error = rest
        elif kind == "memory":
            events.memory = bytes.fromhex(rest)
        else:
            values = [int(word) for word in rest.split()]
            getattr(events, kind).append(values[0])
            if kind == "r":
                events.read_values.append(values[1])
                events.read_responses.append(values[2])
                events.read_lasts.append(values[3])
            elif kind == "b":
                events.write_responses.append(values[1])
    return events


def stored(address: int) -> int:
    """The 8 bytes that memory starts with at `address`."""
    return int.from_bytes(bytes((address - BASE + i) % 251 for i in range(8)), "little")


def xorshift():
    state = 1
    while True:
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        yield state


def test_first_beat_100_cycles_after_the_address_then_one_per_cycle(probe):
    events = probe(f"ar 7 {BASE + 0x100} 32")
    assert events.ar == [7]
    assert events.r == list(range(7 + READ_LATENCY, 7 + READ_LATENCY + 32))
    assert events.read_values == [stored(BASE + 0x100 + 8 * i) for i in range(32)]
    assert events.read_lasts == [0] * 31 + [1]
    assert set(events.read_responses) == {0}


def test_bursts_in_flight_stream_without_gaps(probe):
    events = probe(*(f"ar 0 {BASE + 256 * i} 32" for i in range(16)))
    assert events.ar == list(range(16))
    assert events.r == list(range(READ_LATENCY, READ_LATENCY + 16 * 32))


def test_at_most_16_reads_in_flight(probe):
    events = probe(*(f"ar 0 {BASE + 8 * i} 1" for i in range(20)))
    # Beat i leaves in cycle 100 + i; the address after it is taken in the cycle after.
    assert events.ar == [*range(16), *range(READ_LATENCY + 1, READ_LATENCY + 5)]
    assert events.r == [*range(READ_LATENCY, READ_LATENCY + 16), *(c + READ_LATENCY for c in events.ar[16:])]


def test_write_response_50_cycles_after_the_last_beat(probe):
    events = probe(f"aw 3 {BASE} 4", "w 0 4 255")
    assert events.aw == [3]
    assert events.w == [4, 5, 6, 7]
    assert events.b == [7 + RESPONSE_LATENCY]
    assert events.write_responses == [0]
    assert events.memory[:32] == (0xA0A1A2A3A4A5A6A7).to_bytes(8, "little") * 4
    assert events.memory[32:40] == bytes(range(32, 40))


def test_writes_stream_while_responses_are_due(probe):
    events = probe(*(f"aw 0 {BASE + 64 * i} 8" for i in range(40)), "w 0 320 255")
    assert events.w == list(range(1, 321))
    assert events.b == [8 * (i + 1) + RESPONSE_LATENCY for i in range(40)]


def test_strobes_select_bytes(probe):
    events = probe(f"aw 0 {BASE} 1", "w 0 1 0x81")
    assert events.memory[:8] == bytes([0xA7, 1, 2, 3, 4, 5, 6, 0xA0])


def test_older_reads_go_before_writes(probe):
    events = probe(f"ar 0 {BASE} 32", f"aw 1 {BASE + 4096} 32", f"w {READ_LATENCY + 10} 32 255")
    assert events.r == list(range(READ_LATENCY, READ_LATENCY + 32))
    assert events.w == list(range(READ_LATENCY + 32, READ_LATENCY + 64))


def test_older_writes_go_before_reads(probe):
    first = READ_LATENCY + 10
    events = probe(f"aw 0 {BASE + 4096} 16", f"ar 1 {BASE} 32", f"w {first} 16 255")
    # The read begins alone in cycle 101, the older write takes the bus from its first beat on, the read ends after it.
    assert events.w == list(range(first, first + 16))
    assert events.r == [*range(READ_LATENCY + 1, first), *range(first + 16, first + 16 + 32 - 9)]


def test_of_two_addresses_in_one_cycle_the_read_is_older(probe):
    events = probe(f"aw 0 {BASE + 4096} 2", f"ar 0 {BASE} 2", f"w {READ_LATENCY} 2 255")
    assert events.r == [READ_LATENCY, READ_LATENCY + 1]
    assert events.w == [READ_LATENCY + 2, READ_LATENCY + 3]


def test_one_beat_per_cycle_in_total(probe):
    lines = [f"ar {40 * i} {BASE + 256 * i} 32" for i in range(20)]
    lines += [f"aw {50 * i} {BASE + 0x8000 + 256 * i} 32" for i in range(12)]
    events = probe("cycles 3000", *lines, *(f"w {50 * i + 13 * (i % 3)} 32 255" for i in range(12)))
    assert len(events.r) == 20 * 32
    assert len(events.w) == 12 * 32
    assert len(set(events.r + events.w)) == len(events.r) + len(events.w)
    assert len(events.b) == 12


def test_an_unused_beat_is_kept_until_taken(probe):
    events = probe(f"ar 0 {BASE} 3", f"hold_r {READ_LATENCY + 1} {READ_LATENCY + 5}")
    assert events.r == [READ_LATENCY, READ_LATENCY + 6, READ_LATENCY + 7]
    assert events.read_values == [stored(BASE + 8 * i) for i in range(3)]


def test_a_response_is_kept_until_taken(probe):
    events = probe(f"aw 0 {BASE} 1", f"aw 1 {BASE + 8} 1", "w 0 2 255", "hold_b 40 70")
    assert events.b == [71, 72]


def test_ddr_delays_the_beats_that_the_generator_picks(probe):
    lines = [f"ar 0 {BASE + 256 * i} 32" for i in range(16)]
    events = probe(*lines, model="ddr")
    cycle, expected = READ_LATENCY, []
    for _, number in zip(range(16 * 32), xorshift(), strict=False):
        cycle += number % 10 == 0
        expected.append(cycle)
        cycle += 1
    assert events.r == expected
    delays = events.r[-1] - READ_LATENCY + 1 - 16 * 32
    assert 0.05 < delays / (16 * 32) < 0.15


def test_ddr_draws_once_per_beat_of_either_kind(probe):
    events = probe("cycles 2000", f"aw 0 {BASE + 4096} 128", "w 0 128 255", f"ar 300 {BASE} 128", model="ddr")
    gaps = np.diff([*events.w, *events.r])
    numbers = [number for _, number in zip(range(256), xorshift(), strict=False)]
    late = np.array([number % 10 == 0 for number in numbers])
    assert np.array_equal(gaps[:127] == 2, late[1:128])
    assert events.r[0] == 400 + late[128]
    assert np.array_equal(gaps[128:] == 2, late[129:])


def test_addresses_outside_memory_answer_slverr(probe):
    beyond = BASE + SIZE
    events = probe(
        f"ar 0 {beyond} 2", f"ar 1 {BASE - 8} 1", f"aw 0 {beyond} 2", "w 0 2 255", f"aw 2 {BASE} 1", "w 5 1 255"
    )
    assert events.read_responses == [2, 2, 2]
    assert events.read_values == [0, 0, 0]
    assert events.write_responses == [2, 0]


@pytest.mark.parametrize(
    "lines, message",
    [
        ([f"ar 0 {BASE + 4096 - 8} 2"], "a burst of 16 bytes crosses 4 KiB (address 0x10ff8)"),
        ([f"aw 0 {BASE + 4} 1"], "not a multiple of the bus width (address 0x10004)"),
        ([f"window {BASE} 64 0", f"ar 0 {BASE + 56} 2"], "a read of 16 bytes is outside every window"),
        ([f"window {BASE} 64 0", f"aw 0 {BASE} 2"], "a write of 16 bytes is outside every window"),
    ],
)
def test_breaches_of_the_bus_rules_are_named(probe, lines, message):
    events = probe(*lines)
    assert message in events.error


def test_windows_allow_what_they_should(probe):
    events = probe(
        f"window {BASE} 64 0", f"window {BASE + 64} 64 1", f"ar 0 {BASE} 8", f"aw 0 {BASE + 64} 8", "w 0 8 255"
    )
    assert events.error == ""
    assert len(events.r) == len(events.w) == 8
