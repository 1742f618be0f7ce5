"""Every operator that is read: golden, emulator and ONNX Runtime agree, and how far LiteRT is from them."""

import numpy as np
import pytest

pytest.importorskip("tflite")
pytest.importorskip("ai_edge_litert")

from tcugen.tflite.importer import import_tflite
from tcugen.tflite.litert import Kernels, run_litert
from tcugen.tflite.operators import OPERATORS
from tests.onnx.importer.conftest import integers
from tests.tflite.cases import CASES
from tests.tflite.files import File, schema
from tests.tflite.running import steps_from_litert

ROUNDED_OTHERWISE = {
    # Ties go away from zero there, to even here; of four pixels every fourth sum is one.
    "average": 0.25,
    "average, same": 0.25,
    "average, whole": 0.1,
    # Fixed-point multipliers there.
    "mean": 0.05,
    "mean, flat": 0.05,
    "quantize": 0.01,
    "hard_swish": 0.05,
}
"""Cases in which LiteRT's default kernels round otherwise, and the largest share of elements, each one step off."""


@pytest.mark.parametrize("name", CASES)
def test_against_litert(name, tmp_path):
    file, output = CASES[name]()
    steps = steps_from_litert(file.save(tmp_path / "case.tflite", output), file.images(20))
    if name in ROUNDED_OTHERWISE:
        assert steps.max() <= 1 and np.count_nonzero(steps) <= ROUNDED_OTHERWISE[name] * steps.size
    else:
        assert not steps.any()


@pytest.mark.parametrize("kernels", [Kernels.BUILT_IN, Kernels.REFERENCE])
@pytest.mark.parametrize("name", ["conv", "depthwise, multiplier 2", "connected", "add"])
def test_other_kernels_are_one_step_off_here_and_there(name, kernels, tmp_path):
    file, output = CASES[name]()
    steps = steps_from_litert(file.save(tmp_path / "case.tflite", output), file.images(20), kernels)
    assert steps.max() <= 1 and np.count_nonzero(steps) < 0.005 * steps.size + 2


def test_litert_rounds_ties_of_means_away_from_zero(tmp_path):
    """That is all there is between its means over windows and the hardware's."""
    file, output = CASES["average"]()
    path, images = file.save(tmp_path / "case.tflite", output), file.images(40)
    sums = images.astype(np.int64).reshape(40, 3, 2, 3, 2, 4).sum(axis=(2, 4))
    away = np.sign(sums) * ((np.abs(sums) + 2) // 4)
    for kernels in Kernels:
        found = np.concatenate([run[0] for run in run_litert(path, images, [output], kernels)])
        assert np.array_equal(found, away)
    steps = steps_from_litert(path, images)
    assert not steps.transpose(0, 2, 3, 1)[sums % 4 != 2].any() and steps.any()


def test_every_operator_has_a_case():
    """Functions that LiteRT has in floating point only are in the test below; EXPAND_DIMS needs three dimensions."""
    made = {name for build in CASES.values() for name in operators_of(build()[0])}
    assert made - set(OPERATORS) == set()
    assert set(OPERATORS) - made == set(FUNCTIONS) | {"EXPAND_DIMS"}


def operators_of(file: File) -> set[str]:
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    return {names[code.builtinCode] for code in file.codes}


FUNCTIONS = {
    "ABS": np.abs,
    "NEG": np.negative,
    "RELU_0_TO_1": lambda x: np.clip(x, 0, 1),
    "RELU_N1_TO_1": lambda x: np.clip(x, -1, 1),
    "SIN": np.sin,
    "COS": np.cos,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "ROUND": np.rint,
    "SQRT": np.sqrt,
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_functions_that_litert_has_in_floating_point(kind, tmp_path):
    """All 256 values are the function's, rounded to the nearest step."""
    zero = -128 if kind == "SQRT" else -5
    file = File((1, 16, 16, 1), scale=0.03, zero_point=zero)
    y = file.op(kind, [file.image], file.tensor((1, 16, 16, 1), 0.04, -3))
    model = import_tflite(file.save(tmp_path / "case.tflite", y)).imported.model
    images = np.arange(-128, 128).astype(np.int8).reshape(1, 1, 16, 16)
    real = FUNCTIONS[kind]((images.astype(np.float32) - zero) * np.float32(0.03))
    steps = np.abs(integers(model, images) - np.clip(real / np.float32(0.04) - 3, -128, 127))
    assert steps.max() <= 0.5001
