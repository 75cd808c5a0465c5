"""What all tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real footage, ground truth and weights; the test is skipped where there is none."""
    folder = Path(os.environ.get("NIGHTSHIFT_ASSETS", Path(__file__).parents[2] / "shared" / "assets"))
    if not folder.is_dir():
        pytest.skip(f"no real material at {folder}: set NIGHTSHIFT_ASSETS to run this")
    return folder
