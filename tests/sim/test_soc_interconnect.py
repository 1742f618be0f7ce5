"""What lies between unit and memories in the simulated SoC, in Migen's simulator: decoder, refusals, faults."""

from typing import Any

import pytest
from litex.soc.interconnect import axi
from migen import Module, passive, run_simulation

from sim.soc.interconnect import Decoder, Faults

NEAR, FAR, NOWHERE = 0x1000, 0x8000, 0x4000
BYTES = 0x1000
CYCLES = 200
NEAR_DELAY, FAR_DELAY = 9, 1
"""Cycles before a slave answers a read: the one that is asked first is the slower one."""

SILENT, EARLY_LAST = 1, 2
OKAY, REFUSED = axi.RESP_OKAY, axi.RESP_DECERR


def bus() -> axi.AXIInterface:
    return axi.AXIInterface(data_width=64, address_width=32, id_width=1)


class Bench(Module):
    """A master, faults, decoder and two slaves."""

    # What Migen makes at run time.
    submodules: Any
    faults: Any

    def __init__(self):
        self.master, between, self.near, self.far = bus(), bus(), bus(), bus()
        self.submodules.faults = Faults(self.master, between)
        self.submodules.decoder = Decoder(between, [((NEAR, BYTES), self.near), ((FAR, BYTES), self.far)])


@passive
def slave(port: axi.AXIInterface, delay: int, mark: int, written: list[tuple[int, int]]):
    """Answers reads with `mark` + beat, and keeps the data of writes with their address; one request at a time."""
    while True:
        yield port.ar.ready.eq(1)
        yield port.aw.ready.eq(1)
        yield
        reads, writes = (yield port.ar.valid), (yield port.aw.valid)
        beats, address = (yield port.ar.len) + 1, (yield port.aw.addr)
        yield port.ar.ready.eq(0)
        yield port.aw.ready.eq(0)
        if reads:
            for _ in range(delay):
                yield
            for beat in range(beats):
                yield port.r.data.eq(mark + beat)
                yield port.r.last.eq(beat == beats - 1)
                yield port.r.valid.eq(1)
                yield
                while not (yield port.r.ready):
                    yield
            yield port.r.valid.eq(0)
            yield
        if writes:
            yield port.w.ready.eq(1)
            last = 0
            while not last:
                yield
                if (yield port.w.valid):
                    written.append((address, (yield port.w.data)))
                    last = yield port.w.last
            yield port.w.ready.eq(0)
            yield port.b.valid.eq(1)
            yield
            while not (yield port.b.ready):
                yield
            yield port.b.valid.eq(0)


def read(master: axi.AXIInterface, requests: list[tuple[int, int]], answers: list[tuple[int, int, int]]):
    """Requests one after the other as they are taken; every beat as (data, response, last)."""
    due = list(requests)
    yield master.r.ready.eq(1)
    for _ in range(CYCLES):
        if due:
            yield master.ar.addr.eq(due[0][0])
            yield master.ar.len.eq(due[0][1] - 1)
            yield master.ar.size.eq(3)
            yield master.ar.burst.eq(axi.BURST_INCR)
        yield master.ar.valid.eq(bool(due))
        yield
        if due and (yield master.ar.valid) and (yield master.ar.ready):
            due.pop(0)
        if (yield master.r.valid):
            answers.append(((yield master.r.data), (yield master.r.resp), (yield master.r.last)))


def write(master: axi.AXIInterface, bursts: list[tuple[int, list[int]]], answers: list[int]):
    """Addresses and data side by side, each as it is taken; the responses."""
    addresses = [address for address, _ in bursts]
    beats = [(value, at == len(data) - 1) for _, data in bursts for at, value in enumerate(data)]
    yield master.b.ready.eq(1)
    for _ in range(CYCLES):
        if addresses:
            yield master.aw.addr.eq(addresses[0])
        yield master.aw.valid.eq(bool(addresses))
        if beats:
            yield master.w.data.eq(beats[0][0])
            yield master.w.last.eq(beats[0][1])
        yield master.w.valid.eq(bool(beats))
        yield
        if addresses and (yield master.aw.valid) and (yield master.aw.ready):
            addresses.pop(0)
        if beats and (yield master.w.valid) and (yield master.w.ready):
            beats.pop(0)
        if (yield master.b.valid):
            answers.append((yield master.b.resp))


def simulate(process, requests, mode: int = 0) -> tuple[list, list[tuple[int, int]], list[tuple[int, int]]]:
    """The answers to the master, and what was written into each slave."""
    bench, answers, near, far = Bench(), [], [], []

    def set_mode():
        # Only a whole SoC connects the register to its fields.
        yield bench.faults.mode.fields.silent.eq(mode == SILENT)
        yield bench.faults.mode.fields.early_last.eq(mode == EARLY_LAST)

    processes = [
        set_mode(),
        slave(bench.near, NEAR_DELAY, 100, near),
        slave(bench.far, FAR_DELAY, 200, far),
        process(bench.master, requests, answers),
    ]
    run_simulation(bench, processes)
    return answers, near, far


def test_answers_come_in_the_order_of_the_requests():
    requests = [(NEAR, 3), (NEAR + 64, 1), (FAR, 2), (NOWHERE, 2), (NEAR + BYTES - 8, 1)]
    answers, _, _ = simulate(read, requests)
    assert answers == [
        *[(100, OKAY, 0), (101, OKAY, 0), (102, OKAY, 1)],
        (100, OKAY, 1),
        *[(200, OKAY, 0), (201, OKAY, 1)],
        *[(0, REFUSED, 0), (0, REFUSED, 1)],
        (100, OKAY, 1),
    ]


def test_data_of_writes_go_where_their_addresses_went():
    answers, near, far = simulate(write, [(NEAR, [1, 2]), (FAR, [3]), (NOWHERE, [4, 5, 6]), (NEAR + 8, [7])])
    assert answers == [OKAY, OKAY, REFUSED, OKAY]
    assert near == [(NEAR, 1), (NEAR, 2), (NEAR + 8, 7)]
    assert far == [(FAR, 3)]


@pytest.mark.parametrize("process, requests", [(read, [(NEAR, 2)]), (write, [(NEAR, [1])])])
def test_a_silent_memory_gives_no_answer(process, requests):
    assert simulate(process, requests, SILENT)[0] == []


def test_a_burst_that_ends_early_says_so_at_every_beat():
    assert simulate(read, [(NEAR, 2)], EARLY_LAST)[0] == [(100, OKAY, 1), (101, OKAY, 1)]
