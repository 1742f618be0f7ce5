"""The rounding rules against exact fractions, and the limits of the parameters."""

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import corners
from tcugen.golden import arithmetic
from tcugen.model import multipliers
from tcugen.model.errors import QuantizationError
from tcugen.network.graph import Shape
from tests.typed import present, weighted

int8 = st.integers(-128, 127)
int32 = st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**12), 2**12))
multiplier_values = st.floats(2.0**-40, 255.0, width=32)
scales = st.floats(2.0**-20, 2.0**4, width=32)


def single(value: Fraction) -> Fraction:
    """The nearest 24-bit float, ties to even; value is far from the ends of the exponent range."""
    if not value:
        return value
    exponent = math.floor(math.log2(abs(value)))
    if abs(value) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    if abs(value) < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (exponent - 23)
    return round(value / unit) * unit


def clamp(value: int, lo: int, hi: int) -> int:
    return max(lo, min(hi, value))


@settings(max_examples=500, deadline=None)
@given(st.lists(int32, min_size=1, max_size=20), multiplier_values, int8, int8)
def test_requantise_is_one_float32_product(sums: list[int], multiplier: float, z_y: int, lo: int) -> None:
    got = arithmetic.requantise(torch.tensor([[sums]], dtype=torch.int32), torch.tensor(multiplier), z_y, lo, 127)
    want = [clamp(round(single(single(Fraction(acc)) * Fraction(multiplier))) + z_y, lo, 127) for acc in sums]
    assert got.dtype == torch.int8
    assert got.flatten().tolist() == want


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.float64])
def test_requantise_next_to_ties_depends_on_both_roundings(dtype: torch.dtype) -> None:
    integers = weighted(corners.nearly_tied_convolution(Shape(1, 1, 1), 1000, seed=0), "conv")
    sums, factors = integers.bias.tolist(), present(integers.multiplier).tolist()
    pairs = [(Fraction(acc), Fraction(multiplier)) for acc, multiplier in zip(sums, factors, strict=True)]
    want = [round(single(single(acc) * multiplier)) for acc, multiplier in pairs]
    # Leaving out either rounding must show, or this test would prove little.
    assert sum(round(acc * multiplier) != y for (acc, multiplier), y in zip(pairs, want, strict=True)) > 100
    assert sum(round(single(acc * multiplier)) != y for (acc, multiplier), y in zip(pairs, want, strict=True)) > 20
    acc = torch.tensor(sums, dtype=dtype).reshape(1, -1, 1, 1)
    assert arithmetic.requantise(acc, torch.tensor(factors), 0, -128, 127).flatten().tolist() == want


@pytest.mark.parametrize("z_y", [-128, -3, 0, 127])
def test_requantise_ties_go_to_even_before_the_zero_point_is_added(z_y: int) -> None:
    sums = torch.arange(-40, 41, dtype=torch.int32).reshape(1, 1, -1)
    got = arithmetic.requantise(sums, torch.tensor([0.5]), z_y, -128, 127).flatten().tolist()
    assert got == [clamp(round(Fraction(acc, 2)) + z_y, -128, 127) for acc in range(-40, 41)]


def test_requantise_takes_one_multiplier_per_channel() -> None:
    sums = torch.tensor([[[[100, -100]], [[100, -100]]]], dtype=torch.int32)
    got = arithmetic.requantise(sums, torch.tensor([0.25, 1.0]), 1, -50, 127)
    assert got.tolist() == [[[[26, -24]], [[101, -50]]]]


