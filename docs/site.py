"""Builds the documentation as a site, from the same Markdown, into `build/site/html`: run by `make site`.

Pages keep their places in the repository, so that every link between them holds as it is. A link that leads nowhere, an
anchor that is not there, or a page that the menu lacks ends the build.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "docs" / "mkdocs.yml"
PAGES = ("*.md", "docs/*.md", "examples/**/*.md")
CODE_IN_TABLE = re.compile(r"(?<!`)`[^`\n]*\\\|[^`\n]*`(?!`)")
"""Code with a bar that is escaped, as GitHub wants it in a table; the site would show the backslash."""
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def pages() -> list[Path]:
    """Every page, relative to the repository."""
    return sorted(path.relative_to(ROOT) for glob in PAGES for path in ROOT.glob(glob))


def lay_out(target: Path) -> None:
    """Copy the pages, and the files that they show or link to, into `target` at their places."""
    for page in pages():
        text = (ROOT / page).read_text()
        linked = [(ROOT / page).parent / link for link in LINK.findall(text)]
        for path in (ROOT / page, *(path for path in linked if path.is_file())):
            place = target / path.resolve().relative_to(ROOT.resolve())
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    for page in pages():
        text = (ROOT / page).read_text()
        (target / page).write_text(CODE_IN_TABLE.sub(lambda code: code[0].replace("\\|", "|"), text))


def build(folder: Path) -> Path:
    """Build into `folder`, which is emptied first, and return the folder of the pages.

    Raises:
        CalledProcessError: If a page is not right; what is wrong is on stderr.
    """
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(folder / "pages")
    shutil.copyfile(CONFIG, folder / "mkdocs.yml")
    (folder / "pages" / "assets").mkdir()
    shutil.copyfile(ROOT / "docs" / "search_offline.js", folder / "pages" / "assets" / "iframe-worker.js")
    # Names that lead somewhere stay whole.
    (folder / "pages" / "assets" / "tables.css").write_text(".md-typeset td a code { white-space: nowrap; }\n")
    # Not --quiet: that would hide warnings from --strict.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(folder / "mkdocs.yml")]
    # The theme's advertisement of its successor is no fault of a page.
    subprocess.run(command, check=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    return folder / "html"


if __name__ == "__main__":
    try:
        print(f"open {build(ROOT / 'build' / 'site') / 'index.html'}")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
