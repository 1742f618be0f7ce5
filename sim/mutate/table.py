"""What became of the mutants, as a table by file and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

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
        fields = {"result": self.result, "by": self.verdict.by, "reason": reason}
        return {**asdict(self.site), **fields, "cpu_seconds": round(self.cpu_seconds, 1)}


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
