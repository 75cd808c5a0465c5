"""A tiny sample site, built once for all tests of this folder."""

import pytest

from sample_site import TINY, SampleSite, build_sample_site


@pytest.fixture(scope="session")
def ticks() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, ticks: list[tuple[int, int]]) -> SampleSite:
    root = tmp_path_factory.mktemp("sample") / "site"
    return build_sample_site(root, spec=TINY, progress=lambda done, total: ticks.append((done, total)))
