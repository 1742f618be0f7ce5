"""The rule of products beside ONNX Runtime's own kernels: all 65,536 pairs at a hundred scales and zero points."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.onnx.products import (
    SCALES,
    from_a_tie,
    golden_products,
    kernel_products,
    quantizations,
    reference_products,
)


@pytest.mark.parametrize("operator_form, differ", [(False, 5), (True, 36)])
def test_pairs_that_differ_from_the_kernels_are_ties(operator_form, differ):
    """Of 6,553,600 pairs: the kernels round more often on the way, and so break some ties otherwise."""
    found = 0
    for seed in range(SCALES):
        forms = quantizations(seed)
        ours, theirs = (
            result.astype(int) for result in (golden_products(*forms), kernel_products(*forms, operator_form))
        )
        apart = np.abs(ours - theirs)
        assert apart.max() <= 1
        assert np.all(from_a_tie(*forms)[apart > 0] < 1e-4), seed
        found += np.count_nonzero(apart)
    assert found <= differ


def test_no_pair_differs_from_the_reference_model(tmp_path):
    for seed in range(SCALES):
        forms = quantizations(seed)
        assert np.array_equal(golden_products(*forms), reference_products(*forms, tmp_path / "pairs.onnx")), seed


def test_the_drawn_scales_spread_the_results():
    """Equal results would prove little if all were at the limits."""
    spread = [np.unique(golden_products(*quantizations(seed))).size for seed in range(SCALES)]
    assert np.mean(spread) > 100
