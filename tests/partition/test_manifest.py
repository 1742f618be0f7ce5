"""`partition.json` is checked against itself: every mistake is one sentence with a remedy."""

import json

import pytest

from tcugen.model.errors import ModelError
from tcugen.partition.manifest import UnitTensor, parse_manifest
from tests.typed import typed

IMAGE = {"name": "image", "type": "float32", "shape": [1, 3, 8, 8]}
MIDDLE = {"name": "t4", "type": "int8", "shape": [1, 4, 6, 6]}
RESULT = {"name": "t7", "type": "float32", "shape": [1, 4]}


def unit(**changed) -> dict:
    tensor = {"tensor": "image", "scale": 0.02, "zero_point": 3}
    made = MIDDLE | {"tensor": "conv", "scale": 0.05, "zero_point": -7}
    part = {"name": "part1", "on": "unit", "multiplications": 972, "nodes": ["conv"]}
    return part | {"input": IMAGE | tensor, "outputs": [made]} | changed


def host(**changed) -> dict:
    part = {"name": "part2", "on": "host", "multiplications": 0, "nodes": ["soft"]}
    return part | {"inputs": [MIDDLE], "outputs": [RESULT]} | changed


def manifest(*parts, **changed) -> dict:
    head = {"generator": "tcugen", "format": 1, "network": "small", "source": "small.onnx"}
    tensors = {"input": IMAGE, "outputs": [RESULT]}
    return head | tensors | {"host_share": 0.0, "parts": list(parts), "refused": {"soft": "why"}} | changed


def test_a_sound_one_is_read():
    found = parse_manifest(json.dumps(manifest(unit(), host())), "partition.json")
    assert [part.on for part in found.parts] == ["unit", "host"]
    assert typed(UnitTensor, found.parts[0].outputs[0]).zero_point == -7
    assert parse_manifest(found.model_dump_json(), "again") == found


@pytest.mark.parametrize(
    "text, said",
    [
        ("{", "is no JSON"),
        ("[]", "the file is []"),
        (json.dumps(manifest(unit(), host(), format=2)), "format is 2, but "),
        (json.dumps(manifest(unit(), host(), generator="another")), "generator is another, but "),
        (json.dumps(manifest(unit(), host(), extra=1)), "extra is 1, but "),
        (json.dumps(manifest()), "parts is [], but "),
        (json.dumps(manifest(unit(on="fpga"), host())), "parts.0 is "),
        (json.dumps(manifest(unit(outputs=[]), host())), "parts.0.unit.outputs is [], but "),
        (json.dumps(manifest(unit(), host(name="../x"))), "parts.1.host.name is ../x, but "),
        (json.dumps(manifest(unit(), host(), host_share=1.5)), "host_share is 1.5, but "),
        (json.dumps(manifest(unit(), host(name="part3"))), "part 2 is called 'part3', but it must be part2"),
        (json.dumps(manifest(host(name="part1"), unit(name="part2"))), "part1 reads 't4', but no part before it makes"),
        (json.dumps(manifest(unit())), "the output is 't7', but no part makes that"),
    ],
)
def test_a_broken_one_is_one_sentence(text, said):
    with pytest.raises(ModelError) as caught:
        parse_manifest(text, "partition.json")
    message = str(caught.value)
    assert message.startswith("partition.json: ") and said in message and "\n" not in message
    assert message.endswith("; split the model again with tcugen import --partition")
