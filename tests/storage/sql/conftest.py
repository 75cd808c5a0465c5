"""Stores for tests of SQL."""

from pathlib import Path

import pytest

from storage.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")
