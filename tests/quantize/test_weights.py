"""Weights from files: both formats, and what is wrong with them named."""

import re

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tcugen.model.errors import ModelError
from tcugen.quantize.weights import load_weights, read_weights


def module() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


STATE = module().state_dict()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_of_any_precision_are_loaded_as_float32(tmp_path, name, dtype):
    weights = {key: tensor.to(dtype) for key, tensor in STATE.items() if "num_batches" not in key}
    save_file(weights, tmp_path / name) if name.endswith("safetensors") else torch.save(weights, tmp_path / name)
    target = module()
    load_weights(target, read_weights(tmp_path / name), name)
    for key, tensor in target.state_dict().items():
        if key in weights:
            assert tensor.dtype == torch.float32 and torch.equal(tensor, weights[key].float()), key


@pytest.mark.parametrize("wrap", [lambda w: {"state_dict": w, "epoch": 3}, lambda w: {"model": w}])
def test_checkpoints_of_training_scripts_are_understood(tmp_path, wrap):
    parallel = {f"module.{key}": tensor for key, tensor in STATE.items()}
    torch.save(wrap(parallel), tmp_path / "w.pth")
    assert read_weights(tmp_path / "w.pth").keys() == STATE.keys()


class Unpicklable:
    def __reduce__(self):
        return (print, ("executed",))


def spoil(folder, name):
    path = folder / name
    if name.startswith("text"):
        path.write_text("hello\n")
    elif name == "empty.pth":
        path.write_bytes(b"")
    elif name == "module.pth":
        torch.save(module(), path)
    elif name == "code.pth":
        torch.save({"a": Unpicklable()}, path)
    elif name == "tensor.pth":
        torch.save(torch.zeros(3), path)
    elif name == "other.pth":
        torch.save({"a": 1}, path)
    elif name == "cut.safetensors":
        save_file({"a": torch.zeros(100)}, path)
        path.write_bytes(path.read_bytes()[:200])
    return path


@pytest.mark.parametrize(
    "name, message",
    [
        ("missing.pth", "no such file"),
        ("text.bin", "holds no weights alone"),
        ("text.safetensors", "is damaged or no .safetensors file"),
        ("cut.safetensors", "is damaged or no .safetensors file"),
        ("empty.pth", "holds no weights alone"),
        ("module.pth", r"holds no weights alone .*save the module's state_dict\(\)"),
        ("code.pth", "holds no weights alone"),
        ("tensor.pth", "holds a Tensor, but must hold tensors by name"),
        ("other.pth", "holds no tensors by name"),
        ("weights.h5", "ends in '.h5', but weights are read from .safetensors or .pth, .pt, .bin"),
    ],
)
def test_files_that_hold_no_weights(tmp_path, capsys, name, message):
    path = spoil(tmp_path, name)
    with pytest.raises(ModelError, match=f"^{re.escape(str(path))}: .*{message}"):
        read_weights(path)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["module.pth", "code.pth"])
def test_nobody_is_told_to_execute_what_a_file_holds(tmp_path, name):
    with pytest.raises(ModelError) as refused:
        read_weights(spoil(tmp_path, name))
    assert "weights_only" not in str(refused.value) and "which is not executed" in str(refused.value)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda w: w.pop("0.weight"), "w: lacks 0.weight; give the weights of this very network"),
        (lambda w: w.update({"2.weight": w["0.bias"]}), "w: has 2.weight besides"),
        (lambda w: w.update({"2.a": w.pop("0.bias")}), "w: lacks 0.bias and has 2.a besides"),
        (lambda w: w.update({"0.bias": torch.zeros(5)}), r"w: 0.bias is \[5\] instead of \[4\]"),
        (lambda w: w.update({"1.running_mean": torch.full((4,), torch.nan)}), "w: 1.running_mean hold NaN"),
    ],
)
def test_weights_of_another_network(change, message):
    weights = dict(STATE)
    change(weights)
    with pytest.raises(ModelError, match=message):
        load_weights(module(), weights, "w")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "change, found",
    [
        (lambda w: w.to_sparse(), r"sparse \(sparse_coo\)"),
        (lambda w: w.to("meta"), "a meta tensor without values"),
        (lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8), r"quantized \(qint8\)"),
        (lambda w: w.to(torch.complex64), r"complex \(complex64\)"),
    ],
)
def test_tensors_that_are_no_plain_numbers_are_named(tmp_path, change, found):
    torch.save(STATE | {"0.weight": change(STATE["0.weight"])}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=f"w.pth: 0.weight is {found}, but weights must be plain tensors"):
        read_weights(tmp_path / "w.pth")


def test_long_lists_are_cut():
    with pytest.raises(ModelError, match=r"a15 and 12 more besides"):
        load_weights(module(), STATE | {f"a{i}": torch.zeros(1) for i in range(20)}, "w")
