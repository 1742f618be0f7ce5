"""Quantizes a float network in every way that is known and keeps the one with the smallest measured error."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tcugen.model.quantized import QuantizedNetwork
from tcugen.quantize.bias_correction import corrected
from tcugen.quantize.error import Fidelity, measure
from tcugen.quantize.float_network import FloatNetwork
from tcugen.quantize.integers import check_stores_sums, quantised
from tcugen.quantize.ranges import METHODS, quantizations
from tcugen.quantize.statistics import observe

WORTHWHILE_DECIBELS = 0.1
"""Bias correction is kept if the output's error shrinks by at least this much."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One way to quantize, and how well it did on the calibration images.

    Attributes:
        method: Name in METHODS.
        bias_corrected: Whether biases were corrected.
        model: The quantized network.
        fidelity: It compared with the float network.
    """

    method: str
    bias_corrected: bool
    model: QuantizedNetwork
    fidelity: Fidelity


@dataclass(frozen=True, eq=False)
class Choice:
    """All trials, and the best."""

    trials: tuple[Trial, ...]
    best: Trial


def choose(
    model: FloatNetwork,
    images: np.ndarray,
    methods: Sequence[str],
    int32_output: bool,
    report: Callable[[str], None] = lambda _: None,
) -> Choice:
    """Calibrate, quantize by each of `methods`, then correct the biases of the best; keep what is nearest to float.

    Args:
        model: The network.
        images: float32 [n, C, H, W], at least one.
        methods: Names in METHODS.
        int32_output: See `quantised`.
        report: Called with a line of text as each step begins.

    Raises:
        QuantizationError: If a tensor is not finite, or scales or sums leave the arithmetic's limits.
    """
    if int32_output:
        check_stores_sums(model)
    report(f"calibrating on {len(images)} images")
    observations = observe(model, images)
    trials: list[Trial] = []
    for method in methods:
        report(f"trying {method}")
        candidate = quantised(model, quantizations(model, observations, METHODS[method]), int32_output)
        trials.append(Trial(method, False, candidate, measure(model, candidate, images)))
    best = max(trials, key=lambda trial: trial.fidelity.output_decibels)
    report(f"trying {best.method} with corrected biases")
    candidate = corrected(model, best.model, images)
    trials.append(Trial(best.method, True, candidate, measure(model, candidate, images)))
    if trials[-1].fidelity.output_decibels >= best.fidelity.output_decibels + WORTHWHILE_DECIBELS:
        best = trials[-1]
    return Choice(tuple(trials), best)
