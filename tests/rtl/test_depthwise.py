"""Depthwise convolutions in the pool unit against NumPy."""

from random import Random

import numpy as np
import pytest

from tests.rtl.instructions import ADDRESSES
from tests.rtl.streams import run
from tests.rtl.test_pool import Bench, content, packed, random_fields, results_of

START = 4
"""From the cycle after an instruction was taken to its first word at the latest, beside a cycle per bit of stride_y."""

END = 40
"""From the last tap to the end of an instruction at the latest, but for the lanes."""


def depthwise_fields(random: Random, rows: int) -> dict[str, int]:
    """Columns and rows that hang over every border, some of them outside altogether."""
    fields = random_fields(random, rows) | {"depthwise": 1, "n_kx": 1, "stride_x": 1}
    fields |= {"n_groups": random.randrange(1, 3), "n_ky": random.choice((1, 2, 3, 3, 5, 7))}
    step = random.choice((1, 1, 2, 3, 15))
    fields |= {"step_x": step, "n_x": 3 + step * random.randrange(4)}
    fields |= {"weights": random.randrange(0, ADDRESSES, rows), "pad": random.randrange(-128, 128)}
    low, high = sorted(random.randrange(-128, 128) for _ in range(2))
    return fields | {"zero_point": random.randrange(-128, 128), "clamp_low": low, "clamp_high": high}


