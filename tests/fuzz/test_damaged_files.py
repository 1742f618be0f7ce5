"""Whatever is wrong with a file: one message, in bounded time and memory, and the interpreter lives."""

import json
import subprocess
import sys

import pytest

from tests.fuzz.readers import READERS, sound_files


def faults(kind: str, seed: int, count: int, minutes: float) -> dict[str, str]:
    """Errors that no user should see, by where they come from; see `tests.fuzz.run`."""
    command = [sys.executable, "-m", "tests.fuzz.run", kind, str(seed), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=minutes * 60)
    assert done.returncode == 0, f"the interpreter died with {done.returncode} at case {done.stderr[-300:]}"
    result = json.loads(done.stdout)
    assert result["taken"] + result["refused"] + len(result["faults"]) > 0
    assert result["refused"] > count // 4, "the damage does no harm"
    return result["faults"]


@pytest.mark.parametrize("kind", READERS)
def test_sound_files_are_taken(kind, tmp_path):
    reader = READERS[kind]
    for content in sound_files(kind):
        (tmp_path / reader.name).write_bytes(content)
        reader.read(tmp_path / reader.name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", READERS)
def test_a_few_damaged_files(kind):
    assert faults(kind, seed=1, count=60, minutes=5) == {}


@pytest.mark.verify
@pytest.mark.parametrize("kind", READERS)
def test_many_damaged_files(kind):
    assert faults(kind, seed=2, count=600, minutes=30) == {}
