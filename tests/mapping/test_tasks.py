"""Tasks and layouts."""

import pytest

from tcugen.arch import Architecture
from tcugen.mapping.layouts import choose_layouts
from tcugen.mapping.plan import plan_network
from tcugen.mapping.tasks import tasks_of
from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.operators import Add, GlobalAveragePool, MaxPool, Requantise
from tcugen.network.resnets import bundled_network
from tests.compiler.networks import NETWORKS, conv

ARCHITECTURE = Architecture()


def test_fused_convolution_runs_last():
    tasks = tasks_of(NETWORKS["bottleneck"])
    assert [task.nodes for task in tasks] == [
        ("a",), ("p",), ("x",), ("y",), ("d",), ("z", "s"), ("x2",), ("z2", "s2")
    ]  # fmt: skip
    assert tasks[5].residual == "d"


def test_every_task_of_resnet20():
    network = bundled_network("resnet20")
    tasks = tasks_of(network)
    assert sum(len(task.nodes) for task in tasks) == len(network.nodes)
    seen = {name for name, _ in network.inputs}
    for task in tasks:
        assert set(task.reads) <= seen
        seen.add(task.output)


def test_sums_are_stored_where_asked():
    assert [task.name for task in tasks_of(NETWORKS["average"], {"f"}) if task.int32] == ["f"]


def test_thin_layouts():
    net = NETWORKS["packed"]
    layouts = choose_layouts(net.inputs, tasks_of(net), ARCHITECTURE)
    assert [layouts[name].pixel_bytes for name in ("image", "a", "b", "c")] == [5, 8, 4, 16]
    assert layouts["image"].row_bytes == 72


@pytest.mark.parametrize("reader", [
    MaxPool("r", ("a",), kernel=(2, 2), stride=(1, 1)),
    GlobalAveragePool("r", ("a",)),
    conv("r", "a", 6, groups=6),
    Requantise("r", ("a",)),
    Add("r", ("a", "image")),
])  # fmt: skip
def test_only_plain_convolutions_read_thin_tensors(reader):
    nodes = (conv("a", "image", 6), conv("b", "a", 4), reader)
    net = checked_network("reader", (("image", Shape(6, 8, 8)),), nodes, extract=True)
    plan = plan_network(net, ARCHITECTURE)
    assert plan.layouts["a"].pixel_bytes == 16
