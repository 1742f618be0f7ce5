"""Every node of a dump computed again, in NumPy, from the dump alone: nothing here comes from the package."""

import json
from pathlib import Path

import numpy as np


class Dump:
    """A dump's `dump.json`; tensors are read, or computed where a fused producer left none."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.manifest = json.loads((folder / "dump.json").read_text())
        self.nodes = {node["name"]: node for node in self.manifest["nodes"]}

    def load(self, file: str) -> np.ndarray:
        return np.load(self.folder / file)

    def tensor(self, source: str | dict) -> np.ndarray:
        return self.compute(self.nodes[source["node"]]) if isinstance(source, dict) else self.load(source)

    def compute(self, node: dict) -> np.ndarray:
        """The node's output from its inputs."""
        inputs = [self.tensor(source) for source in node["inputs"]]
        unrounded = node.get("unrounded")
        assert all(tensor.ndim == 4 for tensor in inputs)
        assert all(tensor.dtype == (np.int64 if i == unrounded else np.int8) for i, tensor in enumerate(inputs))
        if node["op"] in ("conv", "linear"):
            return self.sums_to_output(node, convolution(self, node, inputs[0]))
        if node["op"] == "add":
            return residual_add(node, *inputs)
        if node["op"] == "multiply":
            a, b = (x.astype(np.int64) - z_x for x, z_x in zip(inputs, node["input_zero_points"], strict=True))
            return requantise(node, a * b, np.float32(node["multiplier"]))
        if node["op"] == "max_pool":
            return max_pool(node, inputs[0])
        if node["op"] == "table":
            return self.load(node["table"])[inputs[0].astype(np.int64) + 128]
        if node["op"] == "slice":
            start, stop = node["channels"]
            return inputs[0][:, start:stop]
        if node["op"] in ("resize", "depth_to_space", "channel_shuffle"):
            return moved(node, inputs[0])
        if node["op"] == "concat":
            operands = zip(inputs, node["input_zero_points"], node["multipliers"], strict=True)
            parts = [requantise(node, x.astype(np.int64) - z_x, np.float32(factor)) for x, z_x, factor in operands]
            return np.concatenate(parts, axis=1)
        centred = inputs[0].astype(np.int64) - node["input_zero_points"][0]
        if node["op"] == "average_pool":
            return average_pool(node, centred)
        if node["op"] == "global_average_pool":
            centred = centred.sum(axis=(2, 3), keepdims=True)
        return requantise(node, centred, np.float32(node["multiplier"]))

    def sums_to_output(self, node: dict, sums: np.ndarray) -> np.ndarray:
        if node["multiplier"] is None:
            assert node["clamp"] is None and node["output_zero_point"] is None
            return sums.astype(np.int32)
        multiplier = self.load(node["multiplier"])[None, :, None, None]
        assert multiplier.dtype == np.float32
        if node["clamp"] is None:
            # Taken unrounded by an add: steps of its output with 16 fraction bits.
            return np.rint((sums.astype(np.float32) * multiplier).astype(np.float64) * 2.0**16).astype(np.int64)
        return requantise(node, sums, multiplier)


def windows(padded: np.ndarray, node: dict) -> np.ndarray:
    """[n, C, y, x, ky, kx] of a padded [n, C, H, W]."""
    view = np.lib.stride_tricks.sliding_window_view(padded, node["kernel"], axis=(2, 3))
    return view[:, :, :: node["stride"][0], :: node["stride"][1]]


def pad(tensor: np.ndarray, node: dict, value: int) -> np.ndarray:
    top, left, bottom, right = node["padding"]
    return np.pad(tensor, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def convolution(dump: Dump, node: dict, x: np.ndarray) -> np.ndarray:
    """bias + sum((x - z_x) * w), int64 [n, O, y, x]."""
    weight, bias = dump.load(node["weight"]), dump.load(node["bias"])
    assert weight.dtype == np.int8 and bias.dtype == np.int32
    weight = weight.reshape(*weight.shape[:2], *node["kernel"]).astype(np.int64)
    centred = x.astype(np.int64) - node["input_zero_points"][0]
    view = windows(pad(centred, node, 0), node)
    outputs, inputs = weight.shape[0] // node["groups"], weight.shape[1]
    parts = [
        np.einsum("ncyxij,ocij->noyx", view[:, g * inputs :][:, :inputs], weight[g * outputs :][:outputs])
        for g in range(node["groups"])
    ]
    return np.concatenate(parts, axis=1) + bias[None, :, None, None].astype(np.int64)


def clamp(node: dict, value: np.ndarray) -> np.ndarray:
    return np.clip(value + node["output_zero_point"], *node["clamp"]).astype(np.int8)


def requantise(node: dict, sums: np.ndarray, multiplier: np.ndarray | np.float32) -> np.ndarray:
    """One float32 product, rounded to an integer, ties to even."""
    return clamp(node, np.rint(sums.astype(np.float32) * multiplier).astype(np.int64))


def residual_add(node: dict, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The exact sum of both products, rounded once, ties to even."""
    (z_a, z_b), (m_a, m_b), half = node["input_zero_points"], node["multiplier"], 1 << node["shift"] >> 1
    if "unrounded" in node:
        assert (node["multiplier"][node["unrounded"]], node["shift"]) == (1, 16)
    total = (a.astype(np.int64) - z_a) * m_a + (b.astype(np.int64) - z_b) * m_b
    if not half:
        return clamp(node, total)
    down, rest = total >> node["shift"], total & (2 * half - 1)
    return clamp(node, down + ((rest > half) | ((rest == half) & (down & 1 == 1))))


def average_pool(node: dict, centred: np.ndarray) -> np.ndarray:
    """Sums of windows, each times the multiplier of what it counts."""
    counted = pad(np.ones((1, 1, *centred.shape[2:]), np.int64), node, int(node["count_include_pad"]))
    counts = windows(counted, node).sum(axis=(4, 5))
    factors = np.vectorize(lambda count: np.float32(node["multipliers"][str(count)]), otypes=[np.float32])(counts)
    return requantise(node, windows(pad(centred, node, 0), node).sum(axis=(4, 5)), factors)


def moved(node: dict, x: np.ndarray) -> np.ndarray:
    """Every element to its place, one output pixel or channel after the other."""
    _, channels, height, width = x.shape
    if node["op"] == "channel_shuffle":
        return x[
            :, [(k % node["groups"]) * (channels // node["groups"]) + k // node["groups"] for k in range(channels)]
        ]
    rows, columns = node.get("factor", [node.get("block")] * 2)
    y, z = np.arange(height * rows), np.arange(width * columns)
    if node["op"] == "resize":
        return x[:, :, y[:, None] // rows, z // columns]
    size = channels // rows**2
    place = (y % rows * rows)[:, None] + z % rows
    c = np.arange(size)[:, None, None]
    source = place * size + c if node["mode"] == "DCR" else c * rows**2 + place
    return x[:, source, (y // rows)[:, None], z // rows]


def max_pool(node: dict, x: np.ndarray) -> np.ndarray:
    return windows(pad(x, node, -128), node).max(axis=(4, 5))
