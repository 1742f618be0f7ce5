"""The speed of the simulation against the array alone: what is measured, and that both run."""

import json

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.compiler.compile import compile_network
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv
from tcugen.rtl.emit import emit
from tcugen.simulator import speed as speed_module
from tcugen.simulator.bare_array import build_bare_array, run_bare_array
from tcugen.simulator.build import BuildError
from tcugen.simulator.run import ImageRun, SimulationError, SimulationResult
from tcugen.simulator.speed import compare_speed, tile_pixels
from tcugen.synthetic.integers import synthesise
from tests.simulator.copy_machine import copy_program, emit_copy_machine, random_images

ARCHITECTURE = Architecture(
    rows=4, columns=8, output_lanes=2, activation_kib=16, accumulator_depth=64, weight_tiles=64, parameter_groups=8
)


@pytest.fixture(scope="module")
def rtl_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("speed")
    emit(ARCHITECTURE, directory)
    return directory


def test_a_tile_has_the_pixels_of_the_layer_that_takes_longest():
    network = Network(
        name="two_sizes",
        inputs=(("image", Shape(3, 12, 10)),),
        nodes=(
            Conv("small", ("image",), 4, (1, 1), stride=(4, 4)),
            Conv("large", ("image",), 40, (3, 3), padding=(1, 1, 1, 1)),
            Conv("last", ("small",), 4, (1, 1)),
        ),
    )
    model, _ = synthesise(network, seed=1)
    # 64 accumulators hold 6 rows of 10 pixels.
    assert tile_pixels(compile_network(model, ARCHITECTURE)) == 60


def test_medians_and_ratio_are_those_of_the_rounds(architecture, monkeypatch, tmp_path):
    seconds = {"whole": iter([2.0, 8.0, 4.0]), "array": iter([1.0, 0.5, 2.0])}

    def simulate(program, rtl_dir, images, cache_dir):
        run = ImageRun({}, 990, 1000, {}, (), None, None, None)
        return SimulationResult((run,), "fixed", seconds=99.0, cpu_seconds=next(seconds["whole"]))

    def run_array(program, cycles, pixels):
        assert (cycles, pixels) == (1000, 2 * 37)
        return next(seconds["array"])

    monkeypatch.setattr(speed_module, "simulate", simulate)
    monkeypatch.setattr(speed_module, "build_bare_array", lambda rtl_dir, cache_dir: rtl_dir)
    monkeypatch.setattr(speed_module, "run_bare_array", run_array)
    lines = []
    program = _with_blocks(architecture)
    found = compare_speed(program, tmp_path, random_images(program, 1)[0], 3, progress=lines.append)
    assert found.whole.rounds == (500.0, 125.0, 250.0)
    assert found.array.rounds == (1000.0, 2000.0, 500.0)
    assert (found.whole.median, found.array.median, found.ratio) == (250.0, 1000.0, 0.25)
    assert found.whole.cycles == found.array.cycles == 1000
    assert len(lines) == 2 + 3


def _with_blocks(architecture):
    """The copy program, whose COMPUTE takes two rows of 37 pixels per block."""
    program = copy_program(architecture)
    program.instructions[0].fields["block_rows"] = 2
    return program


def test_verilog_without_the_array_is_refused(tmp_path, architecture):
    rtl_dir = emit_copy_machine(tmp_path / "rtl", architecture, 1)
    with pytest.raises(BuildError, match="no module tcu_array; emit it"):
        build_bare_array(rtl_dir, tmp_path / "cache")


@pytest.mark.slow
def test_the_array_alone_is_simulated(rtl_dir, cache_dir):
    program = build_bare_array(rtl_dir, cache_dir)
    assert 0 < run_bare_array(program, 1000, 49) < run_bare_array(program, 200_000, 49) < 60
    with pytest.raises(SimulationError, match="usage: simulator CYCLES PIXELS"):
        run_bare_array(program, 0, 49)


@pytest.mark.slow
def test_the_command_prints_what_it_writes(rtl_dir, pytestconfig, monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from tcugen.cli import app

    monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-commands")))
    monkeypatch.chdir(tmp_path)
    arguments = ["speed", "--layer-config", "resnet20", "--only", "layer3.1.conv1", "--rtl", str(rtl_dir)]
    result = CliRunner().invoke(app, [*arguments, "--rounds", "3", "--json", "speed.json"])
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "speed.json").read_text())
    whole, array = (np.median(figures[f"{side}_cycles_per_second"]) for side in ("whole", "array"))
    assert len(figures["whole_cycles_per_second"]) == len(figures["array_cycles_per_second"]) == 3
    assert figures["ratio"] == pytest.approx(whole / array)
    assert 0 < figures["ratio"] < 1
    assert f"whole machine: {whole:,.0f} cycles/s" in result.output
    assert f"array alone: {array:,.0f} cycles/s" in result.output
    assert f"ratio = {figures['ratio']:.3f}" in result.output


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--rounds", "0"), "--rounds is 0, but it must be at least 1"),
        (("--only", "conv9"), "'conv9' is no node"),
        (("--layer-config", "resnet51"), "did you mean 'resnet50'"),
        (("--json", "nowhere/x.json"), "nowhere is no folder"),
        (("--rtl", "nowhere"), "--rtl nowhere is no build"),
    ],
)
def test_bad_input_is_one_clear_error(tmp_path, monkeypatch, arguments, said):
    from typer.testing import CliRunner

    from tcugen.cli import app

    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["speed", *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
