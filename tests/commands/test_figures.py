"""Figures of a run whose last layer stores sums: the class is that of the largest real value."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tcugen.console.figures import run_figures
from tcugen.simulator.run import SimulationResult
from tcugen.timing.replay import replay
from tcugen.verify import compare
from tcugen.verify.compare import verify
from tests.typed import present
from tests.verify.right_run import RightRun

IMAGES = 2


def test_the_class_counts_each_channels_scale(monkeypatch):
    run = RightRun.of("adds", images=IMAGES, int32_output=True)
    result = SimulationResult(tuple(run.image_run(i) for i in range(IMAGES)), "fixed", seconds=1.0, cpu_seconds=1.0)
    monkeypatch.setattr(compare, "simulate", lambda *arguments, **more: result)
    outcome = verify(run.model, run.program, Path("rtl"), run.inputs)
    last = run.model.network.nodes[-1].name
    sums = run.golden[last][:, :, 0, 0].astype(np.float64)
    positive = int(np.argmin(np.where(sums[0] > 0, sums[0], np.inf)))
    scale = np.full(sums.shape[1], 2.0**-20, np.float32)
    scale[positive] = 1.0
    integers = {**run.model.integers, last: replace(run.model.integers[last], weight_scale=scale)}
    prediction = replay(run.program.instructions, run.program.architecture, len(run.program.layers))
    figures = run_figures({}, "fixed", replace(run.model, integers=integers), outcome, run.program, prediction, None)
    assert figures["top1"] == (sums * scale).argmax(axis=1).tolist()
    assert present(figures["top1"])[0] == positive != sums[0].argmax()
