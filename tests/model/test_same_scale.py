"""What a concat is said to take as it is, it takes as it is: validation says where integers contradict the graph."""

from dataclasses import replace

import numpy as np
import pytest

from tcugen.model.errors import ModelError
from tcugen.model.integers import ConcatIntegers
from tcugen.model.quantized import Quantization
from tcugen.model.store import load, save
from tcugen.model.validate import validate
from tcugen.synthetic.integers import synthesise
from tests.compiler.view_networks import VIEWS

DENSE = VIEWS["dense"]


def test_a_stored_model_keeps_it(tmp_path):
    model, _ = synthesise(DENSE, seed=2)
    save(model, tmp_path / "dense.npz")
    assert load(tmp_path / "dense.npz").network == DENSE


def test_another_quantization_is_refused():
    model, _ = synthesise(DENSE, seed=2)
    other = replace(model, tensors=model.tensors | {"x1": Quantization(np.float32(0.5), 3)})
    with pytest.raises(ModelError, match=r"node 'c1': the quantization of 'x1' is .* but same_scale says that it is"):
        validate(other)


@pytest.mark.parametrize("multipliers, clamp", [((1, 0.5), (-128, 127)), ((1, 1), (0, 127))])
def test_another_multiplier_or_a_limit_is_refused(multipliers, clamp):
    model, _ = synthesise(DENSE, seed=2)
    integers = model.integers | {"c1": ConcatIntegers(np.array(multipliers, np.float32), clamp)}
    with pytest.raises(ModelError, match=r"node 'c1': 'x.' has multiplier .* but same_scale says that it only moves"):
        validate(replace(model, integers=integers))
