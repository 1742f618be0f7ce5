"""Ways in which a mutant is found, cheapest first: each is something that `make test` or `make prove` does.

That the reference build is compared byte for byte is none of them: it would find any mutant, and show nothing.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sim.mutate import units
from sim.mutate.emission import machines
from sim.mutate.overlay import MOST_BYTES, Done, Overlay
from sim.mutate.sites import Site

UNIT, BUILD, PROOF, NETWORK, FAULT, TEXT, FURTHER = (
    *("unit tests", "build", "proofs", "networks", "faults", "text", "further networks"),
)
WAYS = (UNIT, BUILD, PROOF, NETWORK, FAULT, TEXT, FURTHER)
"""In the order in which they are tried."""

QUICK = (UNIT, BUILD, PROOF)
"""Those that compile no simulator."""

EMIT_SECONDS = 60
TEST_SECONDS = 400
PROOF_SECONDS = 300
"""Of processor time, several times what the hardware as it is takes. A hang ends there, and the mutant is found."""

_PYTEST = ("-m", "pytest", "-x", "-q", "--no-header", "--tb=short", "-rfE")
_PASSED, _FAILED, _INTERRUPTED = 0, 1, 2
_PROVED, _NO_SUCH_PROOF = 0, 2
"""Exit statuses of pytest and of `tcugen.rtl.proofs`."""


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

TIME, SEPARATOR = "time: ", " + "
"""Before what was ended for the time it took, and between its parts."""


@dataclass
class Judge:
    """Tries the ways on mutants, and confirms that the hardware as it is passes what mutants fail.

    Attributes:
        original: The project as it is.
        allowed: Which ways are tried.
    """

    original: Overlay
    allowed: tuple[str, ...] = WAYS
    _digests: dict[str, str] = field(default_factory=dict[str, str])

    def judged(self, site: Site, mutant: Overlay) -> Verdict:
        """Tries one way after the other.

        What a unit test finds, which drives the block itself, is a mutant of hardware. Of others Verilog must differ.
        """
        if by := self._tested(mutant, units.unit_tests(site.file)):
            return Verdict(UNIT, by)
        verdict = self._built(mutant)
        if verdict.way:
            return verdict
        ways: tuple[tuple[str, Callable[[], str]], ...] = (
            (PROOF, lambda: _proofs(mutant, site.file)),
            (NETWORK, lambda: self._tested(mutant, units.NETWORKS)),
            (FAULT, lambda: self._tested(mutant, units.FAULTS)),
            (TEXT, lambda: self._tested(mutant, units.TEXT)),
            (FURTHER, lambda: self._tested(mutant, units.FURTHER_NETWORKS)),
        )
        for way, find in ways:
            if way == FAULT and way in self.allowed and (failed := self._refresh(mutant)):
                return Verdict(BUILD, failed)
            if way in self.allowed and (by := find()):
                return Verdict(way, by)
        return verdict

    def confirm(self, verdicts: Iterable[Verdict]) -> None:
        """Everything that found a mutant passes of the hardware as it is.

        Raises:
            WrongOriginal: If not.
        """
        by_tests = {one.by for one in verdicts if one.way not in (BUILD, PROOF, NO_CHANGE, "")}
        tests = sorted({test for by in by_tests for test in by.removeprefix(TIME).split(SEPARATOR)})
        if tests and (failed := self._tested(self.original, tests, len(tests) * TEST_SECONDS)):
            raise WrongOriginal(f"{failed} fails of the hardware as it is, so it finds nothing; mend it first")
        for name in sorted({one.by.removeprefix(TIME) for one in verdicts if one.way == PROOF}):
            if failed := _proofs(self.original, name):
                raise WrongOriginal(f"{failed} does not hold of the hardware as it is; mend it first")

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

    def _tested(self, one: Overlay, tests: Sequence[str], cpu_seconds: int = TEST_SECONDS) -> str:
        """The first test that fails; nothing if all pass."""
        if not tests:
            return ""
        done = _pytest(one, tests, cpu_seconds)
        if done.late:
            return TIME + SEPARATOR.join(tests)
        if done.status == _PASSED:
            return ""
        failed = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", done.output, re.MULTILINE)
        if done.status not in (_FAILED, _INTERRUPTED) or not failed:
            raise RuntimeError(f"pytest ended with status {done.status}: {done.output[-2000:]}")
        return failed[1]

    def _refresh(self, one: Overlay) -> str:
        """Writes the reference build, which faults run on, from its own hardware; what went wrong, if anything."""
        done = _emitted(one, "reference")
        if done.status:
            return done.output.strip().splitlines()[-1]
        for path in (one.root / "emitted" / "reference").iterdir():
            shutil.copy(path, one.root / "rtl_out" / "reference")
        return ""


def _emitted(one: Overlay, name: str) -> Done:
    return one.run(
        ["-m", "sim.mutate.emission", str(one.root / "emitted" / name), name], EMIT_SECONDS, most_bytes=MOST_BYTES
    )


def _pytest(one: Overlay, tests: Sequence[str], cpu_seconds: int) -> Done:
    folder = one.root / "cache" / "pytest"
    return one.run([*_PYTEST, "-o", f"cache_dir={folder}", "--rootdir", str(one.root), *tests], cpu_seconds)


def _proofs(one: Overlay, of: str) -> str:
    """Name of the first proof that fails, or of what took too long; nothing if all hold. `of`: a file, or a proof."""
    table = one.root / "proofs.json"
    only = of
    if of.endswith(".py"):
        only = f"{of.removesuffix('.py')}: "
        if not (units.ROOT / "tcugen" / "rtl" / "proofs" / of).exists():
            return ""
    table.unlink(missing_ok=True)
    arguments = ["-m", "tcugen.rtl.proofs", "--only", only, "--jobs", "1", "--json", str(table)]
    done = one.run([*arguments, "--timeout", str(PROOF_SECONDS)], PROOF_SECONDS)
    if done.status in (_PROVED, _NO_SUCH_PROOF):
        return ""
    if done.late or not table.exists():
        # The tool refused it, or the block could not be made.
        return TIME + only
    rows = json.loads(table.read_text())["proofs"]
    return next(f"{row['module']}: {row['name']}" for row in rows if row["result"] != "holds")
