"""The whole way on a small network: what the RTL computed is right, what is shown is so, a wrong RTL is found."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.commands.conftest import MACHINE
from tests.commands.recompute import Dump

pytestmark = pytest.mark.slow

IMAGES = 2


@pytest.fixture(scope="module", autouse=True)
def kept_simulators(pytestconfig):
    """Simulators stay from run to run, outside the user's cache: one is compiled again only when its inputs change."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-commands")))
        yield


@pytest.fixture
def simulate(tcugen, reference_config, reference_build):
    def run(*arguments, rtl=reference_build):
        return tcugen("simulate", "--layer-config", reference_config, "--rtl", rtl, *arguments)

    return run


def read_figures(name):
    return json.loads(Path(name).read_text())


def test_every_tensor_of_the_dump_is_what_numpy_computes(simulate, tmp_path):
    result = simulate("--images", IMAGES, "--seed", 3, "--dump", "dump", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    assert re.search(r"^mismatches = 0", result.stdout, re.MULTILINE)
    dump, figures = Dump(tmp_path / "dump"), read_figures("figures.json")
    outputs = 0
    for node in dump.manifest["nodes"]:
        computed = dump.compute(node)
        if "output" in node:
            assert np.array_equal(dump.load(node["output"]), computed), node["name"]
            assert computed.shape[0] == IMAGES and len(np.unique(computed)) > 4, node["name"]
            outputs += 1
    fused = [source["node"] for node in dump.manifest["nodes"] for source in node["inputs"] if isinstance(source, dict)]
    assert outputs + len(fused) == len(dump.manifest["nodes"]) == 9
    assert dump.manifest["mac_count"] == figures["mac_count"] == 40416
    assert dump.manifest["cycles_per_image"] == figures["cycles_per_image"]
    assert dump.manifest["cycles"] == sum(figures["cycles_per_image"])
    assert figures["mismatches"] == 0
    assert figures["utilisation"] == pytest.approx(IMAGES * 40416 / (16 * dump.manifest["cycles"]))


def test_inputs_are_the_outputs_of_the_producers(simulate, tmp_path):
    assert simulate("--dump", "dump").exit_code == 0
    dump = Dump(tmp_path / "dump")
    by_file = {node["output"]: name for name, node in dump.nodes.items() if "output" in node}

    def producer(source):
        return source["node"] if isinstance(source, dict) else by_file.get(source, "image")

    sources = {name: [producer(source) for source in node["inputs"]] for name, node in dump.nodes.items()}
    assert sources["conv1"] == ["image"]
    assert sources["maxpool"] == ["conv1"]
    assert sorted(sources["layer1.0.add"]) == ["layer1.0.conv3", "layer1.0.downsample"]
    assert sources["fc"] == ["avgpool"]


def test_a_last_layer_with_int32_sums(simulate, tmp_path):
    assert simulate("--int32-output", "--only", "avgpool,fc", "--dump", "dump").exit_code == 0
    dump = Dump(tmp_path / "dump")
    node = dump.nodes["fc"]
    assert node["multiplier"] is None and node["clamp"] is None and node["output_zero_point"] is None
    output = dump.load(node["output"])
    assert output.dtype == np.int32
    assert np.array_equal(output, dump.compute(node))


def test_the_same_seed_gives_the_same_run_and_the_slower_memory_takes_longer(simulate):
    figures = []
    for memory in ("fixed", "fixed", "ddr"):
        assert simulate("--memory", memory, "--json", "figures.json").exit_code == 0
        figures.append(read_figures("figures.json"))
    for values in figures:
        del values["cycles_per_second"]
    assert figures[0] == figures[1]
    assert sum(figures[2]["cycles_per_image"]) > sum(figures[0]["cycles_per_image"])


def test_verilog_written_for_the_run_gives_the_same(tcugen, simulate, reference_config):
    assert simulate("--json", "there.json").exit_code == 0
    result = tcugen("simulate", "--layer-config", reference_config, *MACHINE, "--json", "new.json")
    assert result.exit_code == 0, result.output
    assert read_figures("new.json")["cycles_per_image"] == read_figures("there.json")["cycles_per_image"]


def test_one_wrong_operator_in_the_rtl_is_found(simulate, reference_build, tmp_path):
    altered = tmp_path / "altered"
    shutil.copytree(reference_build, altered)
    file = altered / "tcu_top.v"
    text, changes = re.subn(r"(product_0_0 <= [^;\n]*) \* ", r"\1 + ", file.read_text(), count=1)
    assert changes == 1
    file.write_text(text)
    result = simulate("--json", "figures.json", rtl=altered)
    assert result.exit_code == 1
    assert re.search(r"^mismatches = [1-9]", result.stdout, re.MULTILINE)
    figures = read_figures("figures.json")
    assert figures["mismatches"] > 0
    assert figures["nodes"][0]["mismatches"] > 0, "the first layer goes through that multiplier"


def test_rtl_that_never_ends_is_a_mismatch(simulate, reference_build, tmp_path):
    altered = tmp_path / "altered"
    shutil.copytree(reference_build, altered)
    (altered / "tcu_top.v").write_text("module tcu_top(input wire aclk);\nendmodule\n")
    result = simulate(rtl=altered)
    assert result.exit_code == 1
    assert "mismatch: the run did not come to a comparable end" in result.stdout
