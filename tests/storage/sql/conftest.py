"""Stores for tests of SQL."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from storage.sql.connection import open_sql
from storage.store.store import Store
from tests.storage.rows import make_rows, put
from tests.storage.sql_site import make_site


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of two cameras and two days of detections, which no query can change."""
    store = Store.create(tmp_path_factory.mktemp("filled") / "store")
    for camera in ("cam1", "cam2"):
        for day in ("2026-03-02", "2026-03-03"):
            put(store, "detections", make_rows("detections", 3, camera), camera=camera, date=day)
    return store


@pytest.fixture(scope="module")
def con(filled: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The filled store, opened."""
    with open_sql(filled, make_site(tmp_path_factory.mktemp("site"))) as connection:
        yield connection
