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


_LOADED_FIRST = "It is loaded before anything looks at it: what it holds after a reset does not matter."

_ONE_BIT_DRIVEN = "What drives it has one bit: the second one is 0, and is cut off or 0 where it is used."

EXPLAINED = (
    Explained(
        "activation.py",
        'served = [Signal(name=f"{name}_served_{cycle}") for cycle in (2, 3)]',
        'served = [Signal(name=f"{name}_served_{cycle}") for cycle in (1, 3)]',
        "The number is part of a name and nothing else.",
    ),
    Explained(
        "activation.py",
        '"drain_en": In(1),',
        '"drain_en": In(2),',
        "Who drives it has one bit, and the register that takes it too: the second bit is 0 and nobody reads it.",
    ),
    Explained(
        "table.py",
        '"bypass": In(1),',
        '"bypass": In(2),',
        "Who drives it has one bit: the second one is 0, and so is what `~` makes of it where a single bit is taken.",
    ),
    Explained("host.py", "strobes = Signal(4)", "strobes = Signal(4, init=1)", _LOADED_FIRST),
    Explained(
        "host.py", "address = Signal(ADDRESS_BITS - 2)", "address = Signal(ADDRESS_BITS - 2, init=1)", _LOADED_FIRST
    ),
    Explained(
        "output.py",
        'multiplier = Signal(32, name=f"multiplier_{lane}", reset_less=True)',
        'multiplier = Signal(31, name=f"multiplier_{lane}", reset_less=True)',
        "A multiplier is a float32 that is not negative: its bit 31 is 0.",
    ),
    Explained("store.py", '"done": Out(1),', '"done": Out(2),', _ONE_BIT_DRIVEN),
    Explained("pool.py", '"busy": Out(1),', '"busy": Out(2),', _ONE_BIT_DRIVEN),
    Explained(
        "residual_reader.py",
        'levels["part"] = Level(parts[: len(next_parts)], next_parts)',
        'levels["part"] = Level(parts[: ((len(next_parts)) + 1)], next_parts)',
        "The number of words of a pixel fits into the bits of the one after it: the bit more is 0.",
    ),
    Explained(
        "instruction_memory.py",
        "served = Signal(len(QUEUES))",
        "served = Signal(len(QUEUES), init=1)",
        _LOADED_FIRST,
    ),
    Explained(
        "instruction_memory.py",
        "number = Signal(WORD_NUMBER_BITS)",
        "number = Signal(WORD_NUMBER_BITS, init=1)",
        _LOADED_FIRST,
    ),
    Explained(
        "accumulators.py",
        "memory.read_en.eq((summing[bank] & ~self.tag.first) | (self.read_en & (self.read_bank == bank))),",
        "memory.read_en.eq((summing[bank] & ~self.tag.first) | (self.read_en | (self.read_bank == bank))),",
        "It reads more often: what was read is used in the cycle after it was asked for, and in no other.",
    ),
)


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
