"""A site.toml with mistakes, for tests."""

from pathlib import Path

import pytest

from schemas.errors import SiteError
from storage.site.file import load_site


def line_of(root: Path, text: str) -> int:
    (line,) = [number for number, each in enumerate((root / "site.toml").read_text().splitlines(), 1) if text in each]
    return line


def error_after(root: Path, old: str, new: str) -> str:
    """Returns the message of load_site after replacing ``old``, which must occur, by ``new``."""
    path = root / "site.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return load_error(root)


def load_error(root: Path) -> str:
    with pytest.raises(SiteError) as caught:
        load_site(root)
    message = str(caught.value)
    assert "\n" not in message
    assert str(root) in message
    return message
