"""A new site, and positions to export."""

from pathlib import Path

import pyarrow as pa
import pytest

from storage.site.file import write_new_site
from tests.storage.exports.gis_files import positions


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_new_site(tmp_path, "Dam", "EPSG:28992", "Europe/Amsterdam")
    return tmp_path


@pytest.fixture
def walk() -> pa.Table:
    return positions({"a": [(121000.0, 486000.0), (121003.0, 486004.0)], "b": [(121010.0, 486010.0)]})
