"""Damages files of one kind and reads them, in a process of its own: `python -m tests.fuzz.run KIND SEED COUNT [KEEP]`.

Prints a JSON object: how many were read, refused, and the faults: errors that no user should see, by where they come
from, each with the number of the first case. A dead interpreter, an allocation beyond MEMORY or a case that takes
longer than SECONDS is a fault as well. Faulty files are left in the folder KEEP; the number of the case under way is
printed to stderr.
"""

import json
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random
from types import FrameType

from tcugen.console.outcome import BAD_INPUT
from tests.fuzz.readers import READERS, sound_files

MEMORY = 3 << 30
"""Bytes of address space beside what the libraries have taken."""

SECONDS = 20


class TooLong(Exception):
    """A case that takes longer than SECONDS."""


def damaged(kind: str, seed: int, number: int) -> bytes:
    """Case `number` of a kind, the same every time."""
    rng = Random(f"{kind} {seed} {number}")
    return READERS[kind].mutate(rng.choice(sound_files(kind)), rng)


def fuzz(kind: str, seed: int, count: int, keep: Path | None) -> dict[str, object]:
    """Read `count` damaged files."""
    reader = READERS[kind]
    taken = refused = 0
    faults: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / reader.name
        for number in range(count):
            content = damaged(kind, seed, number)
            path.write_bytes(content)
            print(number, file=sys.stderr, flush=True)
            signal.alarm(SECONDS)
            try:
                reader.read(path)
                taken += 1
            except BAD_INPUT as error:
                assert str(error).strip()
                refused += 1
            except Exception as error:
                frame = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
                if place not in faults:
                    faults[place] = f"case {number}: {error}"[:300]
                    if keep is not None:
                        (keep / f"{kind.replace(' ', '_')}_{seed}_{number}_{type(error).__name__}").write_bytes(content)
            finally:
                signal.alarm(0)
    return {"taken": taken, "refused": refused, "faults": faults}


def _too_long(signal_number: int, frame: FrameType | None) -> None:
    raise TooLong(f"longer than {SECONDS} s")


def main() -> None:
    """See above."""
    kind, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sound_files(kind)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    signal.signal(signal.SIGALRM, _too_long)
    warnings.simplefilter("error", RuntimeWarning)
    print(json.dumps(fuzz(kind, seed, count, Path(sys.argv[4]) if len(sys.argv) > 4 else None), indent=1))


if __name__ == "__main__":
    main()
