"""`tcugen layers --format` writes what `layer_tables` makes, and refuses what it does not know."""

from pathlib import Path

from tcugen.network.layer_config import load_network
from tcugen.network.layer_tables import scalesim, timeloop, zigzag


def test_each_format_is_written(tcugen):
    network, _ = load_network("resnet20")
    for form, text in (("scalesim", scalesim(network)), ("zigzag", zigzag(network))):
        assert tcugen("layers", "resnet20", "--format", form, "-o", "out").exit_code == 0
        assert Path("out").read_text() == text
    assert tcugen("layers", "resnet20", "--format", "timeloop", "-o", "problems").exit_code == 0
    assert {path.name: path.read_text() for path in Path("problems").iterdir()} == timeloop(network)


def test_an_unknown_format_and_a_missing_file_are_refused(tcugen):
    result = tcugen("layers", "resnet20", "--format", "maestro", "-o", "out")
    assert (result.exit_code, "must be one of scalesim, zigzag, timeloop" in result.stderr) == (2, True)
    result = tcugen("layers", "resnet20", "--format", "zigzag")
    assert (result.exit_code, "there is no -o" in result.stderr) == (2, True)
    assert list(Path().iterdir()) == []
