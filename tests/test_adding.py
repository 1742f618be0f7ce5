"""docs/adding-an-operator.md shows real code and names every file that a new operator is asked about in."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "adding-an-operator.md").read_text()
SHOWN = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("name, code", SHOWN, ids=[f"{index}-{name}" for index, (name, _) in enumerate(SHOWN)])
def test_the_code_shown_is_that_of_the_file(name, code):
    assert code in (ROOT / name).read_text()


def test_every_file_that_is_asked_is_named():
    files = [path for path in (ROOT / "tcugen").rglob("*.py") if "GlobalAveragePool" in path.read_text()]
    asked = [str(path.relative_to(ROOT)) for path in files if "assert_never(" in path.read_text()]
    assert len(asked) > 10
    assert [name for name in asked if f"`{name}`" not in PAGE] == []


def test_every_file_that_is_named_is_there():
    assert [name for name in re.findall(r"`((?:tcugen|tests)/\S+\.py)`", PAGE) if not (ROOT / name).is_file()] == []
