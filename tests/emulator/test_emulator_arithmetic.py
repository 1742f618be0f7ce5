"""The output arithmetic against float32 of NumPy and against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from tcugen.emulator.arithmetic import multiplier_is_supported, requantise, residual_add, shift_right_rounded

LIMITS = np.array(
    [0, 1, -1, 2, 2**23, 2**24 - 1, 2**24, 2**24 + 1, 2**24 + 2, 2**24 + 3, 2**25 - 1, 2**31 - 1, -(2**31)]
)


def float32_requantise(sums, multiplier, zero_point, low, high):
    rounded = np.rint(sums.astype(np.float32) * multiplier).astype(np.float64)
    return np.clip(rounded + zero_point, low, high).astype(np.int64)


def both(sums, multiplier, zero_point=0, low=-128, high=127):
    multiplier = np.asarray(multiplier, np.float32)
    got = requantise(np.asarray(sums, np.int64), multiplier.view(np.uint32), zero_point, low, high)
    return got, float32_requantise(np.asarray(sums, np.int64), multiplier, zero_point, low, high)


@pytest.mark.parametrize("bits", [4, 8, 16, 23, 24, 25, 28, 31])
def test_requantise_random(bits):
    rng = np.random.default_rng(bits)
    sums = rng.integers(-(2**bits), 2**bits, (300, 257))
    got, expected = both(sums, np.exp2(rng.uniform(-40, 8, 257)), zero_point=-7)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("bits", [8, 16, 24, 31])
def test_requantise_where_results_are_small(bits):
    rng = np.random.default_rng(bits)
    sums = rng.integers(-(2**bits), 2**bits, (1000, 64))
    got, expected = both(sums, np.exp2(rng.uniform(2, 8, 64) - bits), zero_point=100)
    np.testing.assert_array_equal(got, expected)
    assert len(np.unique(got)) > 100


def test_requantise_at_the_limits_of_the_sum():
    multiplier = np.exp2(np.arange(-40.0, 8.0))
    got, expected = both(np.repeat(LIMITS[:, None], len(multiplier), 1), multiplier)
    np.testing.assert_array_equal(got, expected)


def test_requantise_at_the_limits_of_the_mantissa():
    ones = np.float32(2) - np.float32(2**-23)
    multiplier = np.array([ones * np.float32(2.0**e) for e in range(-40, 8)], np.float32)
    got, expected = both(np.repeat(LIMITS[:, None], len(multiplier), 1), multiplier)
    np.testing.assert_array_equal(got, expected)


def test_requantise_ties_go_to_even():
    sums = np.arange(-401, 402, 2)[:, None]
    got, expected = both(sums, [0.5], low=-1000, high=1000)
    np.testing.assert_array_equal(got, expected)
    assert got[200 + 1, 0] == 0 and got[200 + 2, 0] == 2  # 0.5 and 1.5


def test_requantise_ties_of_the_sum_and_of_the_product():
    # 2**24 + 1 and 2**24 + 3 lie between two float32; near 3 * 2**22 products of 24-bit mantissas hit ties.
    sums = (2**24 + np.arange(-64, 65))[:, None] * np.array([1, -1])
    got, expected = both(sums, np.array([1.5 * 2**-24, 1.0000001 * 2**-24]), low=-10, high=10)
    np.testing.assert_array_equal(got, expected)
    rng = np.random.default_rng(0)
    odd = rng.integers(1, 2**11, (4096, 16)) * 2 + 1
    got, expected = both(odd, (rng.integers(2**12, 2**13, 16) * 2 + 1) * 2.0**-18, low=-(2**20), high=2**20)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("zero_point,low,high", [(-128, -128, 127), (127, -128, 127), (5, 5, 127), (0, -3, 4)])
def test_requantise_clamps_after_the_zero_point(zero_point, low, high):
    sums = np.arange(-600, 600)[:, None]
    got, expected = both(sums, [0.75], zero_point, low, high)
    np.testing.assert_array_equal(got, expected)
    assert got.min() == low and got.max() == high


def test_requantise_of_padding_channels_gives_the_zero_point():
    got = requantise(LIMITS[:, None], np.zeros(1, np.uint32), 17, -128, 127)
    assert (got == 17).all()


def test_requantise_keeps_the_shape_over_several_chunks():
    sums = np.arange(3 * 5000 * 7).reshape(3, 5000, 7) - 50000
    got, expected = both(sums, np.full(7, 0.001))
    assert got.shape == sums.shape
    np.testing.assert_array_equal(got, expected)


def test_supported_multipliers():
    values = np.array([0, 2.0**-40, 255.99999, 2.0**-41, 256.0, -1.0, np.inf, np.nan, 1e-42], np.float32)
    assert multiplier_is_supported(values.view(np.uint32)).tolist() == [True] * 3 + [False] * 6


@pytest.mark.parametrize("shift", [0, 1, 2, 5, 30, 62])
def test_shift_right_rounded(shift):
    values = np.array([-7, -6, -5, -3, -2, -1, 0, 1, 2, 3, 5, 6, 7, 2**33, -(2**33) + 1])
    expected = [round(Fraction(int(value), 1 << shift)) for value in values]
    assert shift_right_rounded(values, shift).tolist() == expected


def test_residual_add_against_fractions():
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-128, 128, 200) for _ in range(2))
    for _ in range(20):
        z_a, z_b, z_y = (int(z) for z in rng.integers(-128, 128, 3))
        shift = int(rng.integers(16, 40))
        m_a, m_b = (int(m) for m in rng.integers(0, 2**24, 2))
        exact = [Fraction((int(p) - z_a) * m_a + (int(q) - z_b) * m_b, 1 << shift) for p, q in zip(a, b, strict=True)]
        got = residual_add(a, z_a, m_a, b, z_b, m_b, shift, z_y, -100, 90)
        assert got.tolist() == [max(-100, min(90, round(value) + z_y)) for value in exact]


def test_residual_add_ties_go_to_even():
    a = np.arange(-5, 6)
    got = residual_add(a, 0, 1 << 23, np.zeros_like(a), 0, 1 << 23, 24, 0, -128, 127)
    assert got.tolist() == [round(Fraction(value, 2)) for value in a.tolist()]
