"""Opens a page in a real browser without a network, and returns what it shows."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, in which pages are opened")
_CONSOLE = re.compile(r'CONSOLE:?\(?\d+\)?\] "(.*)", source:')
_HARMLESS = re.compile(r"\[bokeh [\d.]+\] document idle at \d+ ms")


@dataclass(frozen=True)
class Browsed:
    """A page as a browser has it after its scripts: the document as HTML, and what was written to the console."""

    dom: str
    console: tuple[str, ...]

    def text(self, element: str) -> str:
        """Returns the text of the element with this id, which has no elements inside."""
        found = re.search(rf'id="{element}"[^>]*>([^<]*)<', self.dom)
        assert found, element
        return found[1].replace("&nbsp;", " ")

    def root(self, name: str) -> str:
        """Returns a data attribute of the document's root element."""
        found = re.search(rf'<html[^>]* data-{name}="([^"]*)"', self.dom)
        assert found, name
        return found[1]


def browse(page: Path, shown: str = "", picture: Path | None = None, size: str = "1200,900") -> Browsed:
    """Opens a page.

    Args:
        page: the file.
        shown: what stands behind ``#`` in the address.
        picture: gets a screenshot instead of the document, if it is given.
        size: width and height of the window.
    """
    assert CHROMIUM is not None
    wanted = [f"--screenshot={picture}"] if picture else ["--dump-dom"]
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", f"--window-size={size}"),
            *(f"--user-data-dir={page.parent / 'browser'}", "--virtual-time-budget=5000", *wanted),
            f"{page.resolve().as_uri()}#{shown}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = tuple(line for line in _CONSOLE.findall(done.stderr) if not _HARMLESS.fullmatch(line))
    return Browsed(done.stdout, console)
