"""The documentation as a site: strict about links, and it opens and searches without a network."""

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.modules import module_at
from tests.typed import present

ROOT = Path(__file__).parents[2]
site = module_at(ROOT / "docs" / "site.py")

LOADED = re.compile(
    r"<(?:script|link|img|iframe|source|video)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//", re.IGNORECASE
)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    return site.build(tmp_path_factory.mktemp("site") / "site")


@pytest.mark.slow
def test_every_page_is_there(built):
    for page in site.pages():
        name = page.with_name("index.html") if page.name == "README.md" else page.with_suffix(".html")
        assert (built / name).is_file(), page
    assert (built / "docs" / "pictures" / "page-light.png").read_bytes()


@pytest.mark.slow
def test_bars_in_tables_are_shown_without_a_backslash(built):
    text = (built / "docs" / "user.html").read_text()
    assert "<code>tcugen layers FILE|NAME [-o FILE]</code>" in text
    assert "<code>--memory fixed|ddr</code>" in text
    assert [str(page) for page in built.rglob("*.html") if "\\|" in page.read_text()] == []


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(built):
    pages = list(built.rglob("*.html"))
    assert len(pages) > 20
    assert [str(page.relative_to(built)) for page in pages if LOADED.search(page.read_text())] == []


@pytest.mark.slow
def test_it_opens_and_searches_offline(built, browser: Browser):
    page = browser.new_context(offline=True).new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((built / "docs" / "glossary.html").as_uri())
    assert page.locator("h1").inner_text().startswith("Glossary")
    page.locator("input.md-search__input").click()
    page.locator("input.md-search__input").press_sequentially("accumulator bank")
    found = page.locator(".md-search-result__item a")
    found.first.wait_for(timeout=60_000)
    assert any("docs/machine.html" in present(link.get_attribute("href")) for link in found.all())
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []


BROKEN = {
    "a page": ("[nowhere](docs/nowhere.md)", "docs/nowhere.md"),
    "an anchor": ("[nowhere](docs/glossary.md#nowhere)", "#nowhere"),
}


@pytest.mark.slow
@pytest.mark.parametrize("text, named", BROKEN.values(), ids=BROKEN)
def test_a_broken_link_ends_the_build(tmp_path, monkeypatch, capfd, text, named):
    lay_out = site.lay_out

    def spoilt(target: Path) -> None:
        lay_out(target)
        page = target / "README.md"
        page.write_text(page.read_text() + f"\n{text}\n")

    monkeypatch.setattr(site, "lay_out", spoilt)
    with pytest.raises(subprocess.CalledProcessError):
        site.build(tmp_path / "site")
    assert named in capfd.readouterr().err
