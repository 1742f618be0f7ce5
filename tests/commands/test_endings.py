"""How commands end when neither the input nor the result is at fault."""

import resource
import signal
import subprocess
import sys
import time

import pytest

from tcugen.network import layer_config
from tests.commands.conftest import MACHINE, REFERENCE_CONFIG

BUILD = [sys.executable, "-m", "tcugen", "build", "--layer-config", str(REFERENCE_CONFIG), *MACHINE, "-o", "built"]


@pytest.mark.slow
@pytest.mark.parametrize("most_bytes", [0, 2000, 100_000])
def test_a_disk_without_room(tmp_path, most_bytes):
    """A file cannot grow beyond `most_bytes`."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    done = subprocess.run(BUILD, cwd=tmp_path, capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode == 2
    assert "error: " in done.stderr and "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_build_leaves_no_folder_of_that_name(tmp_path, number, status):
    with subprocess.Popen(BUILD, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "writing Verilog" in line:
                break
        time.sleep(0.2)
        running.send_signal(number)
        assert "Traceback" not in running.stdout.read()
    assert running.returncode == status
    assert not (tmp_path / "built").exists()
    if number == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []
    done = subprocess.run(BUILD, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "built" / "build.json").exists()


def test_an_output_that_is_a_link_is_not_followed_into_others_files(tcugen, tmp_path):
    """A link to a folder that tcugen did not write."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    (tmp_path / "built").symlink_to(other)
    result = tcugen("build", "--layer-config", REFERENCE_CONFIG, *MACHINE, "-o", tmp_path / "built")
    assert result.exit_code == 2 and "holds files that tcugen did not write" in result.stderr
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    "error, status, message",
    [
        (RuntimeError("nobody thought of this"), 3, "fault of tcugen itself"),
        (OSError(5, "Input/output error", "/dev/sda"), 2, "/dev/sda: cannot be written"),
        (MemoryError(), 2, "memory does not suffice"),
    ],
)
def test_status_1_is_for_differences_alone(tcugen, monkeypatch, error, status, message):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(layer_config, "parse_layer_config", fail)
    result = tcugen("shapes", REFERENCE_CONFIG)
    assert result.exit_code == status and message in result.stderr
    assert ("Traceback" in result.stderr) == (status == 3)
