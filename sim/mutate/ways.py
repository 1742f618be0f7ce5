"""Ways in which a mutant is found, cheapest first: each is something that `make test` or `make prove` does.

That the reference build is compared byte for byte is none of them: it would find any mutant, and show nothing.
"""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from sim.mutate import units
from sim.mutate.emission import machines
from sim.mutate.overlay import MOST_BYTES, Done, Overlay
from sim.mutate.sites import Site

BUILD, UNIT, PROOF, NETWORK, FAULT, TEXT, FURTHER = (
    *("build", "unit tests", "proofs", "networks", "faults", "text", "further networks"),
)
WAYS = (BUILD, UNIT, PROOF, NETWORK, FAULT, TEXT, FURTHER)
"""In the order in which they are tried."""

QUICK = (BUILD, UNIT, PROOF)
"""Those that compile no simulator."""

EMIT_SECONDS = 60
TEST_SECONDS = 400
PROOF_SECONDS = 300
"""Of processor time, several times what the hardware as it is takes. A hang ends there, and the mutant is found."""

_PYTEST = ("-m", "pytest", "-x", "-q", "--no-header", "--tb=short", "-rfE")
_PASSED, _FAILED, _INTERRUPTED = 0, 1, 2


class WrongOriginal(RuntimeError):
    """A test that found a mutant fails of the hardware as it is. The message names it."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        way: Of WAYS; "no change" if no machine's Verilog differs, "" if it survived.
        by: The test, proof or error that found it; for a survivor the machine whose Verilog differs.
    """

    way: str
    by: str


NO_CHANGE = "no change"


@dataclass
class Judge:
    """Tries the ways on mutants, and confirms that the hardware as it is passes what a mutant fails.

    Attributes:
        original: The project as it is.
        allowed: Which ways are tried.
    """

    original: Overlay
    allowed: tuple[str, ...] = WAYS
    _digests: dict[str, str] = field(default_factory=dict[str, str])
    _right: set[str] = field(default_factory=set[str])

    def judged(self, site: Site, mutant: Overlay) -> Verdict:
        """Tries one way after the other.

        Raises:
            WrongOriginal: If a test fails without the mutant too.
        """
        verdict = self._built(mutant)
        if verdict.way:
            return verdict
        ways: tuple[tuple[str, Callable[[], str]], ...] = (
            (UNIT, lambda: self._tested(mutant, units.unit_tests(site.file))),
            (PROOF, lambda: self._proved(mutant, site.file)),
            (NETWORK, lambda: self._tested(mutant, units.NETWORKS)),
            (FAULT, lambda: self._faulted(mutant)),
            (TEXT, lambda: self._tested(mutant, units.TEXT)),
            (FURTHER, lambda: self._tested(mutant, units.FURTHER_NETWORKS)),
        )
        for way, find in ways:
            if way in self.allowed and (by := find()):
                return Verdict(way, by)
        return verdict

    def _built(self, mutant: Overlay) -> Verdict:
        """Whether the mutant's Verilog can be written, and the first machine that it changes."""
        for name in machines():
            if name not in self._digests:
                self._digests[name] = _emitted(self.original, name).output
            done = _emitted(mutant, name)
            if done.status or done.late:
                return Verdict(BUILD, "time" if done.late else done.output.strip().splitlines()[-1])
            if done.output != self._digests[name]:
                return Verdict("", name)
        return Verdict(NO_CHANGE, "")

    def _tested(self, mutant: Overlay, tests: list[str] | tuple[str, ...]) -> str:
        """The first test that fails; nothing if all pass."""
        if not tests:
            return ""
        done = _pytest(mutant, tests)
        if done.late:
            self._confirm(" ".join(tests), lambda original: not _pytest(original, tests).status)
            return f"time: {' '.join(tests)}"
        if done.status == _PASSED:
            return ""
        failed = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", done.output, re.MULTILINE)
        if done.status not in (_FAILED, _INTERRUPTED) or not failed:
            raise RuntimeError(f"pytest ended with status {done.status}: {done.output[-2000:]}")
        name = failed[1]
        self._confirm(name, lambda original: not _pytest(original, [name]).status)
        return name

    def _faulted(self, mutant: Overlay) -> str:
        """The same for faults on the mutant's reference build, which is written first."""
        for one in (mutant, self.original):
            folder = one.root / "rtl_out" / "reference"
            if not (folder / "fresh").exists():
                done = _emitted(one, "reference")
                if done.status:
                    return f"build: {done.output.strip().splitlines()[-1]}"
                for path in (one.root / "emitted" / "reference").iterdir():
                    shutil.copy(path, folder)
                (folder / "fresh").touch()
        return self._tested(mutant, units.FAULTS)

    def _proved(self, mutant: Overlay, file: str) -> str:
        """The first proof of the file that does not hold."""
        found = _proofs(mutant, file)
        if found:
            self._confirm(found, lambda original: not _proofs(original, file))
        return found

    def _confirm(self, name: str, passes: Callable[[Overlay], bool]) -> None:
        if name not in self._right:
            if not passes(self.original):
                raise WrongOriginal(f"{name} fails of the hardware as it is, so it finds nothing; mend it first")
            self._right.add(name)


def _emitted(one: Overlay, name: str) -> Done:
    return one.run(
        ["-m", "sim.mutate.emission", str(one.root / "emitted" / name), name], EMIT_SECONDS, most_bytes=MOST_BYTES
    )


def _pytest(one: Overlay, tests: list[str] | tuple[str, ...]) -> Done:
    folder = one.root / "cache" / "pytest"
    return one.run([*_PYTEST, "-o", f"cache_dir={folder}", "--rootdir", str(one.root), *tests], TEST_SECONDS)


def _proofs(one: Overlay, file: str) -> str:
    """Name of the first proof that fails, or what went wrong; nothing if there is none."""
    table = one.root / "proofs.json"
    stem = file.removesuffix(".py")
    if not (units.ROOT / "tcugen" / "rtl" / "proofs" / file).exists():
        return ""
    arguments = ["-m", "tcugen.rtl.proofs", "--only", f"{stem}: ", "--jobs", "1", "--json", str(table)]
    done = one.run([*arguments, "--timeout", str(PROOF_SECONDS)], PROOF_SECONDS)
    if done.status == 0:
        return ""
    if done.late or not table.exists():
        return f"{stem}: {'time' if done.late else done.output.strip().splitlines()[-1]}"
    rows = json.loads(table.read_text())["proofs"]
    return next(f"{row['module']}: {row['name']}" for row in rows if row["result"] != "holds")
