"""Results of an earlier run never stand where a failed one would have put its own."""

import json
import re
from pathlib import Path

import pytest

from tcugen.console import output_files
from tcugen.console.outcome import UsageError
from tcugen.console.output_files import start_over, write_json

OLD = "of an earlier run\n"


def test_files_of_an_earlier_run_are_removed(tmp_path):
    old, other = tmp_path / "old.json", tmp_path / "other"
    old.write_text(OLD)
    other.write_text("mine")
    start_over({"--json": old, "--logits": None, "--waves": tmp_path / "new"}, (other, None))
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_a_link_keeps_leading_where_it_did(tmp_path):
    (tmp_path / "real.json").write_text(OLD)
    link = tmp_path / "link.json"
    link.symlink_to("real.json")
    start_over({"--json": link})
    assert link.is_symlink() and not link.exists()
    write_json(link, {"a": 1})
    assert link.is_symlink() and json.loads((tmp_path / "real.json").read_text()) == {"a": 1}


def test_devices_stay():
    start_over({"--json": Path("/dev/null")})
    write_json(Path("/dev/null"), {"a": 1})
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    "outputs, message",
    [
        ({"--json": "x.npy"}, "--json x.npy is the input x.npy too, and would replace it; choose another name"),
        ({"--json": "a", "--logits": "./a"}, "--logits a is the file of --json too"),
        ({"--json": "a", "--logits": "nowhere/b"}, "nowhere is no folder"),
    ],
)
def test_nothing_is_removed_where_a_name_is_refused(tmp_path, monkeypatch, outputs, message):
    monkeypatch.chdir(tmp_path)
    for name in ("x.npy", "a"):
        Path(name).write_text(OLD)
    with pytest.raises(UsageError, match=re.escape(message)):
        start_over({flag: Path(path) for flag, path in outputs.items()}, ("x.npy",))
    assert Path("x.npy").read_text() == Path("a").read_text() == OLD


def test_json_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "figures.json"
    write_json(path, {"a": [1]})
    assert path.read_text() == '{\n "a": [\n  1\n ]\n}\n'

    def interrupted(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(output_files.Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": [1]} and list(tmp_path.iterdir()) == [path]


FAILING = {
    "simulate": (("--layer-config", "resnet20", "--dump", "dump"), ("dump/dump.json", "figures.json")),
    "shapes": (("resnet20",), ("figures.json",)),
    "speed": (("--layer-config", "resnet20", "--only", "fc"), ("figures.json",)),
    "diff": (("--layer-config", "resnet20"), ("figures.json", "diff.vcd")),
    "evaluate": (("--model", "m.npz", "--images", "x.npy", "--logits", "logits.npy"), ("figures.json", "logits.npy")),
}


@pytest.mark.parametrize("command", FAILING)
def test_a_failed_run_leaves_no_old_result(tcugen, tmp_path, command):
    arguments, places = FAILING[command]
    (tmp_path / "dump").mkdir()
    for place in (*places, "dump/a.output.npy"):
        (tmp_path / place).write_text(OLD)
    result = tcugen(command, *arguments, "--rtl", "nowhere", "--json", "figures.json")
    assert result.exit_code == 2, result.output
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "dump" / "a.output.npy"]
