"""Compiling with and without training: the program does the same, whatever became of the training."""

import dataclasses
import shutil

import numpy as np
import pytest

from tcugen.arch import Architecture
from tcugen.simulator import run as run_module
from tcugen.simulator import toolchain
from tcugen.simulator.build import build
from tcugen.simulator.run import simulate, training
from tests.simulator.copy_machine import copy_program, random_images
from tests.typed import present

pytestmark = pytest.mark.slow


def works(program, rtl_dir, cache_dir):
    """Whether the cached simulator fulfils the copy program."""
    image = random_images(program, 1)[0]
    result = simulate(program, rtl_dir, [image], cache_dir=cache_dir)
    return np.array_equal(result.images[0].outputs["copy"], image["image"] + np.int8(1))


@pytest.fixture
def rtl_dir(copy_machine, tmp_path):
    return shutil.copytree(copy_machine, tmp_path / "rtl")


def log_of(simulator):
    return (simulator.parent / "build.log").read_text()


def test_a_trained_program_was_compiled_for_what_it_showed(rtl_dir, architecture, tmp_path, monkeypatch):
    program = copy_program(architecture)
    monkeypatch.setattr(run_module, "_TRAINED_MULTIPLIERS", architecture.multipliers)
    counted = []
    train = present(training(program, random_images(program, 1)[0], "fixed"))

    def count(simulator):
        train(simulator)
        counted.extend(path.name for path in simulator.parent.glob("*.gcda"))

    simulator = build(rtl_dir, tmp_path / "cache", train=count)
    assert "main.gcda" in counted and any(name.startswith("Vtcu_top") for name in counted)
    assert "-fprofile-use" in log_of(simulator)
    assert works(program, rtl_dir, tmp_path / "cache")


def test_training_that_shows_nothing_does_no_harm(rtl_dir, architecture, tmp_path):
    trained = []
    build(rtl_dir, tmp_path / "cache", train=trained.append)
    assert len(trained) == 1
    assert works(copy_program(architecture), rtl_dir, tmp_path / "cache")


def test_a_compiler_that_cannot_use_what_was_shown_compiles_without(rtl_dir, architecture, tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain, "_USE", "-fprofile-use -fno-such-optimisation")
    simulator = build(rtl_dir, tmp_path / "cache", train=lambda program: None)
    assert "no-such-optimisation" in log_of(simulator)
    assert works(copy_program(architecture), rtl_dir, tmp_path / "cache")


def test_small_arrays_are_not_trained(architecture):
    large = Architecture(**{**dataclasses.asdict(architecture), "rows": 16, "columns": 16})
    assert training(copy_program(architecture), {}, "fixed") is None
    assert training(copy_program(large), {}, "fixed") is not None
