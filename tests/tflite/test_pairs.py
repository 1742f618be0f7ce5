"""Sums and products of two tensors, all 65,536 pairs at random scales: LiteRT's kernels beside the hardware's rules.

`python -m pytest -s tests/tflite/test_pairs.py` prints how many differ.
"""

import numpy as np
import pytest

pytest.importorskip("tflite")
pytest.importorskip("ai_edge_litert")

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tcugen.model import multipliers
from tests.tflite.files import File

RESOLVERS = (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, OpResolverType.BUILTIN_REF)
SCALES = 100
SIDES = (1, 256, 256, 1)
A, B = (np.reshape(side, SIDES).astype(np.int8) for side in np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)))

LIMITS = {"ADD": (200, 200, 200), "MUL": (0, 60_000, 60_000)}
"""The most pairs that may differ, of default, built-in and reference kernels."""


def by_litert(kind: str, a, b, y) -> list[np.ndarray]:
    """What each of LiteRT's kernels makes of all pairs; quantizations are (scale, zero point)."""
    file = File(SIDES, scale=a[0], zero_point=a[1])
    other, output = file.tensor(SIDES, *b), file.tensor(SIDES, *y)
    file.op(kind, [0, other], output, table=f"{kind.title()}Options", fusedActivationFunction=0)
    content = file.content(output, inputs=[0, other])
    found = []
    for resolver in RESOLVERS:
        interpreter = Interpreter(model_content=content, experimental_op_resolver_type=resolver, num_threads=1)
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, A)
        interpreter.set_tensor(other, B)
        interpreter.invoke()
        found.append(interpreter.get_tensor(output).astype(np.int64))
    return found


def by_the_rules(kind: str, a, b, y) -> tuple[np.ndarray, np.ndarray]:
    """What the hardware makes of them, and where the exact result is a tie."""
    left, right = A.astype(np.int64) - a[1], B.astype(np.int64) - b[1]
    scales = [np.float32(scale) for scale, _ in (a, b, y)]
    if kind == "ADD":
        m_a, m_b, shift = multipliers.add_multipliers(*scales, layer=kind)
        total = left * int(m_a) + right * int(m_b)
        steps, ties = np.rint(total / 2.0**shift), total % 2**shift == 2**shift // 2
    else:
        steps = np.rint((left * right).astype(np.float32) * multipliers.product_multiplier(*scales, layer=kind))
        ties = np.zeros(SIDES, bool)
    return np.clip(steps + y[1], -128, 127).astype(np.int64), ties


@pytest.mark.parametrize("kind", LIMITS)
def test_random_scales(kind):
    rng = np.random.default_rng(0)
    differing, largest = np.zeros(len(RESOLVERS), int), 0
    for _ in range(SCALES):
        s_a, s_b = np.exp(rng.uniform(np.log(0.005), np.log(0.2), 2))
        s_y = (s_a + s_b) * rng.uniform(0.4, 1.1) if kind == "ADD" else s_a * s_b * 127 * rng.uniform(0.5, 1.2)
        a, b, y = ((float(scale), int(rng.integers(-128, 128))) for scale in (s_a, s_b, s_y))
        own, _ = by_the_rules(kind, a, b, y)
        for index, found in enumerate(by_litert(kind, a, b, y)):
            differing[index] += np.count_nonzero(found != own)
            largest = max(largest, int(np.abs(found - own).max()))
    names = "default, built-in, reference kernels"
    print(f"\n{kind}: {', '.join(map(str, differing))} of {SCALES * A.size:,} differ ({names}), by {largest} at most")
    assert largest <= 1 and (differing <= LIMITS[kind]).all()


def test_scales_in_simple_ratios():
    """Thousands of sums are exact ties then; every one that differs is one."""
    quantizations = (0.02, 3), (0.035, 6), (0.04, -9)
    own, ties = by_the_rules("ADD", *quantizations)
    for found in by_litert("ADD", *quantizations):
        print(f"\n{np.count_nonzero(found != own)} of {A.size:,} differ")
        assert not (found != own)[~ties].any() and np.abs(found - own).max() == 1
