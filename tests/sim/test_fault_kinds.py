"""Faults of every kind on the emitted Verilog: each is found out, nothing hangs, and the run after it is right."""

from dataclasses import replace

import numpy as np
import pytest

from sim.fault_kinds import KINDS, FaultRow, Kind, Setting, judged, row
from sim.faults import BUILD, NETWORK, faulty_runs, main, network, table
from tcugen.isa import WRITABLE_WINDOWS, Window
from tcugen.registers import ErrorCode
from tcugen.simulator.build import read_architecture
from tcugen.simulator.faults import NEVER, Case, Outcome, WrongLast, window_areas
from tcugen.simulator.headers import STATUS_BUSY, STATUS_DONE, STATUS_ERROR

BURST_BYTES = 256
RIGHT = Outcome(
    refused=False,
    started=True,
    hung=False,
    stuck=False,
    happened=True,
    status=STATUS_DONE,
    code=ErrorCode.NONE,
    address=0,
    bad_address=0,
    cycles=1000,
    read_beats=600,
    write_responses=9,
    right=True,
    untouched=True,
    right_afterwards=True,
    stray="",
)
STOPPED = replace(RIGHT, status=STATUS_ERROR, code=ErrorCode.READ_RESPONSE, address=0x1000, bad_address=0x10F8)


def kind(name: str) -> Kind:
    return next(one for one in KINDS if name in one.name)


@pytest.mark.slow
@pytest.mark.parametrize("one", KINDS, ids=lambda one: one.name)
def test_no_fault_goes_unnoticed(one):
    found = faulty_runs(one, 25, 5)
    assert found.good, found
    assert found.injected == 25
    if one.codes or one.refused:
        assert found.detected > 12


def test_the_network_uses_every_window():
    program, _ = network(NETWORK, 1)
    assert all(area.size for area in window_areas(program).values())


@pytest.mark.parametrize(
    "change, count",
    [
        ({}, "detected"),
        ({"code": ErrorCode.CORE_HUNG}, "wrong_code"),
        ({"bad_address": 0x1100}, "wrong_code"),
        ({"bad_address": 0xFF8}, "wrong_code"),
        ({"status": STATUS_DONE}, "undetected"),
        ({"status": STATUS_DONE, "right": False}, "undetected"),
        ({"status": 0, "code": ErrorCode.NONE}, "wrong_code"),
        ({"hung": True, "status": STATUS_BUSY}, "hangs"),
        ({"stray": "AXI: a write is outside"}, "stray"),
    ],
)
def test_a_read_that_was_answered_wrongly_is_judged(change, count):
    assert judged(kind("to a read"), Case(bad_read=3), replace(STOPPED, **change), BURST_BYTES) == count


@pytest.mark.parametrize(
    "name, case, outcome, count",
    [
        ("silent", Case(silent_from=9), RIGHT, "harmless"),
        ("silent", Case(silent_from=9), replace(RIGHT, right=False), "undetected"),
        ("pauses", Case(pause_one_in=2), RIGHT, "harmless"),
        ("pauses", Case(pause_one_in=2), replace(STOPPED, code=ErrorCode.BUS_HUNG), "wrong_code"),
        ("hard", Case(hard_reset=9), replace(RIGHT, status=0), "harmless"),
        ("hard", Case(hard_reset=9), RIGHT, "undetected"),
        ("start", Case(access=9), replace(RIGHT, refused=True), "detected"),
        ("start", Case(access=9), RIGHT, "undetected"),
        ("start", Case(access=9), replace(RIGHT, refused=True, right=False), "undetected"),
        ("cannot be", Case(window=3), replace(RIGHT, started=False, refused=True, status=0), "detected"),
        ("cannot be", Case(window=3), replace(RIGHT, status=0), "wrong_code"),
        ("RLAST", Case(wrong_last=3), RIGHT, "undetected"),
        ("RLAST", Case(wrong_last=3, last_kind=WrongLast.CUT), replace(RIGHT, happened=False), "harmless"),
    ],
)
def test_a_case_is_judged(name, case, outcome, count):
    assert judged(kind(name), case, outcome, BURST_BYTES) == count


def test_what_is_wrong_afterwards_is_counted():
    reads = kind("to a read")
    outcomes = (STOPPED, replace(STOPPED, right_afterwards=False), replace(STOPPED, untouched=False))
    found = row(reads, [Case(bad_read=n) for n in range(3)], outcomes, read_architecture(BUILD))
    assert found == FaultRow(reads.name, 3, 3, 0, 0, 0, 0, 1, 1, {"READ_RESPONSE": 3})
    assert not found.good
    assert table([found])[2] == f"| {reads.name} | 3 | 3 | 0 | 0 | 0 | 0 | 1 | 1 | READ_RESPONSE 3 |"


def test_windows_that_cannot_be_cannot():
    program, _ = network(NETWORK, 1)
    setting = Setting(RIGHT, window_areas(program), program.architecture)
    rng, top = np.random.default_rng(3), 1 << program.architecture.bus_address_bits
    for _ in range(300):
        case = kind("cannot be").draw(rng, setting)
        areas = {window: (area.base, area.size) for window, area in setting.areas.items()}
        areas[Window(case.window)] = (case.base, case.bytes)
        unstorable = case.base % 4096 or case.base >= top
        overlap = any(
            a != b and areas[b][1] and case.bytes and areas[a][0] < sum(areas[b]) and areas[b][0] < sum(areas[a])
            for a in WRITABLE_WINDOWS
            for b in Window
        )
        assert unstorable or case.base + case.bytes > top or overlap or not areas[Window.PROGRAM][1], case


def test_a_case_is_written_as_the_harness_reads_it():
    words = Case(wrong_last=7, last_kind=WrongLast.EXTRA).line().split()
    values = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    assert Case(flips=(3, 99)).line().split()[-4:] == ["flip", "3", "flip", "99"] and "flip" not in values
    assert values["wrong_last"] == 7 and values["last_kind"] == 2 and values["bad_read"] == NEVER
    line = "0 1 0 0 1 4 2 4096 4344 1000 600 9 0 1 1 AXI: a burst, far away\n"
    assert Outcome.read(line) == replace(STOPPED, right=False, stray="AXI: a burst, far away")


def test_a_kind_that_there_is_not_is_one_message(capsys):
    assert main(["--only", "no such kind"]) == 2
    assert capsys.readouterr().err.startswith("error: no kind has --only in its name")
