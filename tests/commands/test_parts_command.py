"""`tcugen parts` on screen and as JSON."""

import json

from tcugen.fpga.parts import bundled_parts


def test_every_part_is_listed(tcugen):
    result = tcugen("parts")
    assert result.exit_code == 0
    assert [part.name for part in bundled_parts() if part.name not in result.stdout] == []


def test_json_has_every_figure_and_its_source(tcugen, tmp_path):
    assert tcugen("parts", "--json", "parts.json").exit_code == 0
    figures = json.loads((tmp_path / "parts.json").read_text())["parts"]
    assert [part["name"] for part in figures] == [part.name for part in bundled_parts()]
    by_name = {part["name"]: part for part in figures}
    zynq = by_name["XC7Z020"]
    assert (zynq["luts"], zynq["lut_kind"], zynq["multiplier"]["kind"]) == (53200, "LUT6", "DSP48E1")
    assert zynq["block_ram"]["bits"] == 36864 and [18, 2048] in zynq["block_ram"]["shapes"]
    assert by_name["CCGM1A1"]["multiplier"] is None
    assert all(part["source"] and part["family_source"] for part in figures)


def test_libraries_of_cells_have_a_section_of_their_own(tcugen, tmp_path):
    result = tcugen("parts", "--json", "parts.json")
    assert "osu018" in result.stdout and "qflow-tech-osu018" in result.stdout
    (library,) = json.loads((tmp_path / "parts.json").read_text())["cells"]
    assert (library["name"], library["package"]) == ("osu018", "qflow-tech-osu018")


def test_a_file_that_cannot_be_written(tcugen):
    result = tcugen("parts", "--json", "nowhere/parts.json")
    assert result.exit_code == 2
    assert "nowhere is no folder" in result.stderr
