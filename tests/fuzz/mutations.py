"""Damage of files: at random bytes, and where a file has structure also within that, so that it passes its checks."""

import io
import json
import zipfile
from random import Random
from typing import Any

EXTREMES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3, 255, 256, -(2**31), 2**31, 2**63, 2**70, -(2**70), 1e308, -0.0, 0.5, 1e-45),
    *(float("nan"), float("inf"), "", "a", "\x00", "\ud800", "../x", "nchw", "image", [], {}, [[]], [0]),
    *([-1, 2**40], {"a": 1}),
)  # fmt: skip
"""Values that stand in for others."""


def mutate_bytes(data: bytes, rng: Random) -> bytes:
    """One to four changes of bytes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        end = min(len(changed), at + rng.choice((1, 1, 2, 4, 8, 64, 512)))
        match rng.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                changed[at:end] = rng.randbytes(end - at)
            case 2:
                del changed[at:end]
            case 3:
                changed[at:at] = changed[at:end]
            case 4:
                changed[at:at] = rng.randbytes(rng.randint(1, 8))
            case 5 if rng.random() < 0.3:
                del changed[at:]
            case _:
                changed[at:end] = rng.choice((b"\x00", b"\xff", b"9", b"-", b"(", b'"', b"}")) * (end - at)
    return bytes(changed)


def mutate_words(data: bytes, rng: Random) -> bytes:
    """One to three numbers of four bytes changed where they stand, of a file that is made of places; or its bytes."""
    if rng.random() < 0.2:
        return mutate_bytes(data, rng)
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = 4 * rng.randrange(len(changed) // 4)
        value = int.from_bytes(changed[at : at + 4], "little")
        other = 4 * rng.randrange(len(changed) // 4)
        choices = (value + 1, value - 1, value ^ (1 << rng.randrange(32)), 0, 1, 2, 3, 7, 255, 2**31, 2**32 - 1, 2**20)
        found = rng.choice((*choices, int.from_bytes(changed[other : other + 4], "little")))
        changed[at : at + 4] = (found % 2**32).to_bytes(4, "little")
    return bytes(changed)


def mutate_json(data: bytes, rng: Random) -> bytes:
    """One to three values, keys or entries changed; or the text."""
    if rng.random() < 0.2:
        return mutate_bytes(data, rng)
    tree = json.loads(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            break
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, holder[key])
            case 1 | 2 if isinstance(holder, dict):
                holder[rng.choice((key + "_", key.upper(), "", *map(str, holder)))] = holder.pop(key)
            case 3:
                other_holder, other_key = rng.choice(places)
                holder[key] = json.loads(json.dumps(other_holder[other_key]))
            case 4 | 5 if type(holder[key]) is int and rng.random() < 0.7:
                holder[key] = rng.choice((holder[key] + 1, holder[key] * 2, rng.randint(1, 9)))
            case 4 if isinstance(holder[key], int):
                holder[key] = holder[key] * rng.choice((-1, 2, 1000, 2**20, 2**40)) + rng.choice((-1, 0, 1))
            case _:
                holder[key] = rng.choice(EXTREMES)
    return json.dumps(tree).encode()


def _places(tree: Any) -> Any:
    """Every holder and key in a tree of JSON."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield tree, key
        yield from _places(value)


def mutate_archive(data: bytes, rng: Random) -> bytes:
    """One member changed, the archive sound; or its bytes."""
    if rng.random() < 0.2:
        return mutate_bytes(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([*members, *["manifest.npy"] * len(members)])
    match rng.randrange(6):
        case 0:
            del members[name]
        case 1:
            members[rng.choice((*members, "../x.npy", "a"))] = members[name]
        case 2:
            members[name] = mutate_bytes(members[name], rng)
        case _ if name == "manifest.npy":
            header, text = members[name].split(b"\n", 1)
            changed = mutate_json(text, rng)
            members[name] = header.replace(f"({len(text)},)".encode(), f"({len(changed)},)".encode()) + b"\n" + changed
        case _:
            members[name] = members[name][:128] + mutate_bytes(members[name][128:], rng)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def mutate_message(data: bytes, rng: Random) -> bytes:
    """One to three fields of an ONNX file changed; or its bytes."""
    import onnx

    if rng.random() < 0.2:
        return mutate_bytes(data, rng)
    model = onnx.load_model_from_string(data)
    for _ in range(rng.randint(1, 3)):
        messages = list(_messages(model))
        message = rng.choice(messages)
        fields = [field for field, _ in message.ListFields()]
        if not fields:
            continue
        field = rng.choice(fields)
        value = getattr(message, field.name)
        if rng.random() < 0.15:
            message.ClearField(field.name)
        elif isinstance(value, str):
            setattr(message, field.name, rng.choice(("", "a", "Conv", "x" * 1000, value + "_", *_names(model))))
        elif isinstance(value, bytes):
            setattr(message, field.name, mutate_bytes(value, rng))
        elif isinstance(value, int | float):
            _set(
                message, field.name, rng.choice((0, 1, 2, -1, 7, 16, 255, 2**31 - 1, 2**40, 2**62, 1e38, float("nan")))
            )
        elif hasattr(value, "append"):
            _mutate_repeated(value, model, rng)
    return model.SerializeToString()


def _mutate_repeated(value: Any, model: Any, rng: Random) -> None:
    at = rng.randrange(len(value))
    match rng.randrange(3):
        case 0:
            del value[at]
        case 1 if isinstance(value[at], str):
            value[at] = rng.choice(("", *_names(model)))
        case 1 if isinstance(value[at], int | float):
            value[at] = type(value[at])(rng.choice((0, 1, 3, -1, 100, 2**30, 2**50)))
        case _:
            value.append(value[at])


def _set(message: Any, name: str, value: float) -> None:
    for kind in (int, float):
        try:
            setattr(message, name, kind(value))
            return
        except (TypeError, ValueError, OverflowError):
            continue


def _names(model: Any) -> list[str]:
    return [name for node in model.graph.node for name in (*node.input, *node.output)]


def _messages(message: Any) -> Any:
    yield message
    for _, value in message.ListFields():
        if hasattr(value, "ListFields"):
            yield from _messages(value)
        elif hasattr(value, "append") and len(value) and hasattr(value[0], "ListFields"):
            for entry in value:
                yield from _messages(entry)
