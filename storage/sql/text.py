"""Values as SQL text."""

import re
from pathlib import Path


def quote_text(text: str | Path) -> str:
    """A text literal."""
    return "'" + str(text).replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """A name of a table or column."""
    return '"' + name.replace('"', '""') + '"'


def escape_glob(path: str) -> str:
    """A path in which DuckDB sees no pattern."""
    return re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", path)
