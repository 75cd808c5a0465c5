"""Retired words stay out of code, docs and ``--help``; docs/glossary.md has the words that replaced them."""

import re
import subprocess
from pathlib import Path

import pytest

from cli.main import run_cli
from tools.generate_docs import DOCS

ROOT = DOCS.parent
HISTORY = {"CHANGELOG.md", "docs/decisions/0007-sample-site-package.md", "docs/decisions/0016-rooms-and-words.md"}
"""Pages that tell what things were called before."""

RETIRED_NAMES = (
    *("Accounts", "Alone", "Buried", "Coverer", "Eyes", "Feed", "Fetched", "FramePlan", "Grave", "NightReport"),
    *("Opened", "OpenedStore", "OpRow", "Others", "SetAside", "Shelf", "Sightings", "Spoil", "Spotter", "Standing"),
    *("Stock", "Survey", "Terms", "ToldFile", "UnitOrder", "Visit", "Walk", "Whose"),
    *("believed", "brought", "cover_of", "feeds_of", "forget_joined", "graves", "leak_bound", "orders_for"),
    *("plate", "plates", "residue", "seen_by_readers", "set_aside", "sought", "spoil", "spotter"),
    *("still_region", "still_regions", "take_stock", "told_as", "testkit", "upkeep", "waves"),
    *("_flying", "_resting"),
)
"""Identifiers, also as a part of longer ones: ``plate`` retires ``needs_plate``."""

RETIRED_PHRASES = (
    r"\bprints\b(?=[\[.,)]| = |: )|[._]prints\b",
    r"\bclean plates?\b",
    r"\bis to be had\b|\bto be had\b",
    r"\bset aside\b",
    r"\bis told\b|\bare told\b|\btold apart\b",
    r"\bat hand\b",
    r"\bstill regions?\b",
    r"\bwhere it stands\b|\bstands in\b|\bstand in the\b|\bstands as\b|\bstands for the\b",
    r"\bso much of\b|\bso many times\b",
    r"\ba second\b(?= (of footage|each|as|at|and a)\b)",
    r"\bwhoever\b",
)
"""Riddles and archaisms in prose."""

ALLOWED = re.compile(r"(number|licen[cs]e)[-_ ]plates?|\bOthers (?=[a-z])", re.IGNORECASE)
NAMES = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(map(re.escape, RETIRED_NAMES))})(?![A-Za-z])")
PHRASES = re.compile("|".join(RETIRED_PHRASES), re.IGNORECASE)


def retired_in(text: str) -> list[str]:
    """Returns each retired word of a text as ``LINE: WORD``."""
    hits = []
    for number, line in enumerate(text.splitlines(), 1):
        plain = ALLOWED.sub("", line)
        hits += [f"{number}: {found[0]!r}" for found in (*NAMES.finditer(plain), *PHRASES.finditer(plain))]
    return hits


def tracked_files() -> list[Path]:
    """Returns the text files of the project."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = [name for name in listed.stdout.splitlines() if name not in HISTORY and name != "tests/test_words.py"]
    suffixes = {".py", ".md", ".toml", ".yaml", ".yml", ".sh", ".html", ".js", ".css"}
    return [ROOT / name for name in names if Path(name).suffix in suffixes and (ROOT / name).is_file()]


def test_code_and_docs_use_no_retired_word() -> None:
    hits = [f"{path.relative_to(ROOT)}:{hit}" for path in tracked_files() for hit in retired_in(path.read_text())]
    assert not hits, f"{len(hits)} retired words; docs/glossary.md has the words to use:\n" + "\n".join(hits)


def test_retired_words_are_found_and_plain_ones_are_not() -> None:
    assert retired_in("a clean plate\nneeds_plate = 1\nthe unit was set aside") == [
        "1: 'plate'",
        "1: 'clean plate'",
        "2: 'plate'",
        "3: 'set aside'",
    ]
    assert not retired_in("number plates, template, pytest fixtures, fingerprints, a walking person")


@pytest.mark.parametrize(
    "command",
    [
        "",
        "scan",
        "run",
        "plan",
        "status",
        "reprocess",
        "audit",
        "sign-off",
        "subject-access",
        "eval",
        "export",
        "sql",
        "verify",
        "repair",
        "purge",
    ],
)
def test_help_uses_no_retired_word(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    run_cli([*([command] if command else []), "--help"])
    assert not retired_in(capsys.readouterr().out)


def test_the_glossary_names_files_that_exist() -> None:
    named = re.findall(r"`([a-z_]+/[\w./]*)`", (DOCS / "glossary.md").read_text())
    missing = [name for name in named if not (ROOT / name).exists()]
    assert len(named) > 40 and not missing, missing


def test_the_glossary_names_code_that_is_in_the_file_before_it() -> None:
    named = re.findall(r"`([a-z_]+/[\w./]*\.py)` \(((?:`\w+`(?:, )?)+)", (DOCS / "glossary.md").read_text())
    pairs = [(path, name) for path, names in named for name in re.findall(r"\w+", names)]
    missing = [
        f"{path}: {name}"
        for path, name in pairs
        if not re.search(rf"^\s*(class|def) {name}\b|^{name}\b.* = ", (ROOT / path).read_text(), re.MULTILINE)
    ]
    assert len(pairs) >= 20 and not missing, missing


def test_the_glossary_explains_each_term_once() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    terms = [term for row in rows if row not in ("term", "---") for term in row.split(", ")]
    assert len(terms) > 90 and len(set(terms)) == len(terms), sorted({term for term in terms if terms.count(term) > 1})
