"""What every test gets: output that does not depend on the terminal, and random examples that repeat."""

import hypothesis
import pytest

# One for all: a second one beside it would not start.
from tests.browser import browser

__all__ = ["browser"]

# A slow machine is no reason to fail. The same examples every time, so that a failure repeats.
hypothesis.settings.register_profile("tcugen", deadline=None, derandomize=True)
hypothesis.settings.load_profile("tcugen")


@pytest.fixture(autouse=True)
def no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that commands print is compared: it must not depend on the terminal that runs the tests."""
    for name in ("FORCE_COLOR", "PY_COLORS", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
