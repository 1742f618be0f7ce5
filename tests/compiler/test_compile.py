"""Programs of small networks, executed in the emulator, against golden."""

import pytest

from tcugen.arch import Architecture
from tcugen.compiler import CompileError, compile_network
from tcugen.isa import Opcode, Window
from tcugen.network.operators import Add, Conv, MaxPool
from tcugen.network.resnets import bundled_network
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS, network, run_against_golden

ARRAYS = {
    "4x4": dict(rows=4, columns=4, output_lanes=1),
    "8x8": dict(rows=8, columns=8, output_lanes=2),
    "16x16": dict(rows=16, columns=16, output_lanes=4),
    "16x8_small_rings": dict(rows=16, columns=8, output_lanes=2, weight_tiles=16, parameter_groups=2),
    "8x16_wide_bus": dict(rows=8, columns=16, output_lanes=8, bus_bytes=64),
    "32x32": dict(rows=32, columns=32, output_lanes=16, bus_bytes=32),
    "32x4_shallow": dict(rows=32, columns=4, output_lanes=4, accumulator_depth=16, bus_bytes=4),
    "4x32": dict(rows=4, columns=32, output_lanes=4),
    "8x32": dict(rows=8, columns=32, output_lanes=4),
}


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("name", NETWORKS)
def test_on_chip(name, array):
    program = run_against_golden(NETWORKS[name], Architecture(activation_kib=256, **ARRAYS[array]))
    assert program.scratch_bytes == 0
    assert not any(i["window"] == Window.SCRATCH for i in program.instructions if i.opcode == Opcode.LOAD)


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize(
    "name", ["chain", "grouped", "adds", "bottleneck", "deep", "packed", "slices", "average_pools", "moved"]
)
def test_spilled(name, array):
    program = run_against_golden(NETWORKS[name], Architecture(activation_kib=8, **ARRAYS[array]))
    if name in ("grouped", "bottleneck", "deep"):
        assert program.scratch_bytes > 0


@pytest.mark.parametrize("kib", [256, 24, 12])
def test_resnet20(kib):
    run_against_golden(bundled_network("resnet20"), Architecture(activation_kib=kib), int32_output=kib == 24)


@pytest.mark.parametrize("array", ARRAYS)
def test_sums_as_output(array):
    program = run_against_golden(NETWORKS["average"], Architecture(activation_kib=32, **ARRAYS[array]), True)
    assert program.outputs[0].layout.int32


def test_nothing_but_pools_and_adds():
    nodes = [MaxPool("p", ("image",), (2, 2), (2, 2)), Add("a", ("p", "p"), activation="relu")]
    run_against_golden(network("idle", (3, 16, 16), *nodes[:1]), Architecture(rows=4, columns=4))
    run_against_golden(network("idle", (3, 16, 16), *nodes), Architecture(rows=4, columns=4))


def test_same_model_gives_the_same_bytes():
    model, _ = synthesise(NETWORKS["bottleneck"], seed=1)
    first, second = (compile_network(model, Architecture(activation_kib=8)) for _ in range(2))
    assert first.code == second.code
    assert first.weights.tobytes() == second.weights.tobytes()


def test_progress_names_every_step():
    lines: list[str] = []
    model, _ = synthesise(NETWORKS["deep"], seed=1)
    compile_network(model, Architecture(activation_kib=8), lines.append)
    assert lines[0] == "planning" and lines[-1] == "checking"
    assert len(lines) > 3 and all(line.startswith("plan of ") and line.endswith(" cycles") for line in lines[1:-1])


def test_memory_too_small_for_one_row():
    model, _ = synthesise(NETWORKS["wide"], seed=1)
    with pytest.raises(CompileError, match=r"node 'c': needs \d+ bytes .* there are 8192; raise activation_kib to \d+"):
        compile_network(model, Architecture(activation_kib=8))


def test_kernel_too_large_for_the_instruction_set():
    node = Conv("a", ("image",), 1, (260, 1))
    model, _ = synthesise(network("tall", (1, 300, 1), node), seed=1)
    with pytest.raises(CompileError, match=r"node 'a'.*n_ky = 260.*too large for the instruction set"):
        compile_network(model, Architecture())
