"""A model in parts, over the command line: split, evaluated, simulated on a machine that was built before."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.commands.conftest import MACHINE
from tests.onnx.importer.graphs import CONTRIB, Graph, run
from tests.partition.models import X, Y, Z, images, in_the_middle, layer, normalised

RUN = ("--model", "parts", "--images", "x.npy")


@pytest.fixture
def parts(tcugen, tmp_path) -> Path:
    """`middle.onnx`, `x.npy` and the model in parts."""
    images(in_the_middle(tmp_path).parent)
    result = tcugen("import", "middle.onnx", "--partition", "-o", "parts")
    assert result.exit_code == 0, result.output
    assert "2 nodes cannot run on the unit:" in result.stdout
    assert "  norm (LpNormalization): operator = LpNormalization; " in result.stdout
    assert "0.0 % of the model's multiplications stay on the host" in result.stdout
    return tmp_path / "parts"


def test_a_part_of_the_unit_is_a_model_of_its_own(tcugen, parts, reference_build):
    files = sorted(path.relative_to(parts).as_posix() for path in parts.rglob("*") if path.is_file())
    own = ("import.json", "layer-config.json", "model.npz", "reference.onnx")
    unit = [f"{part}/{name}" for part in ("part1", "part3") for name in own]
    assert files == sorted([*unit, "part2.onnx", "part4.onnx", "partition.json", "whole.onnx"])
    assert tcugen("layers", "parts/part3/layer-config.json").exit_code == 0
    program = ("compile", "parts/part3/model.npz", "--rtl", reference_build, "--no-certify", "-o", "program")
    compiled = tcugen(*program)
    assert compiled.exit_code == 0, compiled.output


def test_evaluate_runs_the_whole(tcugen, parts):
    labels = run(Path("middle.onnx"), np.load("x.npy")).reshape(3, -1).argmax(axis=1)
    np.save("labels.npy", labels)
    more = ("--labels", "labels.npy", "--compare", "middle.onnx", "--logits", "o.npy", "--json", "f.json")
    result = tcugen("evaluate", *RUN, *MACHINE, *more)
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("f.json").read_text())
    assert [(part["name"], part["on"]) for part in figures["parts"]] == [
        ("part1", "unit"),
        ("part2", "host"),
        ("part3", "unit"),
        ("part4", "host"),
    ]
    assert figures["reference"] == [{"name": "part1", "equal": 3}, {"name": "part3", "equal": 3}]
    assert (figures["right"], figures["top1"], figures["host_share"]) == (3, labels.tolist(), 0)
    assert [entry["name"] for entry in figures["compare"]] == ["the whole model", "middle.onnx"]
    assert all((entry["right"], entry["same"], entry["equal"]) == (3, 3, 3) for entry in figures["compare"])
    outputs = np.load("o.npy")
    assert np.array_equal(outputs, run(Path("middle.onnx"), np.load("x.npy")).reshape(3, -1))
    assert "3 of 3 images equal to ONNX Runtime on the whole model" in result.stdout


def test_evaluate_finds_a_part_that_is_not_its_model(tcugen, parts, monkeypatch):
    """An emulator that is off in one element of one part is a mismatch, though the rest runs on."""
    from tcugen.emulator import Machine

    right = Machine.run

    def wrong(machine, inputs):
        made = right(machine, inputs)
        return {name: tensor ^ (tensor == tensor.max()) for name, tensor in made.items()}

    monkeypatch.setattr(Machine, "run", wrong)
    result = tcugen("evaluate", *RUN, *MACHINE, "--json", "f.json")
    assert result.exit_code == 1
    assert json.loads(Path("f.json").read_text())["reference"][0]["equal"] == 0


def test_simulate_runs_the_whole_on_one_machine(tcugen, parts, reference_build):
    more = ("--rtl", reference_build, "--dump", "dump", "--json", "f.json")
    result = tcugen("simulate", *RUN, *more)
    assert result.exit_code == 0, result.output
    figures = json.loads(Path("f.json").read_text())
    assert figures["mismatches"] == 0 and set(figures["runs"]) == {"part1", "part3"}
    cycles = [run["cycles_per_image"] for run in figures["runs"].values()]
    assert figures["cycles_per_image"] == [sum(pair) for pair in zip(*cycles, strict=True)]
    assert figures["mac_count"] == 972 + 164
    assert [(output["equal"], output["largest_difference"]) for output in figures["outputs"]] == [(3, 0)]
    assert "agree in every element of every part" in result.stdout
    assert {path.name for path in Path("dump").iterdir()} == {"part1", "part3"}
    assert json.loads(Path("dump/part3/dump.json").read_text())["network"] == "middle.part3"
    alone = ("--model", "parts/part3/model.npz", "--images", "dump/part3/images.npy", *MACHINE)
    assert tcugen("evaluate", *alone).exit_code == 0


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("simulate", *RUN, "--only", "first"), "--only is for one network"),
        (("simulate", *RUN, "--report", "page"), "--report is for one network"),
        (("simulate", *RUN, "--waves", "w.vcd"), "--waves is for one network"),
        (("simulate", "--model", "parts"), "--images is missing"),
        (("simulate", "--model", "parts", "--images", "none.npy"), "none.npy: cannot be read"),
        (("evaluate", "--model", "parts", "--images", "flat.npy"), "images must be float32 (n, 3, 8, 8)"),
        (("evaluate", *RUN, "--json", "parts/partition.json"), "is in parts, which holds the model"),
        (("simulate", *RUN, "--dump", "parts/part1"), "is in parts, which holds the model"),
        (("evaluate", *RUN, "--compare", "none.onnx"), "--compare none.onnx is no file"),
        (("evaluate", *RUN, "--labels", "flat.npy"), "labels"),
        (("evaluate", *RUN, "--compare", "wide.onnx"), "give a file of the same outputs"),
        (("evaluate", *RUN, "--rtl", "parts"), "--rtl parts is no build"),
        (("build", "--model", "parts"), "parts holds a model in parts"),
        (("diff", "--model", "parts", "--images", "x.npy"), "parts holds a model in parts"),
        (("import", "bad.onnx", "--partition", "-o", "other"), "nothing that multiplies can run on the unit"),
        (("import", "none.onnx", "--partition", "-o", "other"), "none.onnx: cannot be read"),
        (("import", "middle.onnx", "--partition", "-o", "."), "holds files that tcugen did not write"),
        (("import", "foreign.onnx", "--partition", "-o", "other"), "foreign.onnx: ONNX Runtime cannot open it"),
    ],
)
def test_bad_input_is_one_message(tcugen, parts, arguments, said):
    np.save("flat.npy", np.zeros((3, 5), np.float32))
    graph = Graph()
    x = graph.qdq(normalised(graph, graph.qdq("image", *X)), *Z)
    graph.save(Path("bad.onnx"), x)
    graph = Graph()
    graph.save(Path("wide.onnx"), layer(graph, graph.qdq("image", *X), 3, "wide"))
    graph = Graph()
    graph.save(
        Path("foreign.onnx"), graph.node("Mystery", layer(graph, graph.qdq("image", *X), 3, "first"), domain=CONTRIB)
    )
    before = sorted(Path().rglob("*"))
    result = tcugen(*arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr and result.stderr.startswith("error: ") and "Traceback" not in result.stderr
    assert sorted(Path().rglob("*")) == before


def test_a_tensor_of_a_batch_is_no_image_of_the_unit(tcugen, tmp_path):
    """Rows of a matrix are no images: the layers on them stay on the host, with that as the reason."""
    graph = Graph()
    x = graph.node("Reshape", layer(graph, graph.qdq("image", *X), 3, "first"), graph.constant([36, 4], np.int64))
    x = graph.qdq(normalised(graph, x), *Z)
    weight = graph.quantized_constant(graph.weights(4, 5), 0.01)
    x = graph.qdq(graph.node("MatMul", x, weight, name="rows"), *Y)
    graph.save(tmp_path / "rows.onnx", x)
    result = tcugen("import", "rows.onnx", "--partition")
    assert result.exit_code == 0, result.output
    manifest = json.loads(Path("rows/partition.json").read_text())
    assert manifest["parts"][-1]["on"] == "host" and "rows" in manifest["parts"][-1]["nodes"]
    assert manifest["host_share"] == pytest.approx(36 * 20 / (36 * 20 + 36 * 108))
