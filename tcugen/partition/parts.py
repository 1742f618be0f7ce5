"""What a split ends in: parts in the order in which they run, and why some nodes are on the host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tcugen.onnx.importer.onnx_model import ImportedModel
from tcugen.partition.file_graph import TensorForm

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, eq=False)
class Part:
    """Nodes that run together, on the unit or on the host.

    Attributes:
        name: `part1` and so on, in order.
        nodes: Names in the file.
        multiplications: Of its nodes, for one image; None if shapes that tell it are not known.
        inputs, outputs: Tensors of the file; the unit's have one input.
        imported: What runs on the unit, its outputs in the order of `outputs`; None for a part on the host.
        proto: What runs on the host; None for a part on the unit.
    """

    name: str
    nodes: tuple[str, ...]
    multiplications: int | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    imported: ImportedModel | None = None
    proto: onnx.ModelProto | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Partition:
    """A model in parts.

    Attributes:
        source, title: The file, the name of the network.
        image, outputs: Tensors of the file.
        forms: Type and shape of every tensor that crosses between parts, of the image and of the outputs.
        parts: In the order in which they run.
        reasons: Why a node is on the host, by its name in the file; of those that the unit refused.
        notes: What was assumed of the file or left out.
        proto: The whole file.
    """

    source: str
    title: str
    image: str
    outputs: tuple[str, ...]
    forms: dict[str, TensorForm]
    parts: tuple[Part, ...]
    reasons: dict[str, str]
    notes: tuple[str, ...]
    proto: onnx.ModelProto = field(repr=False)

    @property
    def host_share(self) -> float | None:
        """The part of the model's multiplications that stays on the host, 0 to 1; None if it is not known."""
        counts = [(part.multiplications, part.imported is None) for part in self.parts]
        if not any(on_host for _, on_host in counts):
            return 0.0
        total = sum(count or 0 for count, _ in counts)
        if not total or any(count is None for count, _ in counts):
            return None
        return sum(count or 0 for count, on_host in counts if on_host) / total
