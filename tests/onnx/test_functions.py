"""The rule of tables beside ONNX Runtime's own kernels: all 256 values at a hundred scales and zero points each."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tcugen.model.functions import real_function, table_entries
from tests.onnx.functions import FUNCTIONS, SCALES, operator_form_entries, quantizations, steps_apart


@pytest.mark.parametrize("case", FUNCTIONS)
def test_no_entry_differs(case):
    assert sum(int(np.count_nonzero(steps_apart(case, seed))) for seed in range(SCALES)) == 0


@pytest.mark.parametrize("operator, case", [("QLinearSigmoid", "sigmoid"), ("QLinearLeakyRelu", "leaky_relu")])
def test_no_entry_of_the_operator_form_differs(operator, case):
    function, alpha, _, _ = FUNCTIONS[case]
    attributes = {} if alpha is None else {"alpha": alpha}
    for seed in range(SCALES):
        x, y = quantizations(case, seed)
        ours = table_entries(function, None if alpha is None else float(np.float32(alpha)), x, y)
        assert np.array_equal(ours, operator_form_entries(operator, x, y, **attributes))


def test_the_drawn_scales_spread_the_results():
    """Equal entries would prove little if all were at the limits."""
    for case, (function, alpha, _, _) in FUNCTIONS.items():
        spread = [np.unique(table_entries(function, alpha, *quantizations(case, seed))).size for seed in range(SCALES)]
        assert np.mean(spread) > 25, case


def test_results_beyond_every_number_saturate():
    entries = table_entries("exp", None, (np.float32(30), -128), (np.float32(0.1), 0))
    assert entries[0] == 10 and entries[-1] == 127


def test_a_custom_function_has_no_formula():
    with pytest.raises(ValueError, match="only a table"):
        real_function("custom", None)
