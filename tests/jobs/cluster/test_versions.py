"""Versions that differ between a machine and a cluster are named, both of them."""

from importlib.metadata import version

import pytest

from jobs.cluster.versions import CLIENT_VERSION, ray_mismatch, ray_versions_differ, require_client_version
from schemas.errors import UserError

OWN = version("nightshift")

RAYS_WORDS = (
    "Version mismatch: The cluster was started with:\n    Ray: 2.55.1\n    Python: 3.12.3\n"
    "This process on node 192.0.2.7 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
)


def test_a_job_of_another_nightshift_ends_at_once_and_both_versions_are_named(nightshift, small_site, monkeypatch):
    monkeypatch.setenv(CLIENT_VERSION, "9.8.7")
    said = nightshift("run", "--site", small_site, "--in-process")
    assert said.code == 2 and f"Nightshift 9.8.7, and the cluster has {OWN}" in said.err
    assert not (small_site / "store").exists()


@pytest.mark.parametrize("sent_by", ["", OWN])
def test_a_run_without_a_client_or_with_one_of_its_version_goes_on(monkeypatch, sent_by):
    monkeypatch.setenv(CLIENT_VERSION, sent_by)
    require_client_version()


def test_a_client_of_another_version_is_an_error(monkeypatch):
    monkeypatch.setenv(CLIENT_VERSION, "0.0.1")
    with pytest.raises(UserError, match="ray up ray_cluster"):
        require_client_version()


def test_rays_words_about_versions_become_one_line():
    assert ray_mismatch(RAYS_WORDS) == (
        "the cluster has Ray 2.55.1 on Python 3.12.3, and this machine Ray 2.60.0 on Python 3.11.7: "
        "install one version on both"
    )
    assert ray_mismatch("Could not find any running Ray instance") is None


def test_the_words_are_rays_own():
    """The sentence is made by Ray itself, as it is installed."""
    from ray._private.utils import check_version_info

    with pytest.raises(RuntimeError) as raised:
        check_version_info({"ray_version": "2.55.1", "python_version": "3.12.3"}, "node 192.0.2.7")
    assert "Ray 2.55.1 on Python 3.12.3, and this machine Ray " + version("ray") in (
        ray_mismatch(str(raised.value)) or ""
    )


def test_another_ray_on_the_cluster_is_named_and_the_same_is_not():
    assert ray_versions_differ(version("ray")) is None
    assert (
        ray_versions_differ("2.1")
        == f"the cluster has Ray 2.1, and this machine Ray {version('ray')}: the run uses the cluster's"
    )
