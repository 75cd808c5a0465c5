"""Fixtures of the commands: a site after its run, opened, and one whose parameters changed since."""

from pathlib import Path

import pytest

from jobs.site import Site, open_site


@pytest.fixture
def site(used_site: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(used_site)
    return open_site(used_site)


def change(site, text):
    config = site / "site.toml"
    config.write_text(config.read_text() + text)


@pytest.fixture
def changed_site(used_site):
    change(used_site, "\n[ops.track]\nmax_gap_s = 0.1\n")
    return used_site
