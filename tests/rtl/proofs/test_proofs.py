"""Properties of the hardware hold, and the proofs find hardware that is broken."""

import json
import re

import pytest
from amaranth.asserts import AnySeq  # pyright: ignore[reportAttributeAccessIssue]  # amaranth-stubs lacks it
from amaranth.hdl import Elaboratable, Module, Signal

from tcugen.rtl.proofs import __main__ as command
from tcugen.rtl.proofs import mutants
from tcugen.rtl.proofs.engine import missing_tools, prove
from tcugen.rtl.proofs.mutants import MutantError, found, mutated
from tcugen.rtl.proofs.proof import Method, Mutant, Proof, always, given
from tcugen.rtl.proofs.table import PROOFS, chosen

SECONDS = 600
MUTANTS = [(proof, mutant) for proof in PROOFS for mutant in proof.mutants]
SHORT = [(proof, proof.mutants[0]) for proof in PROOFS if proof.mutants and proof.short and proof.method != Method.PDR]


def name(value: Proof | Mutant) -> str:
    return value.full_name if isinstance(value, Proof) else re.sub(r"\W+", " ", value.new)[:30]


@pytest.mark.slow
@pytest.mark.parametrize("proof", chosen(short=True, only=None), ids=name)
def test_a_property_holds(proof, tmp_path):
    verdict = prove(proof, tmp_path, SECONDS)
    assert verdict.holds is True, verdict.said


@pytest.mark.verify
@pytest.mark.parametrize("proof", [proof for proof in PROOFS if not proof.short], ids=name)
def test_a_property_that_takes_longer_holds(proof, tmp_path):
    verdict = prove(proof, tmp_path, SECONDS)
    assert verdict.holds is True, verdict.said


@pytest.mark.slow
@pytest.mark.parametrize("proof, mutant", SHORT, ids=name)
def test_broken_hardware_is_found(proof, mutant):
    assert found(proof, mutant, SECONDS)


@pytest.mark.verify
@pytest.mark.parametrize("proof, mutant", [pair for pair in MUTANTS if pair not in SHORT], ids=name)
def test_more_broken_hardware_is_found(proof, mutant):
    assert found(proof, mutant, SECONDS)


def test_mutants_fit_the_hardware():
    for _, mutant in MUTANTS:
        assert mutated(mutant) != (mutants.PACKAGE / "rtl" / mutant.file).read_text()
    with pytest.raises(MutantError, match="holds 0 times 'no such text', but it must be there once"):
        mutated(Mutant("fifo.py", "no such text", ""))


def test_every_proof_has_a_name_of_its_own_and_a_mutant():
    names = [proof.full_name for proof in PROOFS]
    assert sorted(set(names)) == sorted(names)
    # Arithmetic on constants has no hardware that could be broken.
    assert [proof.full_name for proof in PROOFS if not proof.mutants] == ["window: inside"]


class Counter(Elaboratable):
    """Counts to `end` and stays; what is asserted is that it stays below `limit`."""

    def __init__(self, end: int, limit: int, even: bool = False):
        self._end, self._limit, self._even = end, limit, even

    def elaborate(self, platform):
        m = Module()
        count, go = Signal(8), Signal()
        m.d.comb += go.eq(AnySeq(1))
        with m.If((count < self._end) & go):
            m.d.sync += count.eq(count + 1)
        always(m, count < self._limit)
        if self._even:
            given(m, ~go)
        return m


def counting(method: Method, depth: int, *sizes) -> Proof:
    return Proof("counter", "limit", "", method, depth, lambda: Counter(*sizes), ())


@pytest.mark.parametrize("method, depth", [(Method.PDR, 0), (Method.INDUCTION, 12), (Method.BMC, 12)])
def test_a_method_tells_right_from_wrong(method, depth, tmp_path):
    assert prove(counting(method, depth, 7, 8), tmp_path, SECONDS).holds is True
    assert prove(counting(method, depth, 7, 7), tmp_path, SECONDS).holds is False
    # What is assumed counts.
    assert prove(counting(method, depth, 7, 7, True), tmp_path, SECONDS).holds is True


def test_what_lies_beyond_its_depth_a_bounded_proof_does_not_see(tmp_path):
    assert prove(counting(Method.BMC, 5, 100, 50), tmp_path, SECONDS).holds is True
    assert prove(counting(Method.PDR, 0, 100, 50), tmp_path, SECONDS).holds is False


def test_the_command_prints_a_table_and_writes_it(tmp_path, capsys):
    path = tmp_path / "proofs.json"
    assert command.main(["--only", "requantise: clamp", "--json", str(path)]) == 0
    assert "| `requantise: clamp` |" in capsys.readouterr().out
    (row,) = json.loads(path.read_text())["proofs"]
    assert (row["method"], row["result"]) == ("SAT", "holds")


def test_a_wrong_argument_or_a_missing_tool_is_one_message(capsys, monkeypatch):
    assert command.main(["--only", "no such proof"]) == 2
    assert capsys.readouterr().err.startswith("error: --only 'no such proof' names no proof")
    monkeypatch.setenv("PATH", "/nowhere")
    assert any("yosys-smtbmc" in line for line in missing_tools())
    assert command.main(["--only", "clamp"]) == 2
    assert "apt install yosys" in capsys.readouterr().err
