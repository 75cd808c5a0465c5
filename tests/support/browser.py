"""Opens pages in a real browser without a network, and uses them as a person does: clicks, keys, the wheel, a drag.

One Chromium serves all tests of a process. It is driven through a pipe, by the Chrome DevTools Protocol
(https://chromedevtools.github.io/devtools-protocol/), so that no port is open and no other package is needed.
"""

import atexit
import fcntl
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, in which pages are opened")
_HARMLESS = re.compile(r"\[bokeh [\d.]+\] document idle at \d+ ms")
_START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""Runs a program that reads and writes at the descriptors of ``--remote-debugging-pipe``."""
_PATIENCE_S = 240
_POLL_S = 0.02


class Browser:
    """A headless Chromium; messages are JSON that ends in a zero byte."""

    def __init__(self) -> None:
        assert CHROMIUM is not None
        self._folder = TemporaryDirectory()
        theirs_in, self._commands = os.pipe()
        self._answers, theirs_out = os.pipe()
        # Above the descriptors that Chromium expects, so that none overwrites the other.
        theirs = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in (theirs_in, theirs_out)]
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _START, *map(str, theirs)),
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
                *("--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars", f"--user-data-dir={self._folder.name}"),
                *("--remote-debugging-pipe", "about:blank"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=theirs,
        )
        for each in (theirs_in, theirs_out, *theirs):
            os.close(each)
        self._read = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Returns the result of a command; events that come meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(self._commands, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            assert select.select([self._answers], [], [], _PATIENCE_S)[0], "the browser does not answer"
            self._read += os.read(self._answers, 1 << 20)
        message, _, self._read = self._read.partition(b"\0")
        return dict(json.loads(message))

    def close(self) -> None:
        """Ends the browser and removes its folder."""
        self._process.terminate()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        self._folder.cleanup()


@cache
def _browser() -> Browser:
    browser = Browser()
    atexit.register(browser.close)
    return browser


class Tab:
    """A page that is open."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Returns the result of a command to this page."""
        return self._browser.call(method, self._session, **parameters)

    def value(self, script: str) -> Any:
        """Returns what an expression of JavaScript gives, as JSON."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Waits until an expression is true."""
        end = time.monotonic() + _PATIENCE_S
        while not self.value(f"Boolean({condition})"):
            assert time.monotonic() < end, condition
            time.sleep(_POLL_S)

    def text(self, element: str) -> str:
        """Returns the text of the element with this id."""
        return str(self.value(f"document.getElementById({element!r}).textContent")).replace("\xa0", " ")

    def root(self, name: str) -> str:
        """Returns a data attribute of the document's root element."""
        return str(self.value(f"document.documentElement.dataset[{name!r}]"))

    def click(self, selector: str) -> None:
        """Clicks the middle of the first element that a CSS selector finds, scrolled into view."""
        self.value(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center', behavior: 'instant'}})")
        box = "(({left, top, width, height}) => [left + width / 2, top + height / 2])"
        x, y = self.value(f"{box}(document.querySelector({selector!r}).getBoundingClientRect())")
        self.click_at(x, y)

    def click_at(self, x: float, y: float) -> None:
        """Clicks at pixels of the window."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.mouse(kind, x, y)

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 5) -> None:
        """Drags from one pixel of the window to another."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start)
        for step in range(1, steps + 1):
            x, y = (first + (last - first) * step / steps for first, last in zip(start, end, strict=True))
            self.mouse("mouseMoved", x, y, buttons=1)
        self.mouse("mouseReleased", *end)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Sends an event of the mouse, such as ``mouseMoved`` or ``mouseWheel`` (with ``deltaX`` and ``deltaY``)."""
        button = "left" if kind in ("mousePressed", "mouseReleased") or more.get("buttons") else "none"
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1, **more)

    def press(self, key: str, code: int) -> None:
        """Presses a key, by its name and its number in ``KeyboardEvent.keyCode``."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path: Path) -> None:
        """Writes a PNG of the window."""
        path.write_bytes(b64decode(self.call("Page.captureScreenshot")["data"]))

    @property
    def console(self) -> tuple[str, ...]:
        """What was written to the console, refused by the page's policy, or raised and not caught."""
        self.value("0")  # what was written before comes before the answer
        own = [event for event in self._browser.events if event.get("sessionId") == self._session]
        lines = (_line(event["method"], event["params"]) for event in own)
        return tuple(line for line in lines if line and not _HARMLESS.fullmatch(line))


def _line(method: str, event: dict[str, Any]) -> str:
    if method == "Runtime.consoleAPICalled":
        return " ".join(str(each.get("value", each.get("description"))) for each in event["args"])
    if method == "Runtime.exceptionThrown":
        return str(event["exceptionDetails"].get("exception", event["exceptionDetails"]))
    return str(event["entry"]["text"]) if method == "Log.entryAdded" else ""


@contextmanager
def opened(page: Path, shown: str = "", size: tuple[int, int] = (1200, 900)) -> Iterator[Tab]:
    """Opens a page and waits until its plots are drawn.

    Args:
        page: the file.
        shown: what stands behind ``#`` in the address.
        size: width and height of the window.
    """
    browser = _browser()
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    tab = Tab(browser, browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
    for domain in ("Page", "Runtime", "Log"):
        tab.call(f"{domain}.enable")
    tab.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)
    tab.call("Page.navigate", url=f"{page.resolve().as_uri()}#{shown}")
    script = "document.documentElement.dataset"
    tab.wait_for(
        f"document.readyState === 'complete' && ({script}.ready || !document.getElementById('scene') && {script}.drawn)"
    )
    yield tab
    browser.call("Target.closeTarget", targetId=target)
