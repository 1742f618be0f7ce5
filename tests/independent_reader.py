"""Checks a dump of `tcugen simulate --dump DIR` with NumPy and ONNX Runtime alone; nothing of tcugen is imported.

    python tests/independent_reader.py DIR

Every node's output, as the RTL wrote it, is computed again in NumPy from the dumped integers, and every tensor is
compared with ONNX Runtime's on `reference.onnx`, where the dump has one. The exit status is 0 if all are equal and the
dump is whole: something was stored to compare, and no node is left out.
"""

import json
import sys
from pathlib import Path

import numpy as np


class Dump:
    """The files of a dump, and what its nodes compute."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.manifest = json.loads((folder / "dump.json").read_text())
        self.nodes = {node["name"]: node for node in self.manifest["nodes"]}

    def array(self, file: str) -> np.ndarray:
        return np.load(self.folder / file, allow_pickle=False)

    def tensor(self, reference: "str | dict") -> np.ndarray:
        """An input: a file, or what a node computes whose tensor never existed."""
        return self.compute(self.nodes[reference["node"]]) if isinstance(reference, dict) else self.array(reference)

    def compute(self, node: dict) -> np.ndarray:
        inputs = [self.tensor(reference) for reference in node["inputs"]]
        compute = {
            "conv": self.convolution,
            "linear": self.convolution,
            "add": self.addition,
            "max_pool": self.maximum,
            "average_pool": self.window_average,
            "global_average_pool": self.average,
            "requantise": self.change_of_scale,
            "table": self.look_up,
            "concat": self.concatenation,
            "slice": self.channels,
            "multiply": self.product,
            "resize": self.repeated,
            "depth_to_space": self.blocks,
            "channel_shuffle": self.shuffled,
        }
        return compute[node["op"]](node, *inputs)

    def convolution(self, node: dict, x: np.ndarray) -> np.ndarray:
        weight = self.array(node["weight"]).astype(np.float64)
        weight = weight.reshape(len(weight), -1, *node["kernel"])
        groups = node["groups"]
        windows = self.windows(node, x.astype(np.float64) - node["input_zero_points"][0], 0.0)
        n, channels, rows, columns = windows.shape[:4]
        windows = windows.reshape(n, groups, channels // groups, rows, columns, *node["kernel"])
        windows = windows.transpose(1, 0, 3, 4, 2, 5, 6).reshape(groups, n * rows * columns, -1)
        # Doubles hold every partial sum exactly, so the order of additions does not matter.
        sums = windows @ weight.reshape(groups, len(weight) // groups, -1).transpose(0, 2, 1)
        sums = sums.transpose(1, 0, 2).reshape(n, rows, columns, len(weight)).transpose(0, 3, 1, 2)
        sums = sums.astype(np.int64) + self.array(node["bias"]).astype(np.int64).reshape(-1, 1, 1)
        if node["multiplier"] is None:
            return sums.astype(np.int32)
        return rounded(sums, self.array(node["multiplier"]).reshape(-1, 1, 1), node)

    def addition(self, node: dict, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        (z_a, z_b), (m_a, m_b), shift = node["input_zero_points"], node["multiplier"], node["shift"]
        exact = (a.astype(np.int64) - z_a) * m_a + (b.astype(np.int64) - z_b) * m_b
        # The sum has at most 34 bits, so dividing by a power of two is exact in double.
        return clamped(np.rint(exact / 2.0**shift), node)

    def product(self, node: dict, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        z_a, z_b = node["input_zero_points"]
        product = (a.astype(np.int32) - z_a) * (b.astype(np.int32) - z_b)
        scaled = np.rint(product.astype(np.float32) * np.float32(node["multiplier"])).astype(np.int64)
        return np.clip(scaled + node["output_zero_point"], *node["clamp"]).astype(np.int8)

    def maximum(self, node: dict, x: np.ndarray) -> np.ndarray:
        return self.windows(node, x, np.int8(-128)).max(axis=(4, 5))

    def average(self, node: dict, x: np.ndarray) -> np.ndarray:
        sums = (x.astype(np.int64) - node["input_zero_points"][0]).sum(axis=(2, 3), keepdims=True)
        return rounded(sums, np.float32(node["multiplier"]), node)

    def window_average(self, node: dict, x: np.ndarray) -> np.ndarray:
        ones, own = np.ones((1, 1, *x.shape[2:]), np.int64), float(node["count_include_pad"])
        counts = self.windows(node, ones, own).sum(axis=(4, 5)).astype(np.int64)
        factors = np.array([node["multipliers"][str(count)] for count in counts.flat], np.float32)
        sums = self.windows(node, x.astype(np.int64) - node["input_zero_points"][0], 0).sum(axis=(4, 5))
        return rounded(sums, factors.reshape(counts.shape), node)

    def change_of_scale(self, node: dict, x: np.ndarray) -> np.ndarray:
        return rounded(x.astype(np.int64) - node["input_zero_points"][0], np.float32(node["multiplier"]), node)

    def look_up(self, node: dict, x: np.ndarray) -> np.ndarray:
        return self.array(node["table"])[x.astype(np.int64) + 128]

    def stored(self, node: dict) -> dict | None:
        """The node with an output that `node` is computed along with: an add or a table, or an add and then a table."""
        while "output" not in node:
            readers = self.readers(node)
            if len(readers) != 1 or readers[0]["op"] not in ("add", "table"):
                return None
            node = readers[0]
        return node

    def concatenation(self, node: dict, *operands: np.ndarray) -> np.ndarray:
        changed = [
            rounded(x.astype(np.int64) - z_x, np.float32(multiplier), node)
            for x, z_x, multiplier in zip(operands, node["input_zero_points"], node["multipliers"], strict=True)
        ]
        return np.concatenate(changed, axis=1)

    def channels(self, node: dict, x: np.ndarray) -> np.ndarray:
        return x[:, node["channels"][0] : node["channels"][1]]

    def repeated(self, node: dict, x: np.ndarray) -> np.ndarray:
        return np.kron(x, np.ones(node["factor"], np.int8))

    def blocks(self, node: dict, x: np.ndarray) -> np.ndarray:
        block = node["block"]
        size = x.shape[1] // block**2
        out = np.zeros((len(x), size, x.shape[2] * block, x.shape[3] * block), np.int8)
        for y in range(block):
            for z in range(block):
                place = y * block + z
                channels = (
                    slice(place * size, (place + 1) * size) if node["mode"] == "DCR" else slice(place, None, block**2)
                )
                out[:, :, y::block, z::block] = x[:, channels]
        return out

    def shuffled(self, node: dict, x: np.ndarray) -> np.ndarray:
        return np.concatenate([x[:, c :: x.shape[1] // node["groups"]] for c in range(x.shape[1] // node["groups"])], 1)

    def readers(self, node: dict) -> list[dict]:
        """Nodes that compute `node` along with themselves."""
        return [other for other in self.nodes.values() if {"node": node["name"]} in other["inputs"]]

    def macs(self, node: dict) -> int:
        """Products of a node for one image, as a dump counts them: none where channels are only moved."""
        if "weight" not in node or (node["op"] == "conv" and node["name"].rpartition(".")[2] == "shortcut"):
            return 0
        # What an add or a table is computed along with has the shape of its result.
        rows, columns = self.array((self.stored(node) or node)["output"]).shape[2:]
        return self.array(node["weight"]).size * rows * columns

    def windows(self, node: dict, x: np.ndarray, fill: float | np.int8) -> np.ndarray:
        """[n, C, rows, columns, kernel y, kernel x] of [n, C, H, W]."""
        top, left, bottom, right = node["padding"]
        padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
        step_y, step_x = node["stride"]
        apart_y, apart_x = node.get("dilation", (1, 1))
        rows, columns = node["kernel"]
        spans = ((rows - 1) * apart_y + 1, (columns - 1) * apart_x + 1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, spans, (2, 3))
        return windows[:, :, ::step_y, ::step_x, ::apart_y, ::apart_x]


def rounded(sums: np.ndarray, multiplier: np.ndarray | np.float32, node: dict) -> np.ndarray:
    return clamped(np.rint(sums.astype(np.float32) * multiplier).astype(np.float64), node)


def clamped(steps: np.ndarray, node: dict) -> np.ndarray:
    low, high = node["clamp"]
    return np.clip(steps + node["output_zero_point"], low, high).astype(np.int8)


def reference_tensors(dump: Dump) -> dict[str, np.ndarray]:
    """Every tensor by node name, from ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(dump.folder / "reference.onnx"), providers=["CPUExecutionProvider"])
    feeds = {tensor.name: dump.array(dump.manifest["inputs"][tensor.name]) for tensor in session.get_inputs()}
    outputs = [tensor.name for tensor in session.get_outputs()]
    return {name: np.asarray(tensor) for name, tensor in zip(outputs, session.run(outputs, feeds), strict=True)}


