"""The page on import names what is understood, no more and no less."""

import re
from pathlib import Path

from tcugen.onnx.importer.onnx_model import OPERATORS

PAGE = Path(__file__).parents[3] / "docs" / "import.md"


def test_the_table_has_every_operator():
    text = PAGE.read_text()
    table = text[text.index("## Operators") : text.index("Whatever depends on constants")]
    rows = [row.split("|")[2:4] for row in table.splitlines() if row.startswith("| ") and "QDQ form" not in row]
    named = re.findall(r"(?:com\.microsoft\.)?[A-Z]\w+", " ".join(cell for row in rows for cell in row))
    assert set(named) == set(OPERATORS)
