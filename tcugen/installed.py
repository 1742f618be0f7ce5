"""Where programs are found: on the PATH, or beside this Python, where pip puts them.

A virtual environment works without being activated, so what pip brought need not be on the PATH.
"""

import os
import shutil
import sys
from pathlib import Path


def search_path() -> str:
    """The PATH, with the folder of this Python's programs at its end; for programs that start others by name."""
    return os.pathsep.join(filter(None, (os.environ.get("PATH"), str(Path(sys.executable).parent))))


def find_program(name: str) -> Path | None:
    """Path of a program, None if there is none."""
    path = shutil.which(name, path=search_path())
    return Path(path) if path else None
