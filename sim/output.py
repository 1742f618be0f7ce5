"""What the commands that print a table have in common at their end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def put_out(lines: Iterable[str], rows: Sequence[DataclassInstance], file: Path | None) -> None:
    """Print the lines of a table, and write its rows to a JSON file if there is to be one."""
    print("\n".join(lines))
    if file:
        file.write_text(json.dumps({"format": 1, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