@settings(max_examples=300, deadline=None)
@given(scales, scales, scales, int8, int8, int8, st.booleans(), st.lists(st.tuples(int8, int8), min_size=1))
def test_residual_add_rounds_the_exact_sum_once(s_a, s_b, s_y, z_a, z_b, z_y, relu, pairs) -> None:
    ratios = [float(np.float32(scale) / np.float32(s_y)) for scale in (s_a, s_b)]
    if not all(2.0**-16 <= ratio < 2.0**8 for ratio in ratios):
        with pytest.raises(QuantizationError, match="layer 'sum'.*ratio"):
            multipliers.add_multipliers(s_a, s_b, s_y, layer="sum")
        return
    m_a, m_b, shift = multipliers.add_multipliers(s_a, s_b, s_y, layer="sum")
    assert 2**23 <= max(m_a, m_b) < 2**24 and 16 <= shift <= 39
    assert [m_a, m_b] == [round(Fraction(ratio) * 2**shift) for ratio in ratios]
    lo, hi = multipliers.clamp_limits((0.0 if relu else -math.inf, math.inf), 1.0, z_y)
    a, b = (torch.tensor(operand, dtype=torch.int8) for operand in zip(*pairs, strict=True))
    got = arithmetic.residual_add(a, b, z_a, z_b, m_a, m_b, shift, z_y, lo, hi)
    want = [clamp(round(Fraction((p - z_a) * m_a + (q - z_b) * m_b, 2**shift)) + z_y, lo, hi) for p, q in pairs]
    assert got.dtype == torch.int8
    assert got.tolist() == want


def test_residual_add_ties_go_to_even() -> None:
    m_a, m_b, shift = multipliers.add_multipliers(0.5, 0.25, 1.0, layer="sum")
    assert (m_a, m_b, shift) == (2**23, 2**22, 24)
    a = torch.tensor([1, 3, -1, -3, 1, 5], dtype=torch.int8)
    b = torch.tensor([0, 0, 0, 0, 4, -4], dtype=torch.int8)
    assert arithmetic.residual_add(a, b, 0, 0, m_a, m_b, shift, 0, -128, 127).tolist() == [0, 2, 0, -2, 2, 2]


@settings(max_examples=200, deadline=None)
@given(st.lists(int8, min_size=49, max_size=49), int8, int8, scales, scales)
def test_global_average_pool_is_one_float32_product_of_the_sum(pixels, z_x, z_y, s_x, s_y) -> None:
    ratio = single(Fraction(s_x) / single(49 * Fraction(s_y)))
    if not 2.0**-40 <= ratio < 2**8:
        return
    multiplier = multipliers.average_multiplier(s_x, s_y, 49, layer="avgpool")
    assert Fraction(float(multiplier)) == ratio
    x = torch.tensor(pixels, dtype=torch.int8).reshape(1, 1, 7, 7)
    got = arithmetic.global_average_pool(x, z_x, torch.tensor(multiplier), z_y, -128, 127)
    want = clamp(round(single((sum(pixels) - 49 * z_x) * ratio)) + z_y, -128, 127)
    assert got.tolist() == [[[[want]]]]


@settings(max_examples=100, deadline=None)
@given(int8, int8, scales, scales)
def test_change_of_scale_of_every_value(z_x: int, z_y: int, s_x: float, s_y: float) -> None:
    ratio = single(Fraction(s_x) / Fraction(s_y))
    if ratio >= 2**8:
        return
    multiplier = multipliers.requantise_multiplier(s_x, s_y, layer="rescaled")
    x = torch.arange(-128, 128, dtype=torch.int8)
    got = arithmetic.change_scale(x, z_x, torch.tensor(multiplier), z_y, -128, 127)
    assert got.tolist() == [clamp(round(single((value - z_x) * ratio)) + z_y, -128, 127) for value in range(-128, 128)]


def test_convolution_multiplier_rounds_twice() -> None:
    rng = np.random.default_rng(0)
    s_x, s_y = (np.float32(scale) for scale in rng.uniform(0.01, 0.1, 2))
    s_w = rng.uniform(1e-4, 1e-2, 256).astype(np.float32)
    got = multipliers.convolution_multiplier(s_x, s_w, s_y, layer="conv1")
    want = [single(single(Fraction(float(s_x)) * Fraction(float(w))) / Fraction(float(s_y))) for w in s_w]
    assert got.dtype == np.float32
    assert [Fraction(float(m)) for m in got] == want


