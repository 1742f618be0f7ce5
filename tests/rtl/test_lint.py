import re
import subprocess
from pathlib import Path

import pytest

from tcugen.arch import Architecture
from tcugen.rtl.emit import LINT_FILE, emit
from tcugen.simulator.environment import find_verilator

pytestmark = pytest.mark.slow

SIZES = [(4, 4, 1, 0), (4, 4, 4, 0), (4, 4, 1, 1), (8, 8, 1, 0), (8, 16, 2, 0), (16, 8, 2, 1), (16, 16, 4, 0)]

PRODUCTS = [(4, 4, 1, 1, 0, 0), (4, 4, 1, 1, 1, 1), (16, 12, 4, 0, 1, 0), (8, 6, 2, 0, 0, 1)]


@pytest.mark.parametrize("rows, columns, lanes, tables", SIZES)
def test_verilator_has_no_complaint_beyond_the_waivers(tmp_path, rows, columns, lanes, tables):
    check(Architecture(rows=rows, columns=columns, output_lanes=lanes, tables=tables), tmp_path)


@pytest.mark.parametrize("rows, columns, lanes, multiply, per_channel, unrounded_add", PRODUCTS)
def test_nor_where_operands_are_used_otherwise(tmp_path, rows, columns, lanes, multiply, per_channel, unrounded_add):
    shape = {"rows": rows, "columns": columns, "output_lanes": lanes}
    check(Architecture(**shape, multiply=multiply, per_channel=per_channel, unrounded_add=unrounded_add), tmp_path)


@pytest.mark.parametrize("rows, columns, lanes, bus_bytes, tables", [(4, 4, 1, 16, 1), (8, 6, 2, 4, 0)])
def test_nor_with_parity(tmp_path, rows, columns, lanes, bus_bytes, tables):
    shape = {"rows": rows, "columns": columns, "output_lanes": lanes, "bus_bytes": bus_bytes}
    check(Architecture(**shape, tables=tables, parity=1), tmp_path)


@pytest.mark.parametrize("rows, columns, depthwise, parity", [(4, 4, 1, 0), (4, 10, 4, 1), (16, 12, 4, 0)])
def test_nor_with_depthwise_convolutions(tmp_path, rows, columns, depthwise, parity):
    check(Architecture(rows=rows, columns=columns, output_lanes=1, depthwise=depthwise, parity=parity), tmp_path)


def check(architecture: Architecture, tmp_path: Path) -> None:
    emit(architecture, tmp_path)
    verilator = find_verilator()
    sources = [LINT_FILE, "tcu_top.v", "tcu_sram_1r1w.v"]
    done = subprocess.run(
        [str(verilator.command), "--lint-only", "-Wall", "--top-module", "tcu_top", *sources],
        cwd=tmp_path,
        env=verilator.environment(),
        capture_output=True,
        text=True,
    )
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("%")]
    assert (done.returncode, complaints) == (0, [])


def test_every_waiver_is_explained(tmp_path):
    emit(Architecture(rows=4, columns=4, activation_kib=16, output_lanes=1), tmp_path)
    lines = (tmp_path / LINT_FILE).read_text().splitlines()
    waivers = [number for number, line in enumerate(lines) if line.startswith("lint_off")]
    assert waivers
    for number in waivers:
        assert re.match(r"// \w", lines[number - 1]), f"{lines[number]} has no reason above it"
        assert '-file "*tcu_top.v"' in lines[number], "a waiver must not reach the user's own files"
