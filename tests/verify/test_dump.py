"""What stands in a dump, read with NumPy and JSON alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from tcugen.model.integers import AveragePoolIntegers, ConcatIntegers
from tcugen.simulator.run import SimulationResult
from tcugen.verify import compare, dump
from tcugen.verify.compare import verify
from tcugen.verify.dump import write_dump
from tests.typed import typed
from tests.verify.right_run import ARCHITECTURE, RightRun

IMAGES = 2


def verified(run: RightRun, monkeypatch):
    result = SimulationResult(tuple(run.image_run(i) for i in range(IMAGES)), "fixed", seconds=1.0, cpu_seconds=1.0)
    monkeypatch.setattr(compare, "simulate", lambda *arguments, **more: result)
    return verify(run.model, run.program, Path("rtl"), run.inputs)


@pytest.fixture(scope="module")
def bottleneck() -> RightRun:
    return RightRun.of("bottleneck", images=IMAGES)


@pytest.fixture(scope="module")
def adds() -> RightRun:
    return RightRun.of("adds", images=IMAGES, int32_output=True)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes the dump of a run; returns its folder and its nodes by name."""
    monkeypatch.setattr(dump, "reference_available", lambda: False)

    def write(run: RightRun, outcome=None):
        write_dump(tmp_path, run.model, run.program, run.inputs, outcome or verified(run, monkeypatch))
        manifest = json.loads((tmp_path / "dump.json").read_text())
        return manifest, {node["name"]: node for node in manifest["nodes"]}

    return write


def test_the_head_says_what_ran(written, adds):
    manifest, _ = written(adds)
    assert (manifest["format"], manifest["network"]) == (1, "adds")
    assert manifest["mac_count"] == adds.model.network.mac_count
    assert manifest["architecture"] == ARCHITECTURE.to_dict()
    cycles = [adds.image_run(i).cycles for i in range(IMAGES)]
    assert (manifest["cycles"], manifest["cycles_per_image"]) == (sum(cycles), cycles)
    assert [node["name"] for node in manifest["nodes"]] == [node.name for node in adds.model.network.nodes]


KEYS = {
    "conv": {"weight", "bias", "multiplier", "kernel", "stride", "padding", "groups", "output_zero_point", "clamp"},
    "linear": {"weight", "bias", "multiplier", "kernel", "stride", "padding", "groups", "output_zero_point", "clamp"},
    "add": {"multiplier", "shift", "output_zero_point", "clamp"},
    "max_pool": {"kernel", "stride", "padding"},
    "global_average_pool": {"multiplier", "output_zero_point", "clamp"},
    "requantise": {"multiplier", "output_zero_point", "clamp"},
}
EVERY = {"name", "op", "cycles", "inputs", "input_zero_points"}


def test_every_operator_has_its_keys(written, adds):
    _, nodes = written(adds)
    assert {node["op"] for node in nodes.values()} == set(KEYS)
    for node in nodes.values():
        output = {"output"} if node["name"] in adds.program.tensors else set()
        assert set(node) == EVERY | output | KEYS[node["op"]], node["name"]


def test_tensors_and_integers_are_those_of_the_run(written, adds, tmp_path):
    _, nodes = written(adds)
    for name, node in nodes.items():
        if "output" in node:
            output = np.load(tmp_path / node["output"])
            assert output.dtype == adds.golden[name].dtype and np.array_equal(output, adds.golden[name]), name
        integers = adds.model.integers[name]
        if "weight" in node:
            weight = np.load(tmp_path / node["weight"])
            assert weight.dtype == np.int8 and weight.ndim == (2 if node["op"] == "linear" else 4)
            assert np.array_equal(weight.ravel(), integers.weight.ravel())
            bias = np.load(tmp_path / node["bias"])
            assert bias.dtype == np.int32 and np.array_equal(bias, integers.bias)
        zero_points = [adds.model.tensors[source].zero_point for source in adds.model.network.by_name[name].inputs]
        assert node["input_zero_points"] == zero_points
    assert np.load(tmp_path / nodes["a"]["multiplier"]).dtype == np.float32
    assert nodes["s"]["multiplier"] == list(adds.model.integers["s"].multipliers)
    assert nodes["s"]["shift"] == adds.model.integers["s"].shift
    assert np.float32(nodes["v"]["multiplier"]) == adds.model.integers["v"].multiplier


def test_concat_and_slice_have_theirs(written):
    run = RightRun.of("slices", images=IMAGES)
    _, nodes = written(run)
    assert {node["op"] for node in nodes.values()} == {"conv", "add", "slice", "concat", "global_average_pool"}
    assert set(nodes["t"]) == EVERY | {"channels", "output"} and nodes["t"]["channels"] == [13, 40]
    joined = nodes["c"]
    assert set(joined) == EVERY | {"multipliers", "output_zero_point", "clamp", "output"}
    assert np.array_equal(np.float32(joined["multipliers"]), typed(ConcatIntegers, run.model.integers["c"]).multipliers)
    assert joined["input_zero_points"] == [run.model.zero_point(name) for name in "dab"]
    assert nodes["w"]["multipliers"][0] == nodes["w"]["multipliers"][1]