def gaps(dump: Dump, reference: dict[str, np.ndarray]) -> list[str]:
    """Why equal elements would prove nothing: what a whole dump has and this one lacks, one line each."""
    nodes = list(dump.nodes.values())
    if not nodes or len(nodes) != len(dump.manifest["nodes"]):
        return ["there are no nodes, or two of one name"]
    found = []
    images = {file: len(dump.array(file)) for file in dump.manifest["inputs"].values()}
    made = dict(images)
    for node in nodes:
        unknown = [one for one in node["inputs"] if not isinstance(one, dict) and one not in made]
        found += [f"{node['name']}: reads {source}, which nothing before it makes" for source in unknown]
        if "output" in node:
            made[node["output"]] = len(dump.array(node["output"]))
        elif dump.stored(node) is None:
            found.append(f"{node['name']}: has no output, and nothing with one was computed along with it")
    if 0 in images.values() or len(set(made.values())) != 1:
        found.append(f"numbers of images are {sorted(set(made.values()))}, but must be one, and not 0")
    macs = 0 if found else sum(dump.macs(node) for node in nodes)
    if not found and macs != dump.manifest["mac_count"]:
        found.append(f"mac_count is {dump.manifest['mac_count']}, but the nodes have {macs}: some are left out")
    if reference:
        found += [f"{name}: is in the reference model alone" for name in reference if name not in dump.nodes]
        found += [f"{name}: is not in the reference model" for name in dump.nodes if name not in reference]
    return found


