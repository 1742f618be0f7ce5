"""How far a run is: a bar on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from tcugen.simulator.progress import Progress

SECONDS_BETWEEN_LINES = 5
SECONDS_BETWEEN_TOOL_LINES = 30


def progress_bar(console: Console) -> ProgressBar:
    """A bar with the speed and the time left; invisible where the output is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    return ProgressBar(*columns, console=console, transient=True, disable=not console.is_terminal)


def simulation_reporter(bar: ProgressBar) -> Callable[[Progress], None]:
    """Shows layer, cycles/s and time left of a simulation."""
    task = bar.add_task("simulating", total=1.0, speed="")
    started, lines = time.monotonic(), _Lines(bar.console)

    def report(progress: Progress) -> None:
        speed = f"{progress.cycles_per_second / 1000:.0f} kcycles/s"
        where = f"image {progress.image + 1}/{progress.images} {progress.layer_name}"
        if bar.disable:
            lines.maybe(f"{where}: cycle {progress.cycle:,}, {speed}, {progress.seconds_left:.0f} s left")
        passed = time.monotonic() - started
        bar.update(task, description=where, speed=speed, completed=passed / (passed + progress.seconds_left + 1e-9))

    return report


def emulation_reporter(bar: ProgressBar, count: int) -> Callable[[int], None]:
    """Shows how many of `count` images are done, images/s and time left."""
    task = bar.add_task("emulating", total=count, speed="")
    started, lines = time.monotonic(), _Lines(bar.console)

    def report(done: int) -> None:
        rate = done / max(time.monotonic() - started, 1e-9)
        if bar.disable:
            lines.maybe(f"image {done}/{count}: {rate:.2f} images/s, {(count - done) / rate:.0f} s left")
        bar.update(task, completed=done, speed=f"{rate:.2f} images/s")

    return report


@contextmanager
def tool_reporter(console: Console) -> Generator[Callable[[str], None]]:
    """Shows for how long a tool has run and what it is at."""
    started, lines = time.monotonic(), _Lines(console, SECONDS_BETWEEN_TOOL_LINES)

    with console.status("") as status:

        def report(text: str) -> None:
            line = f"{time.monotonic() - started:5.0f} s: {text[:100]}"
            status.update(escape(line))
            if not console.is_terminal:
                lines.maybe(line)

        yield report


class _Lines:
    """Prints at most one line in so many seconds."""

    def __init__(self, console: Console, seconds: float = SECONDS_BETWEEN_LINES):
        self._console = console
        self._seconds = seconds
        self._next = 0.0

    def maybe(self, text: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._seconds
            self._console.print(text, highlight=False, markup=False)
