"""Quotes values for SQL text."""

import re
from pathlib import Path


def quote_text(text: str | Path) -> str:
    """Returns a text literal."""
    return "'" + str(text).replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """Returns an identifier: the name of a table or column."""
    return '"' + name.replace('"', '""') + '"'


def escape_glob(path: str) -> str:
    """Returns a path in which DuckDB finds no glob pattern."""
    return re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", path)
