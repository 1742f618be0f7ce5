"""Predicted beside simulated: the rows, their bounds, and what is refused."""

import json

import pytest

from tcugen.commands.bench import ROWS, Row
from tcugen.console.machine import MachineFlags
from tcugen.report.bench_report import BenchRow, error

NETWORK_BOUND, LAYER_BOUND = 0.01, 0.04
"""How far a prediction may be off: of the network, of a layer above 1 % of the cycles."""

LEAST = {
    Row("resnet18", MachineFlags("16x16")): 0.958,
    Row("resnet34", MachineFlags("16x16")): 0.975,
    Row("resnet50", MachineFlags("16x16")): 0.9685,
    Row("resnet50", MachineFlags("16x16", activation_kib=256)): 0.9137,
    Row("resnet50", MachineFlags("16x16", bus_bytes=4)): 0.9075,
    Row("resnet50", MachineFlags("32x32", bus_bytes=16)): 0.9024,
    Row("resnet50", MachineFlags("8x8", activation_kib=256)): 0.9804,
    Row("resnet50", MachineFlags(activation_kib=128)): 0.87,
    Row("resnet50", MachineFlags(activation_kib=64)): 0.83,
}
"""Least utilisation of the rows that promise one, as a percentage of one decimal is rounded to."""


def check(row: BenchRow) -> None:
    assert row["equal"]
    assert row["predicted_bytes"] == row["bytes_read"] + row["bytes_written"]
    assert abs(error(row["predicted_cycles"], row["simulated_cycles"])) < NETWORK_BOUND
    assert abs(error(row["worst_layer"]["predicted"], row["worst_layer"]["simulated"])) < LAYER_BOUND
    ideal = row["macs"] / multipliers(row["array"])
    assert ideal + sum(row["lost_cycles"].values()) == pytest.approx(row["simulated_cycles"])
    assert row["utilisation"] == pytest.approx(ideal / row["simulated_cycles"])


def multipliers(array: str) -> int:
    rows, columns = map(int, array.split("x"))
    return rows * columns


def test_small_rows(tcugen, tmp_path):
    result = tcugen("bench", "--small", "--json", "rows.json")
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [row["array"] for row in rows] == [row.flags.array for row in ROWS if row.is_small]
    for row in rows:
        check(row)
        assert f"{row['simulated_cycles']:,}" in result.output


@pytest.mark.verify
@pytest.mark.parametrize("network", dict.fromkeys(row.network for row in ROWS))
def test_all_rows(tcugen, tmp_path, network):
    result = tcugen("bench", "--network", network, "--json", "rows.json")
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    for row, wanted in zip(rows, [row for row in ROWS if row.network == network], strict=True):
        check(row)
        assert row["utilisation"] >= LEAST.get(wanted, 0)


def test_every_row_that_is_promised_is_there():
    assert LEAST.keys() <= set(ROWS)


def test_an_unknown_network_is_refused(tcugen):
    result = tcugen("bench", "--network", "lenet")
    assert result.exit_code == 2
    assert "--network lenet: has no row here; the networks are resnet20" in result.output
