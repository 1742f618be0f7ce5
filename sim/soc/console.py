"""What the firmware says on the serial console, read back."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ClassifiedImage:
    """One image as the firmware reports it.

    Attributes:
        best: Number of the class.
        name: Its name.
        integers: The output's elements.
        counters: By name: `cycles`, `array busy`, `bytes read`, `bytes written` of the unit; `interrupts` taken.
    """

    best: int
    name: str
    integers: tuple[int, ...]
    counters: dict[str, int]


@dataclass(frozen=True)
class Told:
    """Everything that was said.

    Attributes:
        images: In their order.
        errors: Results of calls that were to fail, in their order.
        unexpected: Lines about results that were other ones.
        done: The firmware came to its end, and all was as it should be.
    """

    images: tuple[ClassifiedImage, ...]
    errors: tuple[int, ...]
    unexpected: tuple[str, ...]
    done: bool


_IMAGE = re.compile(
    r"image \d+: class (?P<best>\d+), (?P<name>.*)\n  integers(?P<integers>(?: -?\d+)+)\n  (?P<counters>.*)\n"
)


def read_console(text: str) -> Told:
    """The meaning of a console's text."""
    images = tuple(
        ClassifiedImage(
            int(found["best"]),
            found["name"],
            tuple(map(int, found["integers"].split())),
            {name: int(value) for name, value in re.findall(r"([a-z ]+) (\d+)(?:, |$)", found["counters"])},
        )
        for found in _IMAGE.finditer(text)
    )
    errors = tuple(int(code) for code in re.findall(r"^error (\d+) ", text, flags=re.MULTILINE))
    unexpected = tuple(line for line in text.splitlines() if line.endswith("(UNEXPECTED)"))
    return Told(images, errors, unexpected, text.endswith("all done\n"))
