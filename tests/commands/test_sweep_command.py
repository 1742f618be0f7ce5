"""A sweep gives the same rows in one process, in several and on a Dask cluster, and leaves out what another beats."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tcugen.commands.sweep import SweepOptions, csv_text, pareto, points_of
from tcugen.console.sweep_point import SweepRow, evaluate_point
from tests.typed import typed

SWEEP = ("--arrays", "4x4,8x8", "--activation-kib", "0,16", "--bus-bytes", "4,8")


def rows_of(path: str) -> list[dict[str, str]]:
    with Path(path).open() as file:
        return list(csv.DictReader(file))


def test_every_combination_is_a_row(tcugen, reference_config):
    result = tcugen("sweep", reference_config, *SWEEP, "--csv", "rows.csv", "--plot", "plot.svg", "--processes", 1)
    assert result.exit_code == 0, result.output
    rows = rows_of("rows.csv")
    assert [(row["array"], row["bus_bytes"]) for row in rows] == [
        (array, bus) for array in ("4x4", "8x8") for _ in range(2) for bus in ("4", "8")
    ]
    assert all(int(row["cycles"]) > 0 and not row["error"] for row in rows)
    assert int(rows[-1]["multipliers"]) == 64
    assert Path("plot.svg").read_text().startswith("<svg ")


def test_processes_change_nothing(tcugen, reference_config):
    for processes in (1, 2):
        assert (
            tcugen("sweep", reference_config, *SWEEP, "--csv", f"{processes}.csv", "--processes", processes).exit_code
            == 0
        )
    assert Path("1.csv").read_bytes() == Path("2.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of packages of the cluster
def test_two_workers_of_a_cluster_change_nothing(tcugen, reference_config):
    from distributed import LocalCluster

    assert tcugen("sweep", reference_config, *SWEEP, "--csv", "here.csv", "--processes", 1).exit_code == 0
    # No dashboard: its hint leaves out the None that says so.
    options: dict[str, Any] = dict(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1")
    with LocalCluster(**options) as cluster:
        address = typed(LocalCluster, cluster).scheduler_address
        result = tcugen("sweep", reference_config, *SWEEP, "--csv", "there.csv", "--dask", address)
        assert result.exit_code == 0, result.output
    assert Path("here.csv").read_bytes() == Path("there.csv").read_bytes()


def test_a_machine_that_cannot_be_is_a_row_with_the_reason(reference_config):
    point = points_of(SweepOptions((str(reference_config),), ("4x4",), (9999,), (8,)))[0]
    row = evaluate_point(point, 100)
    assert (row.cycles, row.activation_kib) == (0, 9999)
    assert "9999" in row.error
    assert pareto([row]) == []


def test_what_another_beats_is_left_out():
    def row(area: int, cycles: int, network: str = "a") -> SweepRow:
        return SweepRow(network, "4x4", 8, 16, area_bytes=area, cycles=cycles)

    small, beaten, large, other = row(10, 100), row(20, 100), row(30, 50), row(40, 900, "b")
    assert pareto([beaten, other, large, small]) == [small, large, other]
    assert len(csv_text([small, large]).splitlines()) == 3


BAD = {
    "array": (("--arrays", "4x5"), "--arrays 4x5: columns is 5"),
    "list": (("--arrays", "4x4,,8x8"), "--arrays is '4x4,,8x8', but it must be values separated by single commas"),
    "shape": (("--arrays", "4x"), "--arrays is '4x', but it must be ROWSxCOLUMNS"),
    "picture": (("--plot", "p.png"), "--plot is p.png, but its name must end in .svg; write for example p.svg"),
    "no machine": (
        ("--arrays", "4x4,8x8", "--bus-bytes", "3", "--csv", "rows.csv"),
        "no machine of the sweep can be: --bus-bytes 3",
    ),
    "number": (("--bus-bytes", "x"), "--bus-bytes is 'x', but it must be whole numbers"),
    "clock": (("--clock-mhz", "0"), "--clock-mhz is 0, but it must be more than 0"),
    "processes": (("--processes", "0"), "--processes is 0, but it must be at least 1"),
    "two pictures": (("resnet20", "--plot", "p.svg"), "--plot shows one network, but 2 are given"),
}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_bad_arguments_are_refused(tcugen, reference_config, arguments, message):
    result = tcugen("sweep", reference_config, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert list(Path().iterdir()) == []
