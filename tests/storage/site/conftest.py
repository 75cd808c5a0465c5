"""A site with all examples of the template."""

import re
from pathlib import Path

import pytest

from storage.site.file import write_new_site

# The template's examples: comment lines that turn into TOML when "# " is taken off.
EXAMPLE_LINE = re.compile(r"^# (?=\[|[a-z_]+ =|  \{|\]|# )", re.MULTILINE)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A site whose site.toml has all examples of the template enabled."""
    path = write_new_site(tmp_path, "Dam", "EPSG:28992", "Europe/Amsterdam")
    path.write_text(EXAMPLE_LINE.sub("", path.read_text()))
    return tmp_path
