"""The shared tiny sample site, with its truth."""

from pathlib import Path

import pytest

from sample_site import SampleSite
from sample_site.truth import load_truth


@pytest.fixture(scope="session")
def site(built_site: Path) -> SampleSite:
    return SampleSite(built_site, load_truth(built_site))
