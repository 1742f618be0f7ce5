"""Modules from files of the user's."""

import sys

import pytest
from torch import nn

from tcugen.model.errors import ModelError
from tcugen.quantize.factory import module_from_file
from tests.typed import typed

GOOD = """
from torch import nn
from beside import CHANNELS

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, CHANNELS, 1)

def build():
    return Net()

def number():
    return 3

def failing():
    raise RuntimeError("no data")

def leaving():
    raise SystemExit(3)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(GOOD)
    (tmp_path / "beside.py").write_text("CHANNELS = 5\n")
    (tmp_path / "broken.py").write_text("def build(:\n")
    yield tmp_path
    sys.modules.pop("compare", None)


@pytest.mark.parametrize("factory", ["build", "Net"])
def test_a_function_or_class_makes_the_module(place, factory):
    path = list(sys.path)
    module, name = module_from_file(f"net.py:{factory}")
    assert name == "net" and typed(nn.Conv2d, module.conv).out_channels == 5
    assert sys.path == path


@pytest.mark.parametrize(
    "argument, message",
    [
        ("net.py", "must be FILE.py:FACTORY"),
        ("net.txt:build", "must be FILE.py:FACTORY"),
        ("net.py:1x", "must be FILE.py:FACTORY"),
        ("other.py:build", "there is no file other.py"),
        ("net.py:make", "net.py defines no make"),
        ("net.py:number", "returns a int, but must return a torch.nn.Module"),
        ("net.py:failing", "fails with RuntimeError: no data"),
        ("net.py:leaving", "fails with SystemExit: 3"),
        ("broken.py:build", "fails with SyntaxError"),
    ],
)
def test_what_gives_no_module(place, argument, message):
    with pytest.raises(ModelError, match=f"module '{argument}': .*{message}"):
        module_from_file(argument)