def blocks_of(random: Random, f: dict[str, int], rows: int) -> dict[int, list[int]]:
    """Words of weights and parameters by word address; weights are often extreme."""
    words = {}
    at = f["weights"] // rows
    for _ in range(f["n_groups"]):
        weights = [random.choice((-128, 127, random.randrange(-128, 128))) for _ in range(3 * f["n_ky"] * rows)]
        entries = np.empty(rows, [("bias", "<i4"), ("multiplier", "<f4")])
        entries["bias"] = [random.randrange(-(1 << 19), 1 << 19) for _ in range(rows)]
        entries["multiplier"] = [2 ** random.uniform(-13, -8) for _ in range(rows)]
        data = weights + np.frombuffer(entries.tobytes(), np.int8).tolist()
        for start in range(0, len(data), rows):
            words[at % (ADDRESSES // rows)] = data[start : start + rows]
            at += 1
    return words


def results(f: dict[str, int], rows: int, words: dict[int, list[int]]) -> tuple[list[int], list[tuple[int, int]]]:
    """Word addresses that are read, in order, and the (address, data) that are written."""
    reads, writes = [], []
    outputs = (f["n_x"] - 3) // f["step_x"] + 1
    n_words = 3 * f["n_ky"] + 8
    for group in range(f["n_groups"]):
        first = f["weights"] // rows + group * n_words
        block = [(first + k) % (ADDRESSES // rows) for k in range(n_words)]
        reads += block
        kernel = np.array([words[at] for at in block[:-8]]).reshape(f["n_ky"], 3, rows)
        parameters = np.frombuffer(np.array([words[at] for at in block[-8:]], np.int8).tobytes(), "<i4, <f4")
        for y in range(f["n_y"]):
            taps = np.full((f["n_ky"], f["n_x"], rows), f["pad"])
            for column in range(f["n_x"]):
                for ky in range(f["n_ky"]):
                    down = y * f["stride_y"] + ky
                    if 0 <= f["iy0"] + down < f["height"] and 0 <= f["ix0"] + column < f["width"]:
                        at = f["base"] + group * f["group_step"] + down * f["row_step"] + column * rows
                        reads.append(at % ADDRESSES // rows)
                        taps[ky, column] = content(reads[-1], rows)
            for o in range(outputs):
                window = taps[:, o * f["step_x"] : o * f["step_x"] + 3]
                total = (window * kernel).sum(axis=(0, 1)) + parameters["f0"]
                scaled = np.rint(total.astype(np.float32) * parameters["f1"]).astype(np.int64)
                value = np.clip(scaled + f["zero_point"], f["clamp_low"], f["clamp_high"])
                at = f["out_base"] + group * f["out_group_step"] + y * f["out_row_step"] + o * rows
                writes.append((at % ADDRESSES, packed(value.tolist())))
    return reads, writes


@pytest.mark.parametrize("grants, takes", [(1.0, 1.0), (0.5, 1.0), (1.0, 0.1), (0.6, 0.4)])
@pytest.mark.parametrize("rows, lanes", [(4, 1), (4, 4), (8, 1), (8, 2), (16, 4)])
def test_convolutions_of_random_instructions_between_maxima(rows, lanes, grants, takes):
    random = Random(rows + lanes)
    bench = Bench(rows, [], grants, takes, depthwise=lanes)
    reads, writes, done, layers = [], [], [], []
    for _ in range(6):
        fields = depthwise_fields(random, rows)
        bench.words = blocks_of(random, fields, rows) | bench.words
        plain = random_fields(random, rows)
        for f, made in ((fields, results(fields, rows, bench.words)), (plain, results_of(plain, rows))):
            bench.instructions.append(f)
            reads += made[0]
            writes += made[1]
            layers += [f["layer"]] * len(made[1])
            done.append(len(writes))
    run(bench.pool, bench.driver, background=[bench.memory])
    assert bench.reads == reads
    assert bench.writes == writes
    assert bench.layers == layers
    assert bench.done_at_write == done


def test_sums_as_large_as_they_can_be():
    f = {"n_groups": 1, "n_y": 1, "n_x": 4, "n_ky": 7, "step_x": 1, "height": 0, "width": 0, "pad": -128}
    f |= {"depthwise": 1, "n_kx": 1, "stride_x": 1, "stride_y": 1, "base": 0, "group_step": 0, "row_step": 0, "iy0": 0}
    f |= {"ix0": 0, "out_base": 64, "out_group_step": 0, "out_row_step": 0, "weights": 0, "layer": 1}
    f |= {"zero_point": 0, "clamp_low": -128, "clamp_high": 127}
    words = blocks_of(Random(1), f, 4)
    words |= {k: [-128, 127, 0, -128] for k in range(21)}
    for channel, (bias, multiplier) in enumerate([(0, 2**-12), (0, 2**-12), (-(1 << 31), 2**-24), (1 << 30, 2**-24)]):
        entry = np.array([(bias, multiplier)], "<i4, <f4")
        words |= dict(zip((21 + 2 * channel, 22 + 2 * channel),
                          np.frombuffer(entry.tobytes(), np.int8).reshape(2, 4).tolist(), strict=True))  # fmt: skip
    bench = Bench(4, [f], 1.0, 1.0, words, depthwise=1)
    run(bench.pool, bench.driver, background=[bench.memory])
    expected = packed([84, -83, -128, 64])
    assert bench.writes == [(64, expected), (68, expected)]
    assert results(f, 4, words)[1] == bench.writes


@pytest.mark.parametrize(
    "rows, lanes, n_ky, step", [(4, 4, 3, 1), (4, 2, 3, 2), (8, 4, 3, 1), (8, 1, 3, 1), (8, 2, 1, 1)]
)
def test_a_tap_per_cycle_or_as_fast_as_the_lanes_are(rows, lanes, n_ky, step):
    f = {"n_groups": 1, "n_y": 4, "n_x": 3 + step * 9, "n_ky": n_ky, "step_x": step, "stride_y": 1}
    f |= {"height": 99, "width": 99, "row_step": 160, "depthwise": 1, "n_kx": 1, "stride_x": 1, "weights": 1 << 20}
    f |= {"clamp_low": -128, "clamp_high": 127, "out_base": 1 << 16, "out_row_step": 160}
    f |= dict.fromkeys(("base", "group_step", "out_group_step", "iy0", "ix0", "pad", "zero_point", "layer"), 0)
    words = blocks_of(Random(2), f, rows)
    bench = Bench(rows, [f], 1.0, 1.0, words, depthwise=lanes)
    run(bench.pool, bench.driver, background=[bench.memory])
    assert bench.writes == results(f, rows, words)[1]
    row = max(f["n_x"] * n_ky, 3 * n_ky + 9 * max(step * n_ky, rows // lanes))
    assert bench.busy <= START + 3 * n_ky + 8 + 4 * row + END + rows // lanes
