"""Names of nodes as layer configs hold them."""

import re

LONGEST = 160


def valid_name(text: str) -> str:
    """`text` with everything replaced that a layer config's names may not hold."""
    return re.sub(r"[\s,\x00-\x1f\x7f]", "_", text)[:LONGEST] or "node"
