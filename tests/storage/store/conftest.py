from pathlib import Path

import pytest

from storage.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A new store below ``tmp_path/store``."""
    return Store.create(tmp_path / "store")
