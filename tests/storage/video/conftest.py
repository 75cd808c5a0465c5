"""A good clip."""

from pathlib import Path

import pytest

from tests.support import clips


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    return clips.write_clip(
        folder / "good.mp4",
        clips.steady_pts(100),
        sound=True,
        tags={"creation_time": "2026-03-01T10:00:00Z"},
        options={"movflags": "faststart"},
    )
