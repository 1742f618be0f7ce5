"""How far tensors are from the float network, where `tcugen quantize` left its figures beside a model."""

import json
from pathlib import Path

from tcugen.console.output_folder import QUANTIZE_MARKER, is_ours


def decibels_beside(model: Path) -> dict[str, float]:
    """Decibels of every tensor above its error, from `quantize.json` in the model's folder, where there is one."""
    if not is_ours(model.parent) or not (model.parent / QUANTIZE_MARKER).is_file():
        return {}
    tensors = json.loads((model.parent / QUANTIZE_MARKER).read_text())["tensors"]
    return {tensor["name"]: tensor["decibels"] for tensor in tensors if tensor["decibels"] is not None}
