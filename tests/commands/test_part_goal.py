"""`--goal`: the machine that makes the most of what it takes of a part."""

import json

import pytest

from tcugen.arch import Architecture
from tcugen.commands.part_fit import room_of
from tcugen.fpga.parts import find_part


def estimated(tcugen, tmp_path, *arguments):
    result = tcugen("estimate", "--layer-config", "resnet20", "--part", "ecp5-85", "--json", "e.json", *arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "e.json").read_text())
    share = room_of(find_part("ecp5-85")).excess(Architecture.from_dict(figures["architecture"]))
    return figures["images_per_second"], share, result.stdout


def test_area_gives_more_for_each_share_and_fps_more_images(tcugen, tmp_path):
    fps, whole, _ = estimated(tcugen, tmp_path)
    assert estimated(tcugen, tmp_path, "--goal", "fps")[:2] == (fps, whole)
    images, share, text = estimated(tcugen, tmp_path, "--goal", "area")
    assert images <= fps and share <= whole
    assert images / share >= fps / whole
    assert f"the most images/s for the {share:.1%} that it takes" in text


def test_where_nothing_fits_area_is_refused_as_fps_is(tcugen):
    answers = [
        tcugen("estimate", "--layer-config", "resnet20", "--part", "ecp5-25", "--array", "16x16", "--goal", goal)
        for goal in ("fps", "area")
    ]
    assert [answer.exit_code for answer in answers] == [2, 2]
    assert answers[0].stderr == answers[1].stderr != ""


@pytest.mark.parametrize("flags", [("--goal", "area"), ("--layer-config", "resnet20", "--goal", "area")])
def test_a_goal_without_a_part_is_refused(tcugen, reference_config, flags):
    result = tcugen("build", "--layer-config", reference_config, *flags)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --goal") and result.stderr.count("\n") == 1
