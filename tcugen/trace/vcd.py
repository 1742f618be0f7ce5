"""Values of a few signals from waves in VCD."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path


class VcdError(ValueError):
    """A signal is not in the file, or it is no VCD. The message names what is missing."""


def sampled(path: Path, names: Collection[str]) -> dict[int, dict[str, int]]:
    """Unsigned values of signals at each time of the file, by time; what is not 0 or 1 reads as 0.

    Args:
        path: Waves in VCD, as Verilator writes them.
        names: Full names without ranges, such as "TOP.tcu_top.irq".

    Raises:
        VcdError: If a signal is not there, or the head has no end.
    """
    with path.open() as file:
        codes = {code: name for code, name, _ in declarations(file) if name in names}
        missing = [name for name in names if name not in codes.values()]
        if missing:
            raise VcdError(f"{path} has no signal {missing[0]!r}; the waves are of another design")
        values = dict.fromkeys(names, 0)
        found: dict[int, dict[str, int]] = {}
        time: int | None = None
        for line in file:
            if line[0] == "#":
                if time is not None:
                    found[time] = dict(values)
                time = int(line[1:])
            elif line[0] == "b":
                bits, code = line[1:].split()
                if code in codes:
                    values[codes[code]] = _number(bits)
            elif line[1:-1] in codes:
                values[codes[line[1:-1]]] = _number(line[0])
        if time is not None:
            found[time] = dict(values)
    return found


def _number(bits: str) -> int:
    return int(bits, 2) if not bits.strip("01") else 0


def declarations(lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Code, full name without its range, and width of every signal; reads the head of the file.

    Raises:
        VcdError: If the head has no end.
    """
    scopes: list[str] = []
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] == "$scope":
            scopes.append(words[2])
        elif words[0] == "$upscope":
            scopes.pop()
        elif words[0] == "$var":
            yield words[3], ".".join([*scopes, words[4].partition("[")[0]]), int(words[2])
        elif words[0] == "$enddefinitions":
            return
    raise VcdError("it has no end of definitions")
