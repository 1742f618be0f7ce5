"""The independent reader passes whole dumps of right runs, and no others."""

import json
import shutil
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from tcugen import golden
from tcugen.model.quantized import QuantizedNetwork
from tcugen.network.check import checked_network
from tcugen.network.graph import Node, Shape
from tcugen.network.operators import Add
from tcugen.program import Program
from tcugen.simulator.run import SimulationResult
from tcugen.synthetic.integers import synthesise
from tcugen.verify import compare
from tcugen.verify.compare import NodeResult, Verification, verify
from tcugen.verify.dump import write_dump
from tests import independent_reader
from tests.verify.right_run import RightRun

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

IMAGES = 2


def _dump_of(name, folder):
    run = RightRun.of(name, images=IMAGES)
    result = SimulationResult(tuple(run.image_run(i) for i in range(IMAGES)), "fixed", seconds=1.0, cpu_seconds=1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "simulate", lambda *arguments, **more: result)
        outcome = verify(run.model, run.program, Path("rtl"), run.inputs)
    write_dump(folder, run.model, run.program, run.inputs, outcome)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The dump of a right run with fused producers."""
    return _dump_of("bottleneck", tmp_path_factory.mktemp("dump") / "dump")


@pytest.fixture
def dump(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "dump"))


def test_a_whole_dump_passes(dump, capsys):
    assert independent_reader.check(dump) == 0
    assert capsys.readouterr().out.endswith("10 nodes compared with NumPy and ONNX Runtime: 0 elements differ\n")
    (dump / "reference.onnx").unlink()
    assert independent_reader.check(dump) == 0


@pytest.mark.parametrize("name", ["dilated", "dilated_pool"])
def test_distances_between_taps_are_read(name, tmp_path, capsys):
    assert independent_reader.check(_dump_of(name, tmp_path / "dump")) == 0
    entries = json.loads((tmp_path / "dump" / "dump.json").read_text())["nodes"]
    assert any(entry.get("dilation", [1, 1]) != [1, 1] for entry in entries)
    assert capsys.readouterr().out.endswith(": 0 elements differ\n")


def _without(*keep):
    return lambda manifest: manifest.update(nodes=[node for node in manifest["nodes"] if node["name"] in keep])


def _no_output(*names):
    def change(manifest):
        for node in manifest["nodes"]:
            if node["name"] in names or not names:
                node.pop("output", None)

    return change


CUT = {
    "no nodes": (_without(), "there are no nodes"),
    "the first node alone": (_without("a"), "p: is in the reference model alone"),
    "all but the last": (
        _without("a", "p", "x", "y", "z", "d", "s", "x2", "z2"),
        "s2: is in the reference model alone",
    ),
    "no output of the last": (_no_output("s2"), "s2: has no output"),
    "no output of one": (_no_output("x"), "x: has no output"),
    "no output of any": (_no_output(), "a: has no output"),
    "a node twice": (lambda manifest: manifest["nodes"].append(manifest["nodes"][0]), "two of one name"),
    "another count": (lambda manifest: manifest.update(mac_count=1), "mac_count is 1, but the nodes have"),
}


@pytest.mark.parametrize("compared", [True, False])
@pytest.mark.parametrize("change, said", CUT.values(), ids=CUT)
def test_a_dump_with_something_left_out_fails(dump, capsys, change, said, compared):
    manifest = json.loads((dump / "dump.json").read_text())
    change(manifest)
    (dump / "dump.json").write_text(json.dumps(manifest))
    if not compared:
        (dump / "reference.onnx").unlink()
    assert independent_reader.check(dump) > 0
    out = capsys.readouterr().out
    assert "not a whole dump: " in out
    assert not compared or said in out


def test_a_dump_without_images_fails(dump, capsys):
    for path in [*dump.glob("*.output.npy"), *dump.glob("input.*.npy")]:
        np.save(path, np.load(path)[:0])
    assert independent_reader.check(dump) > 0
    assert "numbers of images are [0]" in capsys.readouterr().out


def test_a_wrong_element_is_counted(dump, capsys):
    output = np.load(dump / "p.output.npy")
    output[0, 0, 0, 0] ^= 1
    np.save(dump / "p.output.npy", output)
    assert independent_reader.check(dump) > 0
    assert "p: max_pool, " in capsys.readouterr().out


def test_files_are_found_where_names_collide(tmp_path):
    shape = Shape(4, 3, 3)
    node = Add("sum", ("br/A", "br_a"))
    model, inputs = synthesise(checked_network("case", (("br/A", shape), ("br_a", shape)), [node]), 0, IMAGES)
    write_dump(tmp_path, model, cast(Program, _Program()), inputs, _outcome(model, inputs, node, shape))
    assert json.loads((tmp_path / "dump.json").read_text())["inputs"] == {
        "br/A": "input.br_A.npy",
        "br_a": "input.br_a_.npy",
    }
    assert independent_reader.check(tmp_path) == 0


class _Architecture:
    @staticmethod
    def to_dict() -> dict:
        return {}


class _Program:
    """As much of a program as a dump shows."""

    architecture = _Architecture


def _outcome(model: QuantizedNetwork, inputs: dict, node: Node, shape: Shape) -> Verification:
    tensors = golden.run(model, inputs)
    result = NodeResult(node, shape, 0, 1, 1, {}, False, 0, 0)
    return Verification((result,), (1,) * IMAGES, {}, tensors, tensors, 0, 1.0)
