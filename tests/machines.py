"""The machines that tests run on in Verilator, each emitted once a session and built once for all runs."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tcugen.arch import Architecture
from tcugen.network.resnets import bundled_network
from tcugen.rtl.emit import emit
from tcugen.sizing.budget import Budget
from tcugen.sizing.search import size

SIZED = {
    "4x4_sized": (4, 4, 256, 8),
    "8x8": (8, 8, 256, 8),
    "8x16": (8, 16, 256, 8),
    "16x16": (16, 16, 1280, 8),
    "32x32": (32, 32, 1280, 16),
}
"""Rows, columns, KiB of activation memory, bytes per beat of machines sized for ResNet-50."""

ODD = {
    "4x4": dict(rows=4, columns=4, output_lanes=1, bus_bytes=4, activation_kib=2, accumulator_depth=16,
                weight_tiles=4, parameter_groups=2),
    "8x4": dict(rows=8, columns=4, output_lanes=4, bus_bytes=16, activation_kib=2, accumulator_depth=32,
                weight_tiles=64, parameter_groups=4),
    "4x16": dict(rows=4, columns=16, output_lanes=2, bus_bytes=64, activation_kib=4, accumulator_depth=64,
                 weight_tiles=16, parameter_groups=8),
    "16x8": dict(rows=16, columns=8, output_lanes=1, bus_bytes=8, activation_kib=3, accumulator_depth=16,
                 weight_tiles=2, parameter_groups=2),
    "32x8": dict(rows=32, columns=8, output_lanes=8, bus_bytes=32, activation_kib=4, accumulator_depth=64,
                 weight_tiles=256, parameter_groups=32),
    "8x6": dict(rows=8, columns=6, output_lanes=2, bus_bytes=16, activation_kib=3, accumulator_depth=32,
                weight_tiles=64, parameter_groups=8),
    "4x10": dict(rows=4, columns=10, output_lanes=1, bus_bytes=8, activation_kib=2, accumulator_depth=64,
                 weight_tiles=16, parameter_groups=4),
    "16x12": dict(rows=16, columns=12, output_lanes=4, bus_bytes=32, activation_kib=4, accumulator_depth=64,
                  weight_tiles=4, parameter_groups=2),
    "8x14": dict(rows=8, columns=14, output_lanes=2, bus_bytes=4, activation_kib=4, accumulator_depth=16,
                 weight_tiles=128, parameter_groups=16),
    "16x24": dict(rows=16, columns=24, output_lanes=8, bus_bytes=64, activation_kib=4, accumulator_depth=64,
                  weight_tiles=16, parameter_groups=8),
}  # fmt: skip
"""Free parameters of machines that no network would be given: rectangular, tiny memories, small rings."""


@cache
def machine(name: str) -> Architecture:
    """An architecture by its name in SIZED or ODD."""
    if name in ODD:
        return Architecture(**ODD[name])
    rows, columns, kib, bus_bytes = SIZED[name]
    fixed = {"rows": rows, "columns": columns, "activation_kib": kib}
    return size(bundled_network("resnet50"), Budget(bus_bytes=bus_bytes), fixed).architecture


Emitted = Callable[[Architecture], Path]
"""From an architecture to the folder of its Verilog."""


@pytest.fixture(scope="session")
def rtl(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Emitted]:
    """Folders of Verilog by architecture.

    Simulators stay from run to run, outside the user's cache: one is compiled again only when its inputs change.
    """

    @cache
    def emitted(architecture: Architecture) -> Path:
        folder = tmp_path_factory.mktemp("rtl")
        emit(architecture, folder)
        return folder

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-machines")))
        yield emitted
