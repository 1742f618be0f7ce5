"""Saved models: the same afterwards, the same bytes, and no damaged one is taken for a model."""

import io
import json
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from tcugen.model.errors import ModelError
from tcugen.model.quantized import Quantization
from tcugen.model.store import MANIFEST, is_stored, load, save
from tcugen.model.validate import validate
from tcugen.synthetic.integers import synthesise
from tests.typed import present, weighted


def assert_same(a, b):
    assert a.network == b.network and a.tensors == b.tensors
    for name in a.network.by_name:
        for key, value in vars(a.integers[name]).items():
            other = getattr(b.integers[name], key)
            if isinstance(value, np.ndarray | np.generic):
                assert value.dtype == other.dtype and value.shape == other.shape
                assert np.array_equal(value, other), (name, key)
            else:
                assert value == other, (name, key)


@pytest.mark.parametrize("int32_output", [False, True])
def test_a_saved_model_comes_back(every_operator, int32_output, tmp_path):
    model, _ = synthesise(every_operator, seed=3, int32_output=int32_output)
    save(model, tmp_path / "model.npz")
    assert_same(model, load(tmp_path / "model.npz"))
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


def test_the_same_model_gives_the_same_bytes_under_any_name(every_operator, tmp_path):
    model, _ = synthesise(every_operator, seed=3)
    for name in ("a.npz", "b"):
        save(model, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b").read_bytes()
    assert is_stored(tmp_path / "b")


def test_what_is_no_saved_model(every_operator, tmp_path):
    path = tmp_path / "model.npz"
    save(synthesise(every_operator, seed=3)[0], path)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:-30]):
        path.write_bytes(content)
        assert not is_stored(path) or content
        with pytest.raises(ModelError, match="damaged or no saved model"):
            load(path)
    np.savez(path, weight=np.zeros(3))
    with pytest.raises(ModelError, match="no manifest of a saved model"):
        load(path)
    with pytest.raises(ModelError, match="cannot be read .*No such file"):
        load(tmp_path / "nowhere.npz")
    assert not is_stored(tmp_path / "nowhere.npz") and not is_stored(tmp_path)


def test_a_place_that_cannot_be_written(every_operator, tmp_path):
    with pytest.raises(ModelError, match="cannot be written"):
        save(synthesise(every_operator, seed=3)[0], tmp_path / "nowhere" / "model.npz")


def test_an_interrupted_save_leaves_the_earlier_file(every_operator, tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    save(synthesise(every_operator, seed=3)[0], path)
    before = path.read_bytes()

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(synthesise(every_operator, seed=4)[0], path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.npz"]


def edited(path, edit):
    """The archive at `path` with its manifest changed by `edit`."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    manifest = json.loads(arrays[MANIFEST].tobytes())
    edit(manifest)
    arrays[MANIFEST] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, **arrays)


EDITS = {
    "another format": (lambda m: m.update(format=2), "has format 2, but this version reads 1"),
    "no format": (lambda m: m.pop("format"), "no manifest of a saved model"),
    "no scale": (lambda m: m["tensors"].pop("stem"), "tensor 'stem': has no quantization"),
    "scale of zero": (lambda m: m["tensors"]["stem"].update(scale=0), "tensor 'stem': its scale is 0.0"),
    "zero point outside int8": (lambda m: m["tensors"]["stem"].update(zero_point=128), "its zero point is 128"),
    "zero point that is real": (lambda m: m["tensors"]["stem"].update(zero_point=0.5), "its zero point is 0.5"),
    "sums in the middle": (lambda m: m["tensors"].update(stem=None), "tensor 'stem': has no scale"),
    "a pool that changes scale": (lambda m: m["tensors"]["pool"].update(scale=9), "a max_pool keeps that of its input"),
    "no integers": (lambda m: m["nodes"].pop(0), "node 'stem': has no integers"),
    "weights of another node": (lambda m: m["nodes"][0]["arrays"].update(weight="16.weight"), "its weight is int8"),
    "a table of bytes": (lambda m: m["nodes"][13]["arrays"].update(table="16.weight"), r"its table is int8 \[24, 41"),
    "no such array": (lambda m: m["nodes"][0]["arrays"].update(weight="x"), "manifest is damaged .KeyError"),
    "no bias": (lambda m: m["nodes"][0]["arrays"].pop("bias"), "its bias is None, but it must be int32"),
    "crossed clamp": (lambda m: m["nodes"][0].update(clamp=[5, 4]), r"its clamp is \(5, 4\)"),
    "clamp of a pool": (lambda m: m["nodes"][1].update(clamp=[0, 4]), "a max_pool like this has none"),
    "ratio of an add": (lambda m: m["nodes"][5].update(add_shift=60), "its ratios are .* / 2..60"),
    "another graph": (lambda m: m["layer_config"]["nodes"][0].update(op="cnv"), "op is .cnv., but must be one of"),
    "text for a list": (lambda m: m.update(nodes="none"), "manifest is damaged"),
}


@pytest.mark.parametrize("edit, message", EDITS.values(), ids=EDITS)
def test_a_model_that_breaks_a_rule_is_refused(every_operator, edit, message, tmp_path):
    path = tmp_path / "model.npz"
    save(synthesise(every_operator, seed=3)[0], path)
    edited(path, edit)
    with pytest.raises(ModelError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))


def test_pickles_are_not_opened(tmp_path):
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as archive:
        buffer = io.BytesIO()
        np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        archive.writestr(f"{MANIFEST}.npy", buffer.getvalue())
    with pytest.raises(ModelError, match="damaged or no saved model"):
        load(path)


def test_multipliers_outside_their_range_are_refused(every_operator):
    model, _ = synthesise(every_operator, seed=3)
    integers = weighted(model, "stem")
    small = replace(integers, multiplier=present(integers.multiplier) * np.float32(1e-20))
    with pytest.raises(ModelError, match=r"node 'stem': multipliers span .*\[2\*\*-40"):
        validate(replace(model, integers=model.integers | {"stem": small}))
    with pytest.raises(ModelError, match="its output is 32-bit sums"):
        validate(replace(model, tensors=model.tensors | {"fc": None}))
    with pytest.raises(ModelError, match="its scale is inf"):
        validate(replace(model, tensors=model.tensors | {"fc": Quantization(np.float32(np.inf), 0)}))
