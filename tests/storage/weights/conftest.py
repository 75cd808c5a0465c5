"""An empty store of weights."""

from pathlib import Path

import pytest

from storage.weights.catalogue import ModelStore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """A site's empty store; the user's real weights are out of sight."""
    monkeypatch.delenv("NIGHTSHIFT_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ModelStore(tmp_path / "site")
