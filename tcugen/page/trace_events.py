"""The timeline in the Trace Event Format, which Perfetto (ui.perfetto.dev) and Chrome's own viewer open."""

import json
from typing import Any

from tcugen.page.content import PageContent

_NANOSECONDS_PER_MICROSECOND = 1000


def trace_events(content: PageContent) -> str:
    """JSON: one track per unit, one slice per instruction; a cycle is shown as a nanosecond."""
    events: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "name": "process_name", "args": {"name": f"{content['network']}, 1 ns is 1 cycle"}}
    ]
    for number, unit in enumerate(content["units"]):
        events.append({"ph": "M", "pid": 1, "tid": number + 1, "name": "thread_name", "args": {"name": unit}})
        events.append(
            {"ph": "M", "pid": 1, "tid": number + 1, "name": "thread_sort_index", "args": {"sort_index": number}}
        )
    names = [" + ".join(layer["nodes"]) for layer in content["layers"]]
    last_end: dict[int, int] = {}
    for span in content["timeline"]:
        # Slices of one track must not overlap: one that waits inside its unit is shown from when it is first.
        start = max(span["start"], last_end.get(span["unit"], 0))
        end = max(span["end"], start)
        last_end[span["unit"]] = end
        events.append(
            {
                "ph": "X",
                "pid": 1,
                "tid": span["unit"] + 1,
                "name": names[span["layer"]],
                "cat": content["units"][span["unit"]],
                "ts": start / _NANOSECONDS_PER_MICROSECOND,
                "dur": (end - start) / _NANOSECONDS_PER_MICROSECOND,
                "args": {"instruction": span["instruction"], "layer": span["layer"], "taken": span["start"]},
            }
        )
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    return f'{{"displayTimeUnit":"ns","traceEvents":[\n{lines}\n]}}\n'
