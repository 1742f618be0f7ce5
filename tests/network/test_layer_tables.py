"""The layers for other tools: every multiplication of the network is there, and what they read is what was meant."""

import csv
import io
import math
import re

import pytest
import yaml

from tcugen.network.layer_config import load_network, parse_layer_config
from tcugen.network.layer_tables import loop_nests, scalesim, timeloop, zigzag
from tests.typed import present

NETWORKS = ("resnet20", "resnet50", "resnext50_32x4d")


@pytest.fixture(params=NETWORKS)
def network(request):
    return load_network(request.param)[0]


def works(network):
    """MACs per node, of those that have some by the network's own count."""
    return {node.name: network.macs(node) for node in network.nodes if network.macs(node)}


def test_loops_count_the_network_s_multiplications(network):
    macs = {nest.name: nest.macs for nest in loop_nests(network)}
    own = works(network)
    assert own.items() <= macs.items()
    assert all(name.endswith("shortcut") for name in macs.keys() - own.keys())


def test_scalesim_s_output_is_the_network_s(network):
    rows = list(csv.reader(io.StringIO(scalesim(network)), skipinitialspace=True))
    assert all(len(row) == 9 and row[-1] == "" for row in rows)
    for name, *numbers, _ in rows[1:]:
        in_y, in_x, kernel_y, kernel_x, channels, filters, stride = map(int, numbers)
        shape = network.shapes[name]
        assert ((in_y - kernel_y) // stride + 1, (in_x - kernel_x) // stride + 1) == (shape.height, shape.width)
        assert filters == shape.channels
        if network.macs(network.by_name[name]):
            taps = kernel_y * kernel_x * channels
            assert taps * filters * shape.height * shape.width == network.macs(network.by_name[name])


def test_zigzag_s_loops_and_sources(network):
    entries = re.split(r"^- id: ", zigzag(network), flags=re.MULTILINE)[1:]
    nests = loop_nests(network)
    assert len(entries) == len(nests)
    for number, (entry, nest) in enumerate(zip(entries, nests, strict=True)):
        assert entry.startswith(f'{number}\n  name: "{nest.name}"\n')
        sizes = present(re.search(r"loop_sizes: \[(.*)\]", entry))
        assert math.prod(map(int, sizes[1].split(", "))) == nest.macs
        source = int(present(re.search(r"I: (\d+)}", entry))[1])
        assert source < number or (source == number and nest.source is None)


def test_timeloop_has_a_file_for_each(network):
    problems = timeloop(network)
    assert len(problems) == len(loop_nests(network))
    assert sorted(problems) == list(problems)
    for text, nest in zip(problems.values(), loop_nests(network), strict=True):
        sizes = {name: int(value) for name, value in re.findall(r"^    ([GCMRSNPQ]): (\d+)$", text, re.MULTILINE)}
        assert math.prod(sizes.values()) == nest.macs


def test_dilation_widens_what_is_read():
    text = """{"format": 2, "name": "d", "input": {"name": "image", "shape": [4, 9, 9]}, "nodes": [
        {"name": "c", "op": "conv", "inputs": ["image"], "out_channels": 4, "kernel": [3, 3], "dilation": [2, 2],
         "padding": [2, 2, 2, 2], "stride": [1, 1]}]}"""
    (nest,) = loop_nests(parse_layer_config(text))
    assert (nest.in_height, nest.out_height) == (13, 9)


def test_a_timeloop_problem_has_the_keys_of_the_published_example(network):
    """Those of `default_problem.yaml` among the example designs of Timeloop, format 0.4."""
    for text in timeloop(network).values():
        problem = yaml.safe_load(text)["problem"]
        shape, instance = problem["shape"], problem["instance"]
        assert problem["version"] == 0.4
        assert shape.keys() == {"name", "dimensions", "coefficients", "data_spaces"}
        assert [coefficient.keys() for coefficient in shape["coefficients"]] == [{"name", "default"}] * 4
        coefficients = {coefficient["name"] for coefficient in shape["coefficients"]}
        assert coefficients == {"Wstride", "Hstride", "Wdilation", "Hdilation"}
        assert instance.keys() == coefficients | set(shape["dimensions"])
        weights, inputs, outputs = shape["data_spaces"]
        assert [space["name"] for space in (weights, inputs, outputs)] == ["Weights", "Inputs", "Outputs"]
        assert (outputs["read_write"], "read_write" in weights, "read_write" in inputs) == (True, False, False)
        terms = [term for space in (weights, inputs, outputs) for sum_of in space["projection"] for term in sum_of]
        assert {term[0] for term in terms} == set(shape["dimensions"])
        assert {term[1] for term in terms if len(term) > 1} == coefficients


def test_names_that_other_tools_would_misread_are_written_otherwise():
    text = """{"format": 1, "name": "n", "input": {"name": "image", "shape": [4, 9, 9]}, "nodes": [
        {"name": "1.0", "op": "conv", "inputs": ["image"], "out_channels": 4, "kernel": [1, 1]},
        {"name": "DP1", "op": "conv", "inputs": ["1.0"], "out_channels": 4, "kernel": [1, 1]}]}"""
    network = parse_layer_config(text)
    assert [entry["name"] for entry in yaml.safe_load(zigzag(network))] == ["1.0", "DP1"]
    assert [row.split(",")[0] for row in scalesim(network).splitlines()[1:]] == ["1.0", "dp1"]
