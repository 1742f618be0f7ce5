"""What became of the mutants, as a table by file and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sim.mutate.explained import Explained
from sim.mutate.sites import Site
from sim.mutate.ways import NO_CHANGE, WAYS, Verdict


@dataclass(frozen=True)
class Row:
    """A mutant, what became of it, and why nothing finds it if that is known."""

    site: Site
    verdict: Verdict
    explained: Explained | None
    cpu_seconds: float

    @property
    def counts(self) -> bool:
        """It is a mutant of hardware."""
        return self.verdict.way != NO_CHANGE

    @property
    def result(self) -> str:
        """A column of the table."""
        return self.verdict.way or ("explained" if self.explained else "survived")

    def text(self) -> str:
        """A line of progress."""
        by = f" ({self.verdict.by})" if self.verdict.by else ""
        return f"{self.site.kind} {self.site.text()}: {self.result}{by}, {self.cpu_seconds:.0f} s"

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        reason = self.explained.reason if self.explained else ""
        judged = {"result": self.result, "by": self.verdict.by, "reason": reason}
        return {**asdict(self.site), **judged, "cpu_seconds": round(self.cpu_seconds, 1)}


def known_rows(text: str, seed: int) -> dict[Site, Row]:
    """Rows of a file that `--json` wrote for the same seed, but for those of mutants that nothing found.

    Raises:
        ValueError: If it is another file. The message says why.
    """
    try:
        held = json.loads(text)
        found_before = [one for one in held["mutants"] if one["result"] in (*WAYS, NO_CHANGE)]
        rows = [Row(_site(one), Verdict(one["result"], one["by"]), None, one["cpu_seconds"]) for one in found_before]
        other = held["seed"]
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError("is not what --json writes; name a file that it wrote") from problem
    if other != seed:
        raise ValueError(f"is of seed {other}, but the mutants are drawn for {seed}; give --seed {other}")
    return {row.site: row for row in rows}


def _site(held: dict[str, Any]) -> Site:
    return Site(**{one.name: held[one.name] for one in fields(Site)})


COLUMNS = (*WAYS, "explained", "survived")


def found(rows: Sequence[Row]) -> int:
    """How many were found."""
    return sum(row.verdict.way in WAYS for row in rows)


def share(rows: Sequence[Row]) -> float:
    """Per cent of the mutants of hardware that were found; those that are explained are none."""
    judged = [row for row in rows if row.counts and row.result != "explained"]
    return 100 * found(judged) / len(judged) if judged else 100.0


def table(rows: Sequence[Row], all_sites: dict[str, list[Site]]) -> list[str]:
    """Lines of the table: a file each, and all."""
    lines = [
        "| file | places | mutants | " + " | ".join(COLUMNS) + " |",
        "|---|" + "---:|" * (len(COLUMNS) + 2),
    ]
    for name, there in [*all_sites.items(), ("all", [site for one in all_sites.values() for site in one])]:
        own = [row for row in rows if row.counts and name in (row.site.file, "all")]
        if own:
            counts = [sum(row.result == column for row in own) for column in COLUMNS]
            cells = [f"`{name}`" if name != "all" else name, f"{len(there):,}", len(own), *counts]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines
