"""What a partition leaves on disk for its host: the files of its parts but the unit's own, and the manifest."""

from pathlib import Path

from tcugen.model.errors import ModelError
from tcugen.partition.manifest import MANIFEST, WHOLE, Entry, HostEntry, Manifest, TensorEntry, UnitEntry, UnitTensor
from tcugen.partition.parts import Part, Partition
from tcugen.partition.stored import unit_tensor

_NAMES = {"float": "float32", "double": "float64"}


def write_host_files(partition: Partition, folder: Path) -> None:
    """Write the manifest, the whole model and an ONNX file for each part on the host.

    Raises:
        ModelError: If the model is beyond what an ONNX file holds.
    """
    try:
        (folder / WHOLE).write_bytes(_whole(partition))
        for part in partition.parts:
            if part.proto is not None:
                (folder / f"{part.name}.onnx").write_bytes(part.proto.SerializeToString(deterministic=True))
    except ValueError as error:
        raise ModelError(f"{partition.source}: cannot be written as one file ({error}); take a smaller model") from None
    (folder / MANIFEST).write_text(manifest_of(partition).model_dump_json(indent=1) + "\n", encoding="utf-8")


def manifest_of(partition: Partition) -> Manifest:
    """The manifest of a partition."""
    return Manifest(
        network=partition.title,
        source=partition.source,
        input=_tensor(partition, partition.image),
        outputs=tuple(_tensor(partition, name) for name in partition.outputs),
        host_share=partition.host_share,
        parts=tuple(_entry(partition, part) for part in partition.parts),
        refused=partition.reasons,
    )


def _whole(partition: Partition) -> bytes:
    whole = type(partition.proto)()
    whole.CopyFrom(partition.proto)
    for output in whole.graph.output:
        if not output.type.tensor_type.shape.dim:
            # Not known, which is not the same as without dimensions.
            output.type.tensor_type.ClearField("shape")
    return whole.SerializeToString(deterministic=True)


def _entry(partition: Partition, part: Part) -> Entry:
    tensors = {name: _tensor(partition, name) for name in (*part.inputs, *part.outputs)}
    if part.imported is None:
        return HostEntry(
            name=part.name,
            multiplications=part.multiplications,
            nodes=part.nodes,
            inputs=tuple(tensors[name] for name in part.inputs),
            outputs=tuple(tensors[name] for name in part.outputs),
        )
    model = part.imported.model

    def unit(name: str, tensor: str) -> UnitTensor:
        scale, zero_point = unit_tensor(model, tensor)
        return UnitTensor(**tensors[name].model_dump(), tensor=tensor, scale=scale, zero_point=zero_point)

    (entry,) = part.inputs
    return UnitEntry(
        name=part.name,
        multiplications=part.multiplications,
        nodes=part.nodes,
        input=unit(entry, model.network.inputs[0][0]),
        outputs=tuple(unit(name, tensor) for name, tensor in zip(part.outputs, model.network.outputs, strict=True)),
    )


def _tensor(partition: Partition, name: str) -> TensorEntry:
    form = partition.forms[name]
    kind = form.type.removeprefix("tensor(").removesuffix(")")
    return TensorEntry(name=name, type=_NAMES.get(kind, kind), shape=form.sides)
