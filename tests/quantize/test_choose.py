"""The best of several ways, by measured error; bias correction."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from tcugen.model.validate import validate
from tcugen.quantize.bias_correction import corrected
from tcugen.quantize.choose import choose
from tcugen.quantize.error import measure
from tcugen.quantize.export import import_module
from tcugen.quantize.integers import quantised
from tcugen.quantize.ranges import METHODS, quantizations
from tcugen.quantize.statistics import observe
from tests.quantize.modules import SHAPE, Small, images, trained
from tests.typed import present, weighted


def test_the_trial_with_the_smallest_error_is_chosen():
    model, lines = import_module(trained(Small()), SHAPE, "small"), []
    choice = choose(model, images(8), list(METHODS), True, lines.append)
    assert [trial.method for trial in choice.trials[:-1]] == list(METHODS)
    assert choice.trials[-1].bias_corrected
    best = max(trial.fidelity.output_decibels for trial in choice.trials)
    assert choice.best.fidelity.output_decibels > best - 0.1
    assert lines[0] == "calibrating on 8 images" and len(lines) == 6
    validate(choice.best.model)


def test_outliers_make_min_max_lose():
    batch = images(8)
    batch[0, 0, 0, 0] = 400
    model = import_module(trained(Small()), SHAPE, "small")
    choice = choose(model, batch, ["min-max", "percentile 99.9", "least squares"], False)
    judged = {
        trial.method: measure(model, trial.model, images(8, seed=7)).output_decibels for trial in choice.trials[:-1]
    }
    assert judged["percentile 99.9"] > judged["min-max"] + 6


def test_the_same_input_gives_the_same_integers():
    model = import_module(trained(Small()), SHAPE, "small")
    first, second = (choose(model, images(8), list(METHODS), True).best for _ in range(2))
    assert first.method == second.method and first.model.tensors == second.model.tensors
    for name, integers in first.model.integers.items():
        other = second.model.integers[name]
        assert all(np.array_equal(value, getattr(other, key)) for key, value in vars(integers).items()), name


def test_bias_correction_takes_back_a_shift():
    model = import_module(trained(Small()), SHAPE, "small")
    made = quantised(model, quantizations(model, observe(model, images(16)), METHODS["min-max"]), True)
    shifted = dict(made.integers)
    conv = weighted(made, "stem")
    offset = np.rint(0.1 / (conv.weight_scale * float(made.scale("image")))).astype(np.int32)
    shifted["stem"] = replace(conv, bias=conv.bias + offset)
    worse = type(made)(made.network, made.tensors, shifted)
    mended = corrected(model, worse, images(40))
    before, after = (measure(model, network, images(16, seed=9)).decibels for network in (worse, mended))
    assert after["stem"] > before["stem"] + 6
    assert after["fc"] > before["fc"]
    assert np.array_equal(weighted(mended, "stem").weight, conv.weight)


def test_few_values_or_limits_leave_a_bias_alone():
    model = import_module(trained(Small()), SHAPE, "small")
    made = quantised(model, quantizations(model, observe(model, images(8)), METHODS["min-max"]), True)
    mended = corrected(model, made, images(8))
    # 8 values in a channel say nothing.
    assert np.array_equal(weighted(mended, "fc").bias, weighted(made, "fc").bias)

    first = nn.Conv2d(3, 4, 1)
    dead = nn.Sequential(first, nn.ReLU())
    with torch.no_grad():
        present(first.bias).fill_(-100)
    model = import_module(dead, SHAPE, "dead")
    made = quantised(model, quantizations(model, observe(model, images(8)), METHODS["min-max"]))
    name = model.network.nodes[0].name
    mended = corrected(model, made, images(8))
    assert np.array_equal(weighted(mended, name).bias, weighted(made, name).bias)
    assert measure(model, made, images(8)).output_decibels == float("inf")
