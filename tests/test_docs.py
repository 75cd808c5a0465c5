"""Documentation is current, and its links lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.generate_docs import DOCS, PAGES, broken_links, current, main, pages

ROOT = DOCS.parent
WRITTEN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name: str) -> None:
    (page,) = (page for page in pages(DOCS) if page[0].name == name)
    assert page[1] == page[2], f"docs/{name} is out of date: run `make docs`"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_what_people_wrote_around_a_generated_part_is_kept() -> None:
    text = "before\n<!-- generated: x -->\nold\n<!-- end -->\nafter\n"
    assert current(text, "x", "new \\1") == "before\n<!-- generated: x -->\n\nnew \\1\n\n<!-- end -->\nafter\n"
    with pytest.raises(ValueError, match="the page must have one part"):
        current(text, "y", "new")


def test_stale_pages_are_named_then_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for flag, code, word in (("--check", 1, "out of date"), ("--write", 0, "written"), ("--check", 0, "")):
        monkeypatch.setattr(sys, "argv", ["docs", flag])
        assert main(tmp_path) == code
        assert capsys.readouterr().out == "".join(f"{word}: {name}\n" for name in PAGES if word)


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](page.md#x) [b](gone.md) [c](https://example.org) [d](#here)\n```\n[e](code.md)\n```\n")
    assert broken_links(page) == ["gone.md"]


def test_the_site_has_every_page() -> None:
    nav = re.findall(r"([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(nav) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


@pytest.mark.slow
def test_the_site_builds_and_needs_no_network(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the extra `docs` is not installed: pip install 'nightshift[docs]'")
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(list(DOCS.rglob("*.md")))
    for page in pages:
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text())
        assert not loaded, f"{page.name} loads {loaded}"
