"""Mutants that no test can find, and why: hardware with the change does the same as without."""

from dataclasses import dataclass

from sim.mutate.sites import Site


@dataclass(frozen=True)
class Explained:
    """A mutant that is equivalent.

    Attributes:
        file: In `tcugen/rtl`.
        before, after: The lines of the change, white space as one blank.
        reason: Why nothing can tell them apart.
    """

    file: str
    before: str
    after: str
    reason: str


EXPLAINED: tuple[Explained, ...] = ()


def lines_of(site: Site, text: str) -> tuple[str, str]:
    """The lines that a site is in, before and after the change, white space as one blank."""
    content = text.encode()
    begin = content.rfind(b"\n", 0, site.start) + 1
    end = content.find(b"\n", site.end)
    after = content[begin : site.start] + site.new.encode() + content[site.end : end]
    return " ".join(content[begin:end].decode().split()), " ".join(after.decode().split())


def explanation(site: Site, text: str) -> Explained | None:
    """That of a site of a file with this text, if there is one."""
    before, after = lines_of(site, text)
    return next((one for one in EXPLAINED if (one.file, one.before, one.after) == (site.file, before, after)), None)