def test_average_pool_has_a_multiplier_for_every_count(written):
    run = RightRun.of("average_pools", images=IMAGES)
    _, nodes = written(run)
    keys = {"kernel", "stride", "padding", "count_include_pad", "multipliers", "output_zero_point", "clamp", "output"}
    assert set(nodes["a"]) == EVERY | keys
    assert list(nodes["a"]["multipliers"]) == ["4", "6", "9"] and list(nodes["c"]["multipliers"]) == ["9"]
    assert nodes["a"]["count_include_pad"] is False and nodes["c"]["count_include_pad"] is True
    factors = np.array(list(nodes["a"]["multipliers"].values()), np.float32)
    assert np.array_equal(factors, typed(AveragePoolIntegers, run.model.integers["a"]).multipliers)


def test_operators_that_move_have_their_attributes(written):
    _, nodes = written(RightRun.of("moved", images=IMAGES))
    assert set(nodes["a"]) == EVERY | {"factor", "output"} and nodes["a"]["factor"] == [2, 3]
    assert set(nodes["c"]) == EVERY | {"block", "mode", "output"} and nodes["c"]["mode"] == "CRD"
    assert set(nodes["g"]) == EVERY | {"groups", "output"} and nodes["g"]["groups"] == 8


def test_a_last_layer_of_sums_has_an_int32_file_and_no_quantization(written, adds, tmp_path):
    _, nodes = written(adds)
    assert np.load(tmp_path / nodes["f"]["output"]).dtype == np.int32
    assert nodes["f"]["multiplier"] is nodes["f"]["clamp"] is nodes["f"]["output_zero_point"] is None


def test_inputs_are_the_producers_files(written, adds, tmp_path):
    _, nodes = written(adds)
    assert np.array_equal(np.load(tmp_path / nodes["a"]["inputs"][0]), adds.inputs["image"])
    assert nodes["s"]["inputs"] == [nodes["a"]["output"], nodes["p"]["output"]]
    assert nodes["t"]["inputs"] == [nodes["s"]["output"]] * 2
    assert nodes["u"]["inputs"] == [{"node": "r"}, nodes["a"]["inputs"][0]]


def test_a_fused_producer_has_no_output_and_is_named(written, bottleneck):
    _, nodes = written(bottleneck)
    fused = {name for name in nodes if name not in bottleneck.program.tensors}
    assert fused
    for name, node in nodes.items():
        assert ("output" in node) == (name not in fused)
        sources = bottleneck.model.network.by_name[name].inputs
        assert [{"node": source} for source in sources if source in fused] == [
            entry for entry in node["inputs"] if isinstance(entry, dict)
        ]


def test_outputs_are_the_rtls_even_where_they_are_wrong(written, adds, tmp_path, monkeypatch):
    outcome = verified(adds, monkeypatch)
    outcome.rtl["p"][0, 0, 0, 0] ^= 1
    _, nodes = written(adds, outcome)
    output = np.load(tmp_path / nodes["p"]["output"])
    assert np.count_nonzero(output != adds.golden["p"]) == 1


def test_file_names_stay_apart_on_every_file_system(tmp_path):
    files = dump._Files(tmp_path)
    names = [files.save(name, np.array([i])) for i, name in enumerate(("a/b", "a:b", "A_B", "a_b_", "c"))]
    assert len({name.lower() for name in names}) == 5
    assert all(set(name) <= set("abcAB_.npy") for name in names)
    assert [int(np.load(tmp_path / name)[0]) for name in names] == [0, 1, 2, 3, 4]


def test_an_interrupted_dump_is_not_taken_for_a_whole_one(written, adds, tmp_path, monkeypatch):
    written(adds)
    assert (tmp_path / "dump.json").exists()
    outcome = verified(adds, monkeypatch)

    def full(self, name, array):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dump._Files, "save", full)
    with pytest.raises(OSError, match="No space left"):
        write_dump(tmp_path, adds.model, adds.program, adds.inputs, outcome)
    assert not (tmp_path / "dump.json").exists()


def test_the_reference_model_is_with_the_dump_where_it_can_be_written(adds, tmp_path, monkeypatch):
    outcome = verified(adds, monkeypatch)
    monkeypatch.setattr(dump, "reference_available", lambda: True)
    monkeypatch.setattr(dump, "write_reference", lambda model, path, every_tensor: path.write_text(f"{every_tensor}"))
    write_dump(tmp_path, adds.model, adds.program, adds.inputs, outcome)
    assert (tmp_path / "reference.onnx").read_text() == "True"
    monkeypatch.setattr(dump, "reference_available", lambda: False)
    write_dump(tmp_path, adds.model, adds.program, adds.inputs, outcome)
    assert not (tmp_path / "reference.onnx").exists()
