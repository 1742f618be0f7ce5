"""`tcugen parts`."""

import json


def test_all_parts_are_shown(tcugen, tmp_path):
    result = tcugen("parts", "--json", "parts.json")
    assert result.exit_code == 0
    rows = json.loads((tmp_path / "parts.json").read_text())["parts"]
    assert all(row["name"] in result.stdout for row in rows)
    (row,) = (row for row in rows if row["name"] == "XC7Z020")
    assert (row["luts"], row["flip_flops"], row["dsp"]["count"], row["bram"]["count"]) == (53200, 106400, 220, 140)
    assert row["placed_by"] is None and row["boards"][0]["peak_mb_per_s"] == 4264


def test_one_part_is_shown_with_its_shapes_boards_and_documents(tcugen):
    result = tcugen("parts", "--part", "ecp5-85f")
    assert result.exit_code == 0
    for text in ("83,640 of 4 inputs", "208 DP16KD of 18,432 bits: 1 x 16,384", "ULX3S 85F", "FPGA-DS-02012"):
        assert text in result.stdout
    assert "placed by   nextpnr-ecp5" in result.stdout


def test_an_unknown_part_is_refused_and_nothing_is_written(tcugen, tmp_path):
    result = tcugen("parts", "--part", "XC7Z02", "--json", "parts.json")
    assert result.exit_code == 2
    assert "did you mean 'XC7Z020'" in result.stderr
    assert list(tmp_path.iterdir()) == []
