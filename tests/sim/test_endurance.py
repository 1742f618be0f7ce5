"""Inferences back to back with stalls and resets: every element of every one is golden's."""

from dataclasses import replace

import numpy as np
import pytest

from sim.endurance.__main__ import LATENCIES, PAUSES, drawn, main, measured
from sim.endurance.simulator import NEVER, Inference
from sim.faults import BUILD
from tcugen.registers import ErrorCode


def test_stresses_are_of_every_kind_and_the_same_for_a_seed():
    stresses = drawn(20, 1000, 1)
    assert stresses == drawn(20, 1000, 1) != drawn(20, 1000, 2)
    soft, hard = ([one for one in stresses if getattr(one, name) != NEVER] for name in ("soft_reset", "hard_reset"))
    assert (len(soft), len(hard)) == (7, 5)
    assert any(one in hard for one in soft)
    assert all(NEVER <= at < 1000 for one in stresses for at in (one.soft_reset, one.hard_reset))
    assert all(one.pause_one_in in PAUSES and one.read_latency in LATENCIES for one in stresses)
    assert len({one.pause_one_in for one in stresses}) > 3


def test_elements_that_differ_are_counted():
    tensor = np.arange(6, dtype=np.int8).reshape(1, 2, 3)
    other = tensor.copy()
    other[0, 1, 1] = 9
    inference = Inference(True, ErrorCode.NONE, 10, {"a": tensor, "b": tensor}, {"b": tensor})
    assert inference.differing({"a": tensor, "b": tensor}) == 0
    assert inference.differing({"a": other, "b": tensor}) == 1
    # In the trace and in memory.
    assert inference.differing({"a": tensor, "b": other}) == 2
    assert replace(inference, done=False).differing({"a": tensor, "b": tensor}) == 12


@pytest.mark.verify
def test_inferences_back_to_back_are_right():
    rows = measured(BUILD, 12, 3)
    assert [(row.code, row.differing) for row in rows] == [("NONE", 0)] * 12
    assert {row.elements for row in rows} == {874}
    assert len({row.cycles for row in rows}) > 6


@pytest.mark.parametrize("arguments, message", [
    (["nowhere"], "error: "),
    ([str(BUILD), "--inferences", "0"], "--inferences is 0, but must be at least 1"),
])  # fmt: skip
def test_bad_arguments_are_refused(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
