"""The command that runs random networks in numbers."""

import json
from collections import Counter

import pytest

from tcugen.arch import Architecture
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv, MaxPool
from tests.properties import run as command
from tests.properties.cases import Case
from tests.properties.run import MACHINES, Row, main, part_of, table, traits

MACHINE = Architecture(4, 8, 16, bus_bytes=16)


def test_what_a_network_has_is_counted():
    nodes = (
        Conv("a", ("x",), 4, kernel=(1, 9), stride=(2, 1), padding=(0, 4, 0, 4), groups=2),
        MaxPool("b", ("a",), (2, 2), stride=(2, 2), padding=(0, 0, 1, 1)),
    )
    case = Case(Network("random", (("x", Shape(4, 8, 8)),), nodes), extreme=True)
    assert set(traits(case, MACHINE)) == {
        "kernels above 7", "strides past the kernel", "asymmetric padding", "groups", "extreme scales",
        "rectangular arrays", "bus of 16 bytes",
    }  # fmt: skip
    plain = Case(Network("random", (("x", Shape(4, 8, 8)),), (Conv("a", ("x",), 4, kernel=(3, 3)),)))
    assert set(traits(plain, Architecture(8, 8, 2))) == {"1 to 8 KiB", "bus of 8 bytes"}
    separable = Case(Network("random", (("x", Shape(4, 8, 8)),), (Conv("a", ("x",), 4, kernel=(3, 3), groups=4),)))
    assert set(traits(separable, Architecture(8, 8))) == {"groups", "bus of 8 bytes"}
    beside = traits(separable, Architecture(8, 8, depthwise=2))
    assert set(beside) == {"groups", "bus of 8 bytes", "depthwise beside the array"}


def test_the_machines_of_the_rtl_are_as_different_as_they_can_be():
    assert len(MACHINES) == 14 and sum(machine.depthwise > 0 for machine in MACHINES.values()) == 2
    assert {machine.bus_bytes for machine in MACHINES.values()} == {4, 8, 16, 32, 64}
    assert {1, 2, 3, 4, 8} == {machine.activation_kib for machine in MACHINES.values()}
    assert {machine.tables for machine in MACHINES.values()} == {0, 1}
    assert {machine.rows for machine in MACHINES.values()} == {4, 8, 16, 32}


def test_networks_on_the_emulator(capsys, tmp_path):
    path = tmp_path / "table.json"
    assert main(["--emulator", "12", "--rtl", "0", "--jobs", "1", "--json", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| on | networks | too large | elements compared | disagree |"
    (found,) = [row for row in json.loads(path.read_text())["rows"] if row["on"] == "emulator"]
    assert found["networks"] >= 12 and found["elements"] > 100 and found["disagreements"] == []
    assert lines[2].startswith(f"| emulator | {found['networks']} |")


@pytest.mark.verify
def test_networks_on_one_machine_of_the_rtl(capsys):
    assert main(["--emulator", "0", "--rtl", "6", "--jobs", "1", "--machines", "4x4"]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("| 4x4 | ")


def test_a_disagreement_is_shrunk_and_reported(monkeypatch):
    def wrong(case: Case, _architecture: Architecture) -> int:
        assert len(case.network.nodes) < 2, "the second node is wrong"
        return 10

    monkeypatch.setattr(command, "emulated", wrong)
    row = part_of("emulator", 0, 60, None)
    (text,) = row.disagreements
    assert "AssertionError: the second node is wrong" in text
    assert "case=Case(" in text and "name='n1'" in text and "name='n2'" not in text


def test_rows_add_up():
    row = Row("4x4", 2, 1, 30, [], Counter({"groups": 1}))
    row.add(Row("4x4", 3, 0, 12, ["wrong"], Counter({"groups": 2})))
    assert (row.networks, row.refused, row.elements, row.disagreements) == (5, 1, 42, ["wrong"])
    assert table([row])[2] == "| 4x4 | 5 | 1 | 42 | 1 |"
    assert table([row])[-1] == "| groups | 0 | 3 |"


@pytest.mark.parametrize("arguments", [["--machines", "5x5"], ["--rtl", "-1"], ["--jobs", "0"]])
def test_bad_arguments_are_refused(arguments, capsys):
    assert main(arguments) == 2
    assert "--machines are of 4x4, 8x4" in capsys.readouterr().err
