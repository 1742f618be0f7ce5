"""What programs look like: prefetch, early starts, size, listing."""

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.compiler import compile_network, disassemble
from tcugen.compiler.integers import integers_of
from tcugen.compiler.weights import convolution_columns
from tcugen.isa import Opcode
from tcugen.mapping.plan import plan_network
from tcugen.mapping.tasks import ConvTask
from tcugen.mapping.tiling import panel_of
from tcugen.network.resnets import bundled_network
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS
from tests.typed import present, typed, weighted


@pytest.fixture(scope="module")
def resnet20():
    return compile_network(synthesise(bundled_network("resnet20"), seed=1)[0], Architecture(activation_kib=64))


def test_weights_run_ahead_across_layers(resnet20):
    weights = computes = 0
    for instruction in resnet20.instructions:
        weights += instruction.opcode == Opcode.WEIGHT
        if instruction.opcode == Opcode.COMPUTE and instruction["layer"] > computes:
            computes = instruction["layer"]
            assert computes + 1 <= weights <= computes + 5
    assert weights == len(resnet20.layers)


def test_each_weight_crosses_memory_once(resnet20):
    streamed = [i["offset"] for i in resnet20.instructions if i.opcode == Opcode.WEIGHT]
    assert len(set(streamed)) == len(streamed)


def test_first_column_does_not_wait_for_the_last_tile(resnet20):
    """Layers that read the one right before them: the first COMPUTE waits for less than the last."""
    for layer, tensor in enumerate(layer.tensor for layer in resnet20.layers):
        if not tensor.startswith(("layer1.", "layer2.1.", "layer2.2.", "layer3.1.", "layer3.2.")):
            continue
        waits = [i["wait_drain"] for i in resnet20.instructions if i.opcode == Opcode.COMPUTE and i["layer"] == layer]
        assert waits[0] < max(waits), tensor


def test_image_arrives_row_by_row():
    model, _ = synthesise(NETWORKS["bottleneck"], seed=1)
    program = compile_network(model, Architecture())
    waits = [i["wait_load"] for i in program.instructions if i.opcode == Opcode.COMPUTE and i["layer"] == 0]
    assert waits == sorted(waits) and len(set(waits)) == len(waits) == 2


def test_pool_runs_behind_its_convolution():
    model, _ = synthesise(NETWORKS["bottleneck"], seed=1)
    program = compile_network(model, Architecture())
    order = [i.opcode for i in program.instructions if i["layer"] in (0, 1) and i.opcode in (Opcode.DRAIN, Opcode.POOL)]
    assert order == [Opcode.DRAIN, Opcode.POOL] * (len(order) // 2)


def test_every_instruction_carries_its_layer(resnet20):
    numbers = [i["layer"] for i in resnet20.instructions if i.opcode == Opcode.DRAIN]
    assert numbers == sorted(numbers) and set(numbers) == set(range(len(resnet20.layers)))


def test_program_survives_its_file(resnet20, tmp_path):
    resnet20.write(tmp_path)
    again = resnet20.read(tmp_path)
    assert again.code == resnet20.code and again.observations == resnet20.observations
    assert disassemble(again) == disassemble(resnet20)


def test_listing(resnet20):
    lines = disassemble(resnet20).splitlines()
    assert len([line for line in lines if not line.startswith(";")]) == len(resnet20.instructions)
    assert any(line.startswith("; layer") and "layer1.0.conv2 + layer1.0.add" in line for line in lines)
    assert lines[1] == "; layer 0: conv1" and "window=INPUT" in lines[2]
    assert any("writes fc[0, 0, 0]" in line for line in lines)


def test_weight_stream_holds_every_weight():
    model, _ = synthesise(NETWORKS["grouped"], seed=1)
    program = compile_network(model, Architecture())
    nonzero = sum(int(np.count_nonzero(weighted(model, node.name).weight)) for node in model.network.nodes)
    kept = 0
    for i in program.instructions:
        if i.opcode == Opcode.WEIGHT:
            size = 128 + i["n_tiles"] * 256
            block = program.weights[i["offset"] : i["offset"] + i["n_columns"] * size].reshape(-1, size)
            kept += int(np.count_nonzero(block[:, 128:]))
    assert kept == nonzero


def test_grouped_convolution_streams_diagonal_blocks_only():
    model, _ = synthesise(NETWORKS["grouped"], seed=1)
    plan = plan_network(model.network, Architecture())
    panels = [present(panel) for panel in plan.panels]
    assert [panel.n_groups for panel in panels] == [1, 1, 2, 2]
    assert [panel.column_words for panel in panels[:2]] == [1, 1]
    task, layout = typed(ConvTask, plan.tasks[0]), plan.layouts["image"]
    numbers = present(integers_of(model, plan.tasks, Architecture())[0])
    panel = panel_of(task, layout, Architecture())
    assert convolution_columns(task, numbers, layout, panel, Architecture()).shape == (4, 128 + 9 * 256)
