"""Values as SQL text."""

import re
from pathlib import Path


def quoted(text: str | Path) -> str:
    """A text literal."""
    return "'" + str(text).replace("'", "''") + "'"


def named(name: str) -> str:
    """A name of a table or column."""
    return '"' + name.replace('"', '""') + '"'


def unglobbed(path: str) -> str:
    """A path in which DuckDB sees no pattern."""
    return re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", path)
