"""Activation memory: lifetimes, peak and spills."""

from tcugen.arch import Architecture
from tcugen.network.check import checked_network
from tcugen.network.graph import Shape
from tcugen.network.operators import Add, Conv
from tcugen.network.resnets import bundled_network
from tcugen.sizing.activations import live_tensors, peak_bytes, pixel_bytes, spilled_tensors, tensor_bytes
from tcugen.sizing.tasks import tasks_of


def measured(name: str, **parameters: int):
    network, architecture = bundled_network(name), Architecture(**parameters)
    tasks = tasks_of(network)
    sizes = {
        tensor: tensor_bytes(network.shapes[tensor], size, architecture)
        for tensor, size in pixel_bytes(network, tasks, architecture).items()
    }
    return tasks, live_tensors(network, tasks), sizes


def test_resnet50_leaves_6_kib_of_1280():
    tasks, live, sizes = measured("resnet50")
    peak, index = peak_bytes(live, sizes)
    assert 1280 * 1024 - peak == 6 * 1024
    assert tasks[index].node.name == "layer2.0.conv2"
    assert spilled_tensors(live, sizes, 1280 * 1024) == set()


def test_an_add_takes_the_place_of_its_residual_operand():
    tasks, live, _ = measured("resnet50")
    index = next(i for i, task in enumerate(tasks) if task.output == "layer1.1.add")
    assert set(live[index]) == {"layer1.1.conv2", "layer1.1.add"}


def test_a_residual_that_is_read_later_keeps_its_place():
    nodes = [
        Conv("a", ("image",), 8, (1, 1)),
        Conv("b", ("a",), 8, (1, 1)),
        Add("sum", ("b", "a")),
        Add("twice", ("sum", "a")),
    ]
    tasks = tasks_of(checked_network("n", (("image", Shape(8, 4, 4)),), nodes))
    network = checked_network("n", (("image", Shape(8, 4, 4)),), nodes)
    assert set(live_tensors(network, tasks)[1]) == {"a", "sum"}


def test_sizes():
    _, _, sizes = measured("resnet50")
    assert sizes["image"] == 224 * 224 * 3
    assert sizes["conv1"] == 112 * 112 * 64
    assert sizes["fc"] == 63 * 16
    assert "layer1.1.conv3" not in sizes
    assert tensor_bytes(Shape(17, 3, 5), 16, Architecture(bus_bytes=32)) == 2 * 3 * 96


def test_the_largest_go_first_until_the_rest_fits():
    live, sizes = [("a", "b"), ("b", "c"), ("c", "d")], {"a": 10, "b": 50, "c": 20, "d": 30}
    assert spilled_tensors(live, sizes, 60) == {"b"}
    assert spilled_tensors(live, sizes, 45) == {"b", "d"}
    assert spilled_tensors(live, sizes, 5) == {"a", "b", "c", "d"}
    assert spilled_tensors(live, sizes, 70) == set()