def check(folder: Path) -> int:
    """Print one line per node; the number of elements that differ, or of gaps if the dump is not whole."""
    dump = Dump(folder)
    reference = reference_tensors(dump) if (folder / "reference.onnx").exists() else {}
    missing = gaps(dump, reference)
    if missing:
        print("\n".join(f"not a whole dump: {gap}" for gap in missing))
        return len(missing)
    total = 0
    for name, node in dump.nodes.items():
        fused = "output" not in node
        computed = dump.compute(node)
        # The tensor of a fused node never existed: what NumPy computes through it stands for it.
        stored = computed if fused else dump.array(node["output"])
        counts = {"NumPy": differing(stored, computed)}
        if reference:
            counts["ONNX Runtime"] = differing(stored, reference[name])
        total += sum(counts.values())
        what = " and ".join(f"{count} differ from {who}" for who, count in counts.items())
        print(f"{name}: {node['op']}, {stored.size} elements{', fused' if fused else ''}: {what}")
    compared = "NumPy and ONNX Runtime" if reference else "NumPy"
    print(f"{len(dump.nodes)} nodes compared with {compared}: {total} elements differ")
    return total


def differing(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.count_nonzero(a != b)) if a.shape == b.shape and a.dtype == b.dtype else max(a.size, b.size)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/independent_reader.py DIR")
    sys.exit(1 if check(Path(sys.argv[1])) else 0)
