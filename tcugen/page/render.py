"""From the content of a page to its files. The same content gives the same bytes."""

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tcugen.page.content import PageContent, bytes_with_unit, cycles_of, milliseconds_of, verdict
from tcugen.page.machine_drawing import MULTIPLIER_BYTES, draw
from tcugen.page.tables import layers_csv, memory_csv, timeline_csv
from tcugen.page.trace_events import trace_events
from tcugen.report.losses import REASONS

PAGE = "report.html"
DATA_FOLDER = "report"
DATA = "page.json"
"""In DATA_FOLDER: all that the page is made of."""
_ASSETS = Path(__file__).parent / "assets"
# ECharts draws; it stands here, unmodified and with its licence, as a page must open offline and pip has no such file.
_SCRIPTS = ("echarts.min.js", "charts.js", "page.js")


def page_files(content: PageContent) -> dict[str, str]:
    """Text of every file of a page by its path: the page, and its data in the folder `report`."""
    return {
        PAGE: page(content),
        f"{DATA_FOLDER}/{DATA}": json.dumps(content, indent=1) + "\n",
        f"{DATA_FOLDER}/layers.csv": layers_csv(content),
        f"{DATA_FOLDER}/timeline.csv": timeline_csv(content),
        f"{DATA_FOLDER}/memory.csv": memory_csv(content),
        f"{DATA_FOLDER}/trace.json": trace_events(content),
    }


def page(content: PageContent) -> str:
    """The page as HTML, with style, scripts and data inside."""
    environment = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # Scripts and style are the package's own; only data is escaped.
    scripts = [Markup((_ASSETS / name).read_text()) for name in _SCRIPTS]
    return environment.get_template("page.html.j2").render(
        content=content,
        verdict=verdict(content),
        cycles=cycles_of(content),
        milliseconds=milliseconds_of(content),
        bus_traffic=bytes_with_unit(content["bytes_read"] + content["bytes_written"]),
        drawing=draw(content["memories"], content["architecture"]),
        multiplier_bytes=MULTIPLIER_BYTES,
        reasons=REASONS,
        style=Markup((_ASSETS / "page.css").read_text()),
        scripts=scripts,
        data_folder=DATA_FOLDER,
    )


def write_page(folder: Path, content: PageContent) -> None:
    """Write all files of a page into an existing folder."""
    for name, text in page_files(content).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
