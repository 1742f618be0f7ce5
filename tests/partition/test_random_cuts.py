"""Any nodes at all refused: the parts are the whole file, and what is said of them is true."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tcugen.model.errors import ModelError
from tcugen.model.problems import Problem, UnsupportedModel
from tcugen.onnx.importer.onnx_file import read_graph
from tcugen.onnx.importer.onnx_model import import_onnx
from tcugen.partition import split as splitting
from tcugen.partition.split import split
from tests.commands.trained import write_model
from tests.onnx.importer.graphs import Graph
from tests.partition.test_split import check_parts
from tests.typed import present


@pytest.fixture
def refuse(monkeypatch):
    """Makes the importer refuse nodes by name."""

    def names(forced):
        def importer(path):
            problems = [
                Problem(node.name, node.op, "operator", node.op, "drawn at random")
                for node in read_graph(path).nodes
                if node.name in forced
            ]
            if problems:
                raise UnsupportedModel(str(path), problems)
            return import_onnx(path)

        monkeypatch.setattr(splitting, "import_onnx", importer)

    return names


@pytest.mark.parametrize("seed", range(12))
def test_parts_are_the_whole(tmp_path, refuse, seed):
    write_model(tmp_path)
    path = tmp_path / "small.onnx"
    rng = np.random.default_rng(seed)
    names = [node.name for node in read_graph(path).nodes]
    forced = set(rng.choice(names, rng.integers(1, 6), replace=False))
    refuse(forced)
    try:
        partition = split(path)
    except ModelError as error:
        # Weights may be among them, and then no layer is left.
        assert "nothing that multiplies can run on the unit" in str(error)
        return
    check_parts(path, partition, Graph(shape=(3, 16, 16), seed=seed).images(1))
    on_unit = {name for part in partition.parts if part.imported for name in part.nodes}
    on_host = {name for part in partition.parts if not part.imported for name in part.nodes}
    assert not on_unit & (on_host | forced)
    assert set(partition.reasons) <= on_host
    for part in partition.parts:
        if part.imported:
            assert len(part.inputs) == 1 and part.imported.model.network.mac_count
    assert 0 <= present(partition.host_share) < 1
