"""Mutants of the hardware: valid, one token each, the same for a seed; one that is known to be found is found."""

import ast
import io
import json
import tokenize
from collections import Counter

import pytest

from sim.mutate import __main__ as command
from sim.mutate import units, ways
from sim.mutate.emission import machines
from sim.mutate.explained import EXPLAINED, Explained, lines_of
from sim.mutate.overlay import ROOT, overlay
from sim.mutate.sample import RTL, all_sites, drawn
from sim.mutate.sites import KINDS, Site, sites
from sim.mutate.table import Row, share, table
from sim.mutate.ways import NO_CHANGE, Judge, Verdict

HARDWARE = '''
"""Holds 3 things."""
from there import 4things as t
class Block(Component):
    size: Signal[5]
    def __init__(self, n: int = 2):
        if n < 1:
            raise ValueError(f"{n + 1} is too few" + "!")
        assert n > 7
    def elaborate(self, platform):
        a = Signal(name="a")
        b = Signal(8, init=9, reset_less=True)
        with m.If(a & ~b):
            m.d.sync += [a.eq(b), b.eq(Mux(a, b[: n - 1], c))]
        with m.Elif(~a):
            m.d.comb += a.eq(b)
        return a if n else b
    def model(a):
        return a + 1
'''.replace("4things", "things")

CHANGES = [
    ("literal", "2", "3"),
    ("literal", "2", "1"),
    ("reset", "", ", init=1"),
    ("literal", "8", "9"),
    ("literal", "8", "7"),
    ("literal", "9", "10"),
    ("literal", "9", "8"),
    ("condition", "a & ~b", "~(a & ~b)"),
    ("operator", "&", "|"),
    ("negation", "~", ""),
    ("statement", "a.eq(b), ", ""),
    ("statement", ", b.eq(Mux(a, b[: n - 1], c))", ""),
    ("arms", "b[: n - 1], c", "c, b[: n - 1]"),
    ("bound", "n - 1", "((n - 1) + 1)"),
    ("operator", "-", "+"),
    ("literal", "1", "2"),
    ("literal", "1", "0"),
    ("negation", "~", ""),
    ("statement", "a.eq(b)", "[]"),
    ("condition", "n", "(not (n))"),
]


def tokens(text: str) -> list[str]:
    return [token.string for token in tokenize.generate_tokens(io.StringIO(text).readline)]


def test_what_can_be_changed_is_found_and_nothing_that_is_no_hardware():
    found = sites("block.py", HARDWARE)
    assert sorted((one.kind, one.old, one.new) for one in found) == sorted(CHANGES)
    assert {one.kind for one in found} == {*KINDS}


def test_mutants_are_valid_and_one_token_differs():
    checked = Counter()
    for site in drawn(all_sites(), 7)[:150]:
        before = (RTL / site.file).read_text()
        after = site.changed(before)
        ast.parse(after)
        assert before != after
        assert len(after.encode()) - len(before.encode()) == len(site.new.encode()) - len(site.old.encode())
        if site.kind in ("operator", "literal", "negation"):
            old, new = tokens(before), tokens(after)
            if site.kind == "negation":
                at = next(k for k, token in enumerate(old) if k == len(new) or token != new[k])
                assert old[:at] + old[at + 1 :] == new and old[at] in ("~", "not")
            else:
                assert [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]] == [(site.old, site.new)]
        checked[site.kind] += 1
    assert min(checked[kind] for kind in ("operator", "literal", "statement", "condition", "reset")) > 3


def test_a_mutant_of_another_version_is_refused():
    site = sites("block.py", HARDWARE)[0]
    with pytest.raises(ValueError, match="block.py:6 does not hold '2'; draw the mutants of this version"):
        site.changed("# A line more.\n" + HARDWARE)


def test_mutants_are_drawn_the_same_for_a_seed_and_by_the_share_of_each_file():
    found = all_sites()
    order = drawn(found, 1)
    assert order == drawn(found, 1) != drawn(found, 2)
    assert sorted(order) == sorted(site for there in found.values() for site in there)
    some = Counter(site.file for site in order[:400])
    for name, there in found.items():
        assert abs(some[name] - 400 * len(there) / len(order)) <= 1.5
    assert drawn(all_sites("fifo.py"), 1) == [site for site in order if site.file == "fifo.py"]


def test_names_of_files_and_tests_are_those_that_there_are():
    stems = {path.stem for path in RTL.glob("*.py")}
    assert {*units.FURTHER} <= stems
    for name in (name for further in units.FURTHER.values() for name in further):
        assert (ROOT / "tests" / "rtl" / f"test_{name}.py").exists(), name
    tests = (*units.NETWORKS, *units.FAULTS, *units.FURTHER_NETWORKS, *units.TEXT)
    for path, _, name in (test.partition("::") for test in tests):
        assert f"def {name}" in (ROOT / path).read_text()
    assert units.unit_tests("ring.py") == ["tests/rtl/test_ring.py", "tests/rtl/test_weights.py"]
    assert units.unit_tests("core.py") == []


def test_the_machines_have_all_that_is_optional():
    built = machines().values()
    assert all(
        {getattr(one, name) for one in built} == {0, 1}
        for name in ("tables", "multiply", "per_channel", "unrounded_add")
    )
    assert len({one.bus_bytes for one in built}) > 3
    assert {one.output_lanes for one in built} == {1, 2, 4}


def test_an_explanation_is_of_a_mutant_that_there_is():
    for one in EXPLAINED:
        text = (RTL / one.file).read_text()
        assert (one.before, one.after) in {lines_of(site, text) for site in sites(one.file, text)}, one
        assert one.reason.endswith("."), one


