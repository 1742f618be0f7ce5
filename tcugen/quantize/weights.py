"""Float weights from a file into a module: `.safetensors`, or what `torch.save` wrote."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TypeGuard

import torch
from torch import nn

from tcugen.model.errors import ModelError

PICKLED = (".pth", ".pt", ".bin")
WRAPPERS = ("state_dict", "model", "model_state_dict")
"""Keys under which training scripts keep the weights beside other things."""

MOST_NAMES = 8


def read_weights(path: Path | str) -> dict[str, torch.Tensor]:
    """Tensors by name; nothing in the file is executed.

    Raises:
        ModelError: If it cannot be read, is of another kind or holds something else than tensors.
    """
    path = Path(path)
    if path.suffix != ".safetensors" and path.suffix not in PICKLED:
        raise ModelError(
            f"{path}: ends in {path.suffix or 'nothing'!r}, but weights are read from .safetensors or "
            f"{', '.join(PICKLED)}; name the file after what it holds"
        )
    if not path.is_file():
        raise ModelError(f"{path}: no such file; give the weights of a trained network")
    held = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickled(path)
    weights = {name: tensor for name, tensor in held.items() if isinstance(tensor, torch.Tensor)}
    if not weights or len(weights) < len(held):
        raise ModelError(f"{path}: holds no tensors by name; save the module's state_dict()")
    special = [f"{name} is {kind}" for name, tensor in weights.items() if (kind := _special_kind(tensor))]
    if special:
        raise ModelError(
            f"{path}: {_few(special)}, but weights must be plain tensors of real numbers; convert them and save again"
        )
    return {name.removeprefix("module."): tensor for name, tensor in weights.items()}


def load_weights(module: nn.Module, weights: Mapping[str, torch.Tensor], source: Path | str) -> None:
    """Copy weights into a module, as float32; counters of batches may be missing.

    Raises:
        ModelError: If names or shapes differ, or values are no numbers; lists what is wrong.
    """
    wanted = module.state_dict()
    needed = {name for name in wanted if not name.endswith("num_batches_tracked")}
    missing, unknown = sorted(needed - weights.keys()), sorted(weights.keys() - wanted.keys())
    if missing or unknown:
        parts = [f"lacks {_few(missing)}"] if missing else []
        parts += [f"has {_few(unknown)} besides"] if unknown else []
        raise ModelError(f"{source}: {' and '.join(parts)}; give the weights of this very network")
    shapes = [
        f"{name} is {list(weights[name].shape)} instead of {list(wanted[name].shape)}"
        for name in sorted(needed)
        if weights[name].shape != wanted[name].shape
    ]
    if shapes:
        raise ModelError(f"{source}: {_few(shapes)}; give the weights of this very network")
    damaged = [name for name in sorted(needed) if torch.isnan(weights[name]).any()]
    if damaged:
        raise ModelError(f"{source}: {_few(damaged)} hold NaN, but weights must be numbers; train or save them again")
    module.load_state_dict({name: weights[name].float() for name in needed}, strict=False)


def _special_kind(tensor: torch.Tensor) -> str | None:
    """What a tensor is if it is no plain array of real numbers, else None."""
    if tensor.is_meta:
        return "a meta tensor without values"
    if tensor.layout != torch.strided:
        return f"sparse ({str(tensor.layout).removeprefix('torch.')})"
    if tensor.is_quantized:
        return f"quantized ({str(tensor.dtype).removeprefix('torch.')})"
    return f"complex ({str(tensor.dtype).removeprefix('torch.')})" if tensor.is_complex() else None


def _few(items: Iterable[str]) -> str:
    items = list(items)
    more = f" and {len(items) - MOST_NAMES} more" if len(items) > MOST_NAMES else ""
    return ", ".join(items[:MOST_NAMES]) + more


def _read_safetensors(path: Path) -> Mapping[str, object]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]  # partly without types
    except ImportError:
        raise ModelError(
            f"{path}: reading .safetensors needs the package safetensors; run `pip install 'tcugen[quantize]'`"
        ) from None
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: is damaged or no .safetensors file ({error}); save it again") from None


def _is_named(held: object) -> TypeGuard[dict[str, object]]:
    return isinstance(held, dict)


def _read_pickled(path: Path) -> Mapping[str, object]:
    try:
        held: object = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        # PyTorch's own message advises to execute what the file holds.
        raise ModelError(
            f"{path}: holds no weights alone (it is damaged, or a pickle with other objects or code, which is not "
            "executed); save the module's state_dict()"
        ) from None
    except Exception as error:
        # Whatever bytes that are no pickle happen to raise.
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no more is known'}"
        raise ModelError(f"{path}: holds no weights alone ({reason}); save the module's state_dict()") from None
    for key in WRAPPERS:
        if _is_named(held) and _is_named(inner := held.get(key)):
            held = inner
    if not _is_named(held):
        raise ModelError(f"{path}: holds a {type(held).__name__}, but must hold tensors by name; save a state_dict()")
    return held
