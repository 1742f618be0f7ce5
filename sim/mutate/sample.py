"""Which mutants are tried: the same ones for a seed, of each file as many as its share of all sites."""

from collections.abc import Mapping
from pathlib import Path
from random import Random

from sim.mutate.sites import Site, sites

LEFT_OUT = ("__init__.py", "sram.py")
"""The memory's Verilog is a text of its own; what Python has of it is for Amaranth's simulator."""

RTL = Path(__file__).parents[2] / "tcugen" / "rtl"


def all_sites(only: str | None = None) -> dict[str, list[Site]]:
    """Sites of every file of the RTL, or of one, by its name.

    Raises:
        FileNotFoundError: If there is no file of the name `only`, or nothing in it can be changed.
    """
    paths = [path for path in sorted(RTL.glob("*.py")) if path.name not in LEFT_OUT]
    found = {path.name: sites(path.name, path.read_text()) for path in paths}
    chosen = {name: there for name, there in found.items() if there and only in (None, name)}
    if not chosen:
        raise FileNotFoundError(
            f"--only {only!r} is no file of tcugen/rtl with hardware in it; choose one of {', '.join(chosen or found)}"
        )
    return chosen


def drawn(found: Mapping[str, list[Site]], seed: int) -> list[Site]:
    """All sites in the order in which they are tried.

    However many of the first ones are taken, each file has its share of them, one more or less.
    """
    order: list[tuple[float, Site]] = []
    for name, there in found.items():
        random = Random(f"{seed} {name}")
        shuffled = random.sample(there, len(there))
        offset = random.random()
        order += [((k + offset) / len(there), site) for k, site in enumerate(shuffled)]
    return [site for _, site in sorted(order)]