def test_lines_of_a_change():
    (site,) = [one for one in sites("block.py", HARDWARE) if one.new == "c, b[: n - 1]"]
    before = "m.d.sync += [a.eq(b), b.eq(Mux(a, b[: n - 1], c))]"
    assert lines_of(site, HARDWARE) == (before, before.replace("b[: n - 1], c", "c, b[: n - 1]"))


KNOWN = "tail.eq(tail - push),"


def line(site: Site) -> str:
    return lines_of(site, (RTL / site.file).read_text())[0]


@pytest.mark.slow
def test_a_mutant_that_is_known_to_be_found_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ways, "machines", lambda: {"all": machines()["all"]})
    known, text = all_sites(), (RTL / "fifo.py").read_text()
    (broken,) = [one for one in known["fifo.py"] if lines_of(one, text)[1] == KNOWN]
    with overlay(None) as original:
        judge = Judge(original)
        with overlay(broken) as mutant:
            changed = (mutant.root / "tcugen" / "rtl" / "fifo.py").read_text()
            assert changed == broken.changed(text) != text
            assert text == (RTL / "fifo.py").read_text() == (original.root / "tcugen" / "rtl" / "fifo.py").read_text()
            verdict = judge.judged(broken, mutant)
        assert verdict.way == ways.UNIT
        assert verdict.by.startswith("tests/rtl/test_fifo.py::")
        judge.confirm([verdict])


def test_a_test_that_fails_of_the_hardware_as_it_is_finds_nothing():
    with overlay(None) as original:
        lines = (
            "import pytest",
            '@pytest.mark.parametrize("n", [(1, 2)], ids=str)',
            "def test_wrong(n):",
            "    assert n == 3",
        )
        (original.root / "test_wrong.py").write_text("\n".join(lines))
        name = "test_wrong.py::test_wrong[(1, 2)]"
        with pytest.raises(ways.WrongOriginal) as caught:
            Judge(original).confirm([Verdict(ways.NETWORK, name)])
        assert str(caught.value).startswith(f"{name} fails of the hardware as it is")


def test_a_file_of_rules_without_a_proof_of_its_own_finds_nothing():
    assert (RTL / "proofs" / "axi.py").exists()
    with overlay(None) as original:
        assert ways._proofs(original, "axi.py") == ""


def row(result: str, explained: bool = False) -> Row:
    site = Site("fifo.py", 1, 2, "literal", 3, "1", "2")
    why = Explained("fifo.py", "", "", "It does nothing.") if explained else None
    return Row(site, Verdict(result, "test"), why, 2.0)


def test_mutants_are_counted():
    rows = [row(ways.UNIT), row(ways.UNIT), row(ways.BUILD), row(""), row("", True), row(NO_CHANGE)]
    assert share(rows) == 75
    lines = table(rows, {"fifo.py": [row("").site] * 9, "ring.py": []})
    assert lines[2:] == [
        "| `fifo.py` | 9 | 5 | 2 | 1 | 0 | 0 | 0 | 0 | 0 | 1 | 1 |",
        "| all | 9 | 5 | 2 | 1 | 0 | 0 | 0 | 0 | 0 | 1 | 1 |",
    ]
    assert row(ways.UNIT).text() == "literal fifo.py:3: 1 -> 2: unit tests (test), 2 s"


def test_the_command_stops_at_its_count_and_writes_what_it_found(monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    confirmed = list[Verdict]()
    verdicts = iter([Verdict(NO_CHANGE, ""), Verdict(ways.UNIT, "a test"), Verdict("", "all")])
    monkeypatch.setattr(Judge, "judged", lambda self, site, mutant: next(verdicts))
    monkeypatch.setattr(Judge, "confirm", lambda self, verdicts: confirmed.extend(verdicts))
    path = tmp_path / "mutants.json"
    assert command.main(["--count", "2", "--only", "fifo.py", "--json", str(path)]) == 1
    written = json.loads(path.read_text())["mutants"]
    assert [one["result"] for one in written] == ["no change", "unit tests", "survived"]
    assert Verdict(ways.UNIT, "a test") in confirmed
    printed = capsys.readouterr()
    assert "1 of 2 found, 50.0 % of those that are not explained.\n1 more change no Verilog" in printed.out
    assert printed.err.startswith("survived: fifo.py:")
    # What was found is taken over, what survived is tried again.
    again = iter([Verdict(ways.PROOF, "a proof")])
    monkeypatch.setattr(Judge, "judged", lambda self, site, mutant: next(again))
    assert command.main(["--count", "2", "--only", "fifo.py", "--known", str(path)]) == 0
    assert "2 of 2 found, 100.0 %" in capsys.readouterr().out
    assert command.main(["--only", "fifo.py", "--known", str(path), "--seed", "2"]) == 2
    assert capsys.readouterr().err.endswith("is of seed 1, but the mutants are drawn for 2; give --seed 1\n")
    path.write_text("{}")
    assert command.main(["--only", "fifo.py", "--known", str(path)]) == 2
    assert capsys.readouterr().err.endswith("is not what --json writes; name a file that it wrote\n")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--count", "0"], "error: --count is 0 and --budget inf, but must be above 0"),
        (["--budget", "-1"], "but must be above 0"),
        (["--only", "nothing.py"], "error: --only 'nothing.py' is no file of tcugen/rtl with hardware in it; choose"),
    ],
)
def test_bad_arguments_are_refused(arguments, message, capsys):
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err
