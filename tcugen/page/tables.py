"""The page's data as CSV: one row per layer, per instruction and per range of memory."""

import csv
import io
from collections.abc import Sequence

from tcugen.page.content import PageContent
from tcugen.report.losses import REASONS


def layers_csv(content: PageContent) -> str:
    """One row per layer; losses are cycles, one column per reason."""
    head = (
        "number", "nodes", "op", "shape", "macs", "predicted_cycles", "simulated_cycles", "busy_cycles", "utilisation",
        *(f"lost_{reason}_cycles" for reason in REASONS), "weight_bytes", "load_bytes", "store_bytes", "mismatches",
        "decibels",
    )  # fmt: skip
    rows: list[Sequence[object]] = []
    for layer in content["layers"]:
        simulated, traffic = layer["simulated_cycles"], layer["traffic"]
        cycles = layer["predicted_cycles"] if simulated is None else simulated
        rows.append(
            (
                layer["number"],
                " + ".join(layer["nodes"]),
                layer["op"],
                layer["shape"],
                layer["macs"],
                layer["predicted_cycles"],
                simulated,
                layer["busy"],
                f"{layer['macs'] / (content['multipliers'] * cycles):.6f}" if cycles else "",
                *(layer["losses"].get(reason, 0) for reason in REASONS),
                traffic["weights"],
                traffic["load"],
                traffic["store"],
                layer["mismatches"],
                layer["decibels"],
            )
        )
    return _csv(head, rows)


def timeline_csv(content: PageContent) -> str:
    """One row per instruction in its unit."""
    units = content["units"]
    return _csv(
        ("unit", "instruction", "layer", "start_cycle", "end_cycle"),
        [(units[s["unit"]], s["instruction"], s["layer"], s["start"], s["end"]) for s in content["timeline"]],
    )


def memory_csv(content: PageContent) -> str:
    """One row per range of the activation memory."""
    head = ("name", "kind", "address", "bytes", "start", "end")
    return _csv(head, [[box[name] for name in head] for box in content["memory_map"]])


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue()
