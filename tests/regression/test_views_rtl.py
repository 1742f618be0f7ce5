"""Concats and slices without a copy on the RTL, every tensor equal to golden and emulator."""

from dataclasses import replace

import pytest

from tcugen.arch import Architecture
from tests.compiler.view_networks import VIEWS
from tests.machines import machine
from tests.regression.runs import run_on_rtl

SMALL = replace(machine("4x4"), activation_kib=3)
ROOMY = Architecture(rows=8, columns=8, output_lanes=4, activation_kib=64, accumulator_depth=64)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["producers", "partial_block", "copied_in_part", "odd", "outputs_shared"])
def test_on_chip(name, rtl):
    program, _ = run_on_rtl(VIEWS[name], ROOMY, rtl)
    assert program.shared


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dense", "all_before"])
def test_with_storage_in_memory(name, rtl):
    program, _ = run_on_rtl(VIEWS[name], SMALL, rtl)
    assert program.shared and program.scratch_bytes
