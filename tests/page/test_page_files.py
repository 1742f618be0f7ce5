"""What lies beside the page: the same figures as JSON, CSV and trace events, the same bytes every time."""

import csv
import io
import json
from collections import defaultdict
from itertools import combinations, pairwise

import pytest

from tcugen.page.content import MemoryBox, PageContent, SpanContent, bytes_with_unit, verdict
from tcugen.page.machine_drawing import MULTIPLIER_BYTES, draw
from tcugen.page.render import page_files


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_same_content_gives_the_same_bytes(striped_content):
    files = page_files(striped_content)
    assert page_files(json.loads(files["report/page.json"])) == files


def test_the_page_is_small_and_needs_nothing_from_elsewhere(striped_content):
    page = page_files(striped_content)["report.html"]
    assert len(page) < 2_000_000
    assert "<script src" not in page
    assert '<link rel="stylesheet"' not in page


def test_layers_add_up(striped_content):
    layers = rows(page_files(striped_content)["report/layers.csv"])
    assert sum(int(row["predicted_cycles"]) for row in layers) == striped_content["predicted_cycles"]
    assert sum(int(row["macs"]) for row in layers) == striped_content["mac_count"]
    for row in layers:
        lost = sum(float(value) for name, value in row.items() if name.startswith("lost_"))
        work = int(row["macs"]) / striped_content["multipliers"]
        assert round(work + lost, 6) == int(row["predicted_cycles"])


def test_traffic_and_program_are_all_that_moves(striped_content):
    traffic = [layer["traffic"] for layer in striped_content["layers"]]
    read = sum(layer["weights"] + layer["load"] for layer in traffic)
    assert 0 < striped_content["bytes_read"] - read < 100_000  # the program
    assert sum(layer["store"] for layer in traffic) == striped_content["bytes_written"]


def test_slices_of_a_track_do_not_overlap(striped_content):
    trace = json.loads(page_files(striped_content)["report/trace.json"])
    tracks = defaultdict(list)
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            tracks[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    assert len(tracks) >= 5
    assert sum(map(len, tracks.values())) == len(striped_content["timeline"])
    for slices in tracks.values():
        assert all(before[1] <= after[0] + 1e-9 for before, after in pairwise(slices))


def test_the_memory_map_stays_inside_the_memory(striped_content):
    boxes = striped_content["memory_map"]
    capacity = 1024 * striped_content["architecture"]["activation_kib"]
    assert {box["kind"] for box in boxes} == {"tensor", "buffers"}
    assert all(box["address"] >= 0 and box["address"] + box["bytes"] <= capacity for box in boxes)
    assert all(box["start"] < box["end"] for box in boxes)


def share_bytes(box: MemoryBox, other: MemoryBox) -> bool:
    return box["address"] < other["address"] + other["bytes"] and other["address"] < box["address"] + box["bytes"]


@pytest.mark.parametrize("name", ["reference_content", "striped_content"])
def test_no_byte_is_of_two_at_a_time_in_the_memory_map(name, request):
    content: PageContent = request.getfixturevalue(name)
    boxes = content["memory_map"]
    pairs = [(box, other) for box, other in combinations(boxes, 2) if share_bytes(box, other)]
    assert len(pairs) > 2
    assert [pair for pair in pairs if pair[0]["end"] > pair[1]["start"]] == []
    assert max(box["end"] for box in boxes) <= content["predicted_cycles"]


def test_a_tensor_is_in_the_memory_map_from_its_own_first_write_to_its_last_read(reference_content):
    layers = {layer["nodes"][-1]: layer["number"] for layer in reference_content["layers"]}
    boxes = {box["name"]: box for box in reference_content["memory_map"]}
    units = reference_content["units"]

    def spans(unit: str, node: str) -> list[SpanContent]:
        found = (span for span in reference_content["timeline"] if span["layer"] == layers[node])
        return [span for span in found if units[span["unit"]] == unit]

    for node in ("conv1", "layer1.0.conv1", "layer1.0.add"):
        assert boxes[node]["start"] == min(span["start"] for span in spans("output stage", node))
    assert boxes["image"]["start"] == min(span["start"] for span in spans("load", "conv1"))
    assert boxes["image"]["end"] == max(span["end"] for span in spans("array", "conv1"))


def test_the_machine_is_drawn_to_scale(striped_content):
    sizes = striped_content["memories"]
    blocks = {block.name: block for block in draw(sizes, striped_content["architecture"]).blocks}
    area = {name: block.width * block.height for name, block in blocks.items()}
    scale = area["array"] / (striped_content["multipliers"] * MULTIPLIER_BYTES)
    for name, size in (
        ("activation memory", "activation"),
        ("weight ring", "weights"),
        ("accumulators", "accumulators"),
    ):
        assert abs(area[name] / (scale * sizes[size]) - 1) < 1e-6
    assert (blocks["array"].rows, blocks["array"].columns) == (8, 8)


@pytest.mark.parametrize("activation", [4 << 10, 16 << 10, 1 << 20, 8 << 20])
def test_words_of_arrows_are_on_no_arrow(reference_content, activation):
    sizes = reference_content["memories"] | {"activation": activation}
    arrows = draw(sizes, reference_content["architecture"]).arrows
    words = {arrow.word: (arrow.y - 9, arrow.y) for arrow in arrows if arrow.word in ("load", "store")}
    levels = [float(arrow.points.split()[0].split(",")[1]) for arrow in arrows if arrow.word in words]
    assert len(words) == len(levels) == 2
    for top, bottom in words.values():
        assert not any(top < level < bottom for level in levels)


def test_the_verdict_says_what_is_known(reference_content):
    assert verdict(reference_content).startswith("predicted ")
    assert verdict(reference_content).endswith("; fit in an FPGA not asked: name one with --part")
    run = reference_content | {
        "kind": "simulation",
        "simulated_cycles": 100_000,
        "mismatches": 0,
        "compared_elements": 1234,
        "images": 1,
    }
    assert verdict(run).startswith("all 1,234 elements equal the golden model; simulated 1.00 ms per image or 1,000.0 ")
    assert "--part" not in verdict(run)
    assert verdict(run | {"mismatches": 3}).startswith("3 elements differ from the golden model; ")
    fit = {"part": "ecp5-45", "resources": [], "remarks": []}
    fitting = verdict(reference_content | {"fit": fit})
    assert fitting.startswith("fits ecp5-45 by estimate; predicted ")
    assert "--part" not in fitting


BYTES = {
    0: "0 B", 999: "999 B", 1000: "1.00 kB", 9994: "9.99 kB", 9996: "10.0 kB", 99_960: "100 kB", 999_499: "999 kB",
    999_500: "1.00 MB", 1_080_000: "1.08 MB", 27_800_000: "27.8 MB", 3_000_000_000: "3.00 GB", 7 * 10**15: "7,000 TB",
}  # fmt: skip


@pytest.mark.parametrize("count, words", BYTES.items())
def test_bytes_have_three_digits_and_their_unit(count, words):
    assert bytes_with_unit(count) == words


def test_the_unit_of_the_bus_traffic_is_that_of_bytes_read_and_written(reference_content):
    page = page_files(reference_content | {"bytes_read": 900_000, "bytes_written": 180_000})["report.html"]
    assert '<dd id="tile-bytes">1.08 MB</dd>' in page


def test_a_name_cannot_become_markup(reference_content):
    name = "</script><script>alert(1)</script>"
    page = page_files(reference_content | {"network": name})["report.html"]
    assert name not in page
