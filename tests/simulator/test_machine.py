"""The emitted machine itself in the harness: two layers of a small network, image after image."""

import dataclasses

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.compiler.compile import compile_network
from tcugen.emulator.machine import Machine
from tcugen.network.graph import Network, Shape
from tcugen.network.operators import Conv, MaxPool
from tcugen.program_format import seal_weights
from tcugen.registers import ErrorCode
from tcugen.rtl.emit import emit
from tcugen.rtl.window_rules import CHECK_CYCLES
from tcugen.simulator.run import simulate
from tcugen.synthetic.integers import synthesise
from tcugen.trace.observe import observe
from tests.typed import present

pytestmark = pytest.mark.slow

ARCHITECTURE = Architecture(
    rows=4,
    columns=4,
    output_lanes=1,
    activation_kib=16,
    accumulator_depth=64,
    weight_tiles=64,
    parameter_groups=8,
)
IMAGES = 3


@pytest.fixture(scope="module")
def rtl_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("machine")
    emit(ARCHITECTURE, directory)
    return directory


@pytest.fixture(scope="module")
def program_and_images():
    network = Network(
        name="two_layers",
        inputs=(("image", Shape(5, 9, 8)),),
        nodes=(
            Conv("conv", ("image",), 10, (3, 3), (1, 1), (1, 1, 1, 1), activation="relu"),
            MaxPool("maxpool", ("conv",), kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1)),
            Conv("head", ("maxpool",), 6, (1, 1)),
        ),
    )
    model, inputs = synthesise(network, seed=3, images=IMAGES, int32_output=True)
    images = [{name: array[i] for name, array in inputs.items()} for i in range(IMAGES)]
    return compile_network(model, ARCHITECTURE), images


def test_every_tensor_equals_the_emulators(rtl_dir, cache_dir, program_and_images):
    program, images = program_and_images
    result = simulate(program, rtl_dir, images, cache_dir=cache_dir)
    for image, run in zip(images, result.images, strict=True):
        emulator = Machine(program)
        outputs = emulator.run(image)
        assert run.error is None
        assert run.outputs.keys() == outputs.keys()
        assert all(np.array_equal(run.outputs[name], outputs[name]) for name in outputs)
        observed = observe(program, present(run.drains), present(run.pools))
        assert observed.tensors.keys() == emulator.observed.keys()
        assert all(np.array_equal(observed.tensors[name], emulator.observed[name]) for name in observed.tensors)
        assert 0 < max(observed.last_cycle.values()) < run.cycles


def test_an_image_runs_the_same_whatever_ran_before(rtl_dir, cache_dir, program_and_images):
    program, images = program_and_images
    together = simulate(program, rtl_dir, images, cache_dir=cache_dir).images
    alone = simulate(program, rtl_dir, images[-1:], cache_dir=cache_dir, trace=False).images[0]
    assert {run.cycles for run in together} == {alone.cycles}
    assert together[-1].counters == alone.counters
    assert together[-1].layer_counters == alone.layer_counters


@pytest.mark.parametrize("memory", ["fixed", "ddr"])
def test_counters_add_up(rtl_dir, cache_dir, program_and_images, memory):
    program, images = program_and_images
    run = simulate(program, rtl_dir, images[:1], memory, cache_dir=cache_dir).images[0]
    assert sum(sum(layer.values()) for layer in run.layer_counters) == run.cycles
    reasons = [name for name in run.counters if name == "BUSY" or name.startswith("STALL_")]
    assert sum(run.counters[name] for name in reasons) == run.cycles
    for name in reasons:
        assert sum(layer[name] for layer in run.layer_counters) == run.counters[name]
    # The interrupt follows the last counted cycle; the write that starts the machine takes a few to get there, and
    # waits for the verdict on the windows, which were set just before.
    assert 0 <= run.interrupt_cycles - run.cycles <= 4 + CHECK_CYCLES


def test_ddr_takes_longer(rtl_dir, cache_dir, program_and_images):
    program, images = program_and_images
    fixed, ddr = (simulate(program, rtl_dir, images[:1], memory, cache_dir=cache_dir) for memory in ("fixed", "ddr"))
    assert fixed.cycles < ddr.cycles
    assert fixed.images[0].counters["BYTES_READ"] == ddr.images[0].counters["BYTES_READ"]
    (name,) = fixed.images[0].outputs
    assert np.array_equal(fixed.images[0].outputs[name], ddr.images[0].outputs[name])


def test_a_window_too_small_is_an_error_of_the_machine(rtl_dir, cache_dir, program_and_images):
    program, images = program_and_images
    few = seal_weights(program.weights[:128].tobytes(), program.architecture)
    cut = dataclasses.replace(program, weights=np.frombuffer(few, np.uint8))
    result = simulate(cut, rtl_dir, images, cache_dir=cache_dir)
    assert len(result.images) == 1
    assert present(result.images[0].error).code == ErrorCode.WINDOW


def test_weights_that_changed_are_an_error_of_the_machine(rtl_dir, cache_dir, program_and_images):
    program, images = program_and_images
    changed = program.weights.copy()
    changed[-1] ^= 1
    result = simulate(dataclasses.replace(program, weights=changed), rtl_dir, images, cache_dir=cache_dir)
    assert present(result.images[0].error).code == ErrorCode.WEIGHTS
