"""Finds the line numbers of the keys in a TOML text (https://toml.io/en/v1.0.0), for error messages.

``tomllib`` drops positions. This scanner reads only the structure (headers, keys, brackets) of a text that ``tomllib``
has accepted; it neither validates nor reads values.
"""

import re
import tomllib
from collections.abc import Callable

KeyPath = tuple[str | int, ...]

_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # multi-line basic
    r"|'''.*?'{3,5}"  # multi-line literal
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}\n#]*")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Returns the line, from 1, at which each key, table header and array item of a valid TOML text begins.

    Returns:
        Lines by path: ``("cameras", 0, "control_points", 2, "u")``. Stops early, without error, where the text is
        not TOML.
    """
    return _Scanner(text).scan()


class _Scanner:
    """Scans the text once; ``at`` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.items: dict[KeyPath, int] = {}  # index of the latest [[x]], by path of x

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip_blank():
            before = self.at
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            if self.at == before:
                break  # not TOML: nothing was read, so going on would loop for ever
        return self.lines

    def _skip_blank(self) -> bool:
        """Skips white space and comments; returns False at the end of the text."""
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at < len(self.text)

    def _read(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if not found:
            return ""
        self.at = found.end()
        return found.group()

    def _note_line(self, path: KeyPath, offset: int) -> None:
        self.lines.setdefault(path, self.text.count("\n", 0, offset) + 1)

    def _header(self) -> KeyPath:
        """Reads ``[a.b]`` or ``[[a.b]]``; returns the path that the keys below it belong to."""
        start = self.at
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        self._skip_blank()
        names = _key_names(self._read(_KEY))
        self._skip_blank()
        self.at += brackets
        path = (*self._table_path(names[:-1]), *names[-1:])
        for length in range(1, len(path) + 1):
            self._note_line(path[:length], start)
        if brackets == 2:
            self.items[path] = self.items.get(path, -1) + 1
            path = (*path, self.items[path])
            self._note_line(path, start)
        return path

    def _table_path(self, names: KeyPath) -> KeyPath:
        """Returns a header's names as a path; the name of an array of tables means its latest item."""
        path: KeyPath = ()
        for name in names:
            path = (*path, name)
            if path in self.items:
                path = (*path, self.items[path])
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self.at
        key = self._read(_KEY)
        if not key:
            return
        path = table
        for name in _key_names(key):
            path = (*path, name)
            self._note_line(path, start)
        self._skip_blank()
        self.at += 1  # the equals sign
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if not self._skip_blank():
            return
        opening = self.text[self.at]
        if opening in "\"'":
            self._read(_STRING)
        elif opening == "[":
            self._array(path)
        elif opening == "{":
            self._items("}", lambda _: self._pair(path))
        else:
            self._read(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        def item(number: int) -> None:
            self._note_line((*path, number), self.at)
            self._value((*path, number))

        self._items("]", item)

    def _items(self, closing: str, read_item: Callable[[int], None]) -> None:
        """Reads an array or an inline table; calls ``read_item`` with the index of each item, at its beginning."""
        self.at += 1
        number = 0
        while self._skip_blank() and self.text[self.at] != closing:
            before = self.at
            read_item(number)
            number += 1
            if self._skip_blank() and self.text[self.at] == ",":
                self.at += 1
            if self.at == before:
                break
        self.at += 1


def _key_names(key: str) -> tuple[str, ...]:
    """Returns the names of a dotted, maybe quoted key, unescaped by ``tomllib``; none if it is not a key."""
    names = []
    try:
        table = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    while isinstance(table, dict) and table:
        ((name, table),) = table.items()
        names.append(name)
    return tuple(names)
