"""`tcugen diff` on a good build, on a broken one, and on bad input."""

import json
import re
import shutil

import pytest

from tcugen.program import Program
from tests.commands.conftest import MACHINE

FAULT = (r"(product_1_2 <= .*live_1)\[23:16\]", r"\1[15:8]")
"""Column 2 of the array multiplies by column 1's weight in row 1."""


@pytest.fixture(autouse=True)
def kept_simulators(pytestconfig, monkeypatch):
    """Simulators stay from run to run, outside the user's cache: one is compiled again only when its inputs change."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-commands")))


@pytest.fixture
def diff(tcugen, reference_config):
    return lambda *arguments: tcugen("diff", "--layer-config", reference_config, *arguments)


@pytest.fixture
def broken_build(reference_build, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(reference_build, folder)
    text, count = re.subn(*FAULT, (folder / "tcu_top.v").read_text())
    assert count == 1
    (folder / "tcu_top.v").write_text(text)
    return folder


@pytest.mark.slow
def test_a_good_build_has_no_difference(diff, reference_build, tmp_path):
    result = diff("--rtl", reference_build, "--images", 2, "--json", "finding.json")
    assert result.exit_code == 0, result.output
    assert re.search(
        r"^no difference: golden, emulator and RTL agree in 874 elements per image", result.stdout, re.MULTILINE
    )
    finding = json.loads((tmp_path / "finding.json").read_text())
    assert finding["differs"] is False and finding["first"] is None
    assert len(finding["cycles"]) == 2
    assert not (tmp_path / "diff.vcd").exists()


@pytest.mark.slow
def test_a_broken_build_is_located_and_its_waves_recorded(diff, broken_build, reference_build, tmp_path):
    result = diff("--rtl", broken_build, "--json", "finding.json")
    assert result.exit_code == 1, result.output
    finding = json.loads((tmp_path / "finding.json").read_text())
    first = finding["first"]
    assert (first["kind"], first["layer"], first["tensor"]) == ("rtl", 0, "conv1")
    assert first["element"][0] % 4 == 2
    # The listing that the build wrote has the same line, up to the zero points: those of placeholders are 0.
    start = re.escape(finding["listing"].split(" zero_point")[0])
    assert re.search(rf"^{start}", (reference_build / "program.lst").read_text(), re.MULTILINE)
    offset = Program.read(reference_build / "program").code_offsets[first["instruction"]]
    assert finding["listing"].startswith(f"{offset:06x}  DRAIN")
    for shown in (
        "look in the hardware",
        "layer        0 (conv1), image 0",
        "channel {}, pixel (row {}, column {})".format(*first["element"]),
        "golden {golden}, emulator {emulator}, rtl {rtl}".format(**first),
        f"instruction  {first['instruction']}, its write {first['write']}",
        finding["listing"],
        f"cycle        {first['cycle']}",
    ):
        assert shown in result.stdout
    counts = {layer["tensor"]: layer["rtl"] for layer in finding["layers"]}
    assert all(counts.values()) and next(iter(counts)) == "conv1" and list(counts)[-1] == "fc"
    for tensor, count in counts.items():
        assert re.search(rf"{re.escape(tensor)} .* {count} ", result.stdout)
    focus = finding["focus"]
    assert focus["first"] <= first["cycle"] < focus["first"] + focus["cycles"]
    assert re.search(rf"^waves of image 0, cycles {focus['first']} .*: diff\.vcd$", result.stdout, re.MULTILINE)
    assert "trace_drain_address" in (tmp_path / "diff.vcd").read_text()


BAD = {
    "no network": (("diff",), "either --layer-config or --model must name the network"),
    "unknown memory model": (("--memory", "foo"), "--memory is 'foo', .*fixed, ddr"),
    "unknown node": (("--only", "conv9"), "'conv9' is no node"),
    "no build": (("--rtl", "nowhere"), "--rtl nowhere is no build"),
    "waves over a folder": (("--waves", "folder"), "folder is a folder, .*--waves"),
    "waves in no folder": (("--waves", "nowhere/x.vcd"), "nowhere is no folder.*--waves"),
    "figures over a folder": (("--json", "folder"), "folder is a folder, .*--json"),
    "seed below zero": (("--seed", "-1"), "--seed is -1"),
}


@pytest.mark.parametrize("arguments, said", BAD.values(), ids=BAD)
def test_bad_input_is_one_clear_error(tcugen, diff, tmp_path, arguments, said):
    (tmp_path / "folder").mkdir()
    result = tcugen(*arguments) if arguments[0] == "diff" else diff(*arguments)
    assert result.exit_code == 2, result.output
    assert re.search(f"^error: .*{said}", result.stderr, re.MULTILINE)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_build_for_another_array_is_refused(diff, reference_build):
    result = diff("--rtl", reference_build, "--array", "8x8")
    assert result.exit_code == 2
    assert "--rows 8 (there: 4)" in result.stderr
    assert MACHINE[1] == "4x4"