@pytest.mark.parametrize("exponent, accepted", [(-41, False), (-40, True), (7, True), (8, False)])
def test_convolution_multiplier_limits(exponent: int, accepted: bool) -> None:
    scales = np.array([1.0, 2.0**exponent], np.float32)
    if accepted:
        assert multipliers.convolution_multiplier(1.0, scales, 1.0, layer="conv1").tolist() == scales.tolist()
        return
    with pytest.raises(QuantizationError, match=r"layer 'conv1': .* of channel 1 is .*\[2\*\*-40, 2\*\*8\)"):
        multipliers.convolution_multiplier(1.0, scales, 1.0, layer="conv1")


@pytest.mark.parametrize("exponent, accepted", [(-17, False), (-16, True), (7, True), (8, False)])
def test_add_ratio_limits(exponent: int, accepted: bool) -> None:
    for scales in ((2.0**exponent, 1.0), (1.0, 2.0**exponent)):
        if accepted:
            m_a, m_b, shift = multipliers.add_multipliers(*scales, 1.0, layer="layer1.0.add")
            assert (m_a, m_b) == tuple(int(scale * 2**shift) for scale in scales)
        else:
            with pytest.raises(QuantizationError, match=r"layer 'layer1.0.add'.*\[2\*\*-16, 2\*\*8\)"):
                multipliers.add_multipliers(*scales, 1.0, layer="layer1.0.add")


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf, 1e-42])
def test_a_scale_must_be_positive_finite_and_normal(scale: float) -> None:
    for rule in (
        lambda: multipliers.convolution_multiplier(scale, np.ones(2, np.float32), 1.0, layer="x"),
        lambda: multipliers.convolution_multiplier(1.0, np.array([1, scale], np.float32), 1.0, layer="x"),
        lambda: multipliers.add_multipliers(1.0, scale, 1.0, layer="x"),
        lambda: multipliers.average_multiplier(1.0, scale, 49, layer="x"),
        lambda: multipliers.requantise_multiplier(1.0, scale, layer="x"),
    ):
        with pytest.raises(QuantizationError, match="layer 'x'.*positive normal float32"):
            rule()


def test_clamp_limits() -> None:
    assert multipliers.clamp_limits((-math.inf, math.inf), 0.5, 5) == (-128, 127)
    assert multipliers.clamp_limits((0.0, math.inf), 0.5, 5) == (5, 127)
    assert multipliers.clamp_limits((0.0, 6.0), 0.5, 5) == (5, 17)
    assert multipliers.clamp_limits((-1.0, 1.25), 0.5, -120) == (-122, -118), "ties go to the even step"
    assert multipliers.clamp_limits((-1e300, 6.0), 1e-3, 0) == (-128, 127)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(*[st.integers(0, 1)] * 4),
    st.integers(0, 2**32),
)
def test_max_pool_takes_the_largest_inside(kernel, stride, padding, seed) -> None:
    padding = tuple(min(pad, size - 1) for pad, size in zip(padding, kernel * 2, strict=True))
    x = np.random.default_rng(seed).integers(-128, -100, (2, 3, 5, 6), dtype=np.int8)
    got = arithmetic.max_pool(torch.from_numpy(x), kernel, stride, padding).numpy()
    top, left, bottom, right = padding
    assert got.shape == (
        2,
        3,
        (5 + top + bottom - kernel[0]) // stride[0] + 1,
        (6 + left + right - kernel[1]) // stride[1] + 1,
    )
    for row, column in np.ndindex(got.shape[2:]):
        y, z = row * stride[0] - top, column * stride[1] - left
        window = x[:, :, max(y, 0) : y + kernel[0], max(z, 0) : z + kernel[1]]
        assert np.array_equal(got[:, :, row, column], window.max(axis=(2, 3)))


def test_multipliers_do_not_import_torch() -> None:
    code = "import sys, tcugen.model.multipliers, tcugen.onnx.reference; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
