"""What a reader expects of every file, and what must agree between files."""

import ast
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("tcugen", "tests", "sim", "docs")
PYTHON = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
HARNESS = sorted((ROOT / "tcugen" / "simulator" / "harness").iterdir())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "constraints.txt").read_text()

MOST_LINES = 400
# In halves, as this file is searched too.
UNFINISHED = [
    "TO" + "DO",
    "FIX" + "ME",
    "XX" + "X",
    "raise NotImplemented" + "Error",
    "pytest." + "skip",
    "mark." + "skip",
    "x" + "fail",
    "assert " + "True",
]
# A complaint of type checker or linter is answered, or waived by rule and with the reason on the same line.
WAIVER = re.compile(r"#\s*(?:(?:type|pyright):\s*ignore|noqa)")
REASONED_WAIVER = re.compile(r"# (?:(?:type|pyright): ignore\[[\w, -]+\]|noqa: [A-Z0-9, ]+)  # \w.+")
# A rule is switched off in a whole file only under a comment that says why.
WAIVED_RULE = re.compile(r"# pyright: (?!ignore)")


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PYTHON, ids=short)
def test_a_python_file_is_short_and_finished(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES, "does the file hold two ideas?"
    assert [word for word in UNFINISHED if word in text] == []


@pytest.mark.parametrize("path", PYTHON, ids=short)
def test_a_waived_complaint_has_its_rule_and_reason(path):
    waived = [line for line in path.read_text().splitlines() if WAIVER.search(line)]
    assert [line for line in waived if not REASONED_WAIVER.search(line)] == []


@pytest.mark.parametrize("path", PYTHON, ids=short)
def test_a_rule_that_a_file_waives_has_its_reason(path):
    lines = path.read_text().splitlines()
    above = ["", *lines]
    assert [
        line for line, before in zip(lines, above, strict=False) if WAIVED_RULE.match(line) and before[:2] != "# "
    ] == []


@pytest.mark.parametrize("path", [path for path in PYTHON if short(path).startswith(("tcugen", "sim"))], ids=short)
def test_a_module_says_what_it_is_for(path):
    text = path.read_text()
    assert not text.strip() or text.startswith('"""')


@pytest.mark.parametrize("path", [path for path in PYTHON if short(path).startswith("tcugen")], ids=short)
def test_what_others_use_says_what_it_does(path):
    made = (ast.FunctionDef, ast.ClassDef)
    public = [node for node in ast.parse(path.read_text()).body if isinstance(node, made) and node.name[0] != "_"]
    # What is overloaded says it once, at the end.
    said = {node.name for node in public if ast.get_docstring(node)}
    assert [node.name for node in public if node.name not in said] == []


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: path.name)
def test_a_harness_file_is_short_and_finished(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    assert [word for word in UNFINISHED if word in text] == []


def test_data_files_of_the_package_are_installed():
    declared = PROJECT["tool"]["setuptools"]["package-data"]
    patterns = [f"{package.replace('.', '/')}/{glob}" for package, globs in declared.items() for glob in globs]
    files = [path for path in (ROOT / "tcugen").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    files = [path for path in files if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]
    assert files
    assert [short(path) for path in files if not any(fnmatch(short(path), pattern) for pattern in patterns)] == []


def requirements() -> list[str]:
    extras = PROJECT["project"]["optional-dependencies"]
    return PROJECT["project"]["dependencies"] + [line for extra in extras.values() for line in extra]


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    lines = [line for line in LOCK.splitlines() if line and not line.startswith("#")]
    return {normalised(name): version for name, version in (line.split("==") for line in lines)}


def test_the_lock_pins_versions_without_local_tags_or_hashes():
    assert all(re.fullmatch(r"[0-9]+(\.[0-9a-z]+)*", version) for version in locked().values())


@pytest.mark.parametrize("requirement", requirements())
def test_the_lock_has_every_requirement(requirement):
    name, _, exact = re.sub(r"\[.*?\]", "", requirement).partition("==")
    version = locked()[normalised(re.split("[<>=]", name)[0])]
    assert not exact or version == exact


PAGES = sorted(short(path) for glob in ("*.md", "docs/*.md", "examples/**/*.md") for path in ROOT.glob(glob))


@pytest.mark.parametrize("name", PAGES)
def test_links_between_pages_lead_somewhere(name):
    page = ROOT / name
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_public_checks_run_what_a_clean_clone_runs():
    assert "- run: bash .ci/run\n" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert (ROOT / ".ci" / "run").is_file()


def test_the_changelog_has_a_place_for_the_next_change():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    kinds = set(re.findall(r"^### (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed"}


def test_the_glossary_explains_a_term_once():
    terms = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), flags=re.MULTILINE)
    terms = [term for term in terms if term != "term"]
    assert len(terms) > 30
    assert sorted(set(terms)) == sorted(terms)


def test_the_readme_names_every_package():
    packages = [path.parent for path in (ROOT / "tcugen").glob("*/__init__.py")]
    readme = (ROOT / "README.md").read_text()
    assert [short(package) for package in packages if f"`{short(package)}`" not in readme] == []


def test_the_type_checker_is_strict_on_every_package_but_the_hardware():
    strict = set(PROJECT["tool"]["basedpyright"]["strict"])
    packages = {short(path.parent) for path in (ROOT / "tcugen").glob("*/*.py")}
    assert packages - strict == {"tcugen/rtl"}
    assert {"tcugen", "sim", "docs", "examples", "tests"} == set(PROJECT["tool"]["basedpyright"]["include"])
    assert "ignore" not in PROJECT["tool"]["basedpyright"]
