"""Benchmarks check what they need before they start."""

import sys

import pytest

from bench import identity, material, real
from bench.material import PEER_TRACKER, require_assets, require_packages


def test_installed_packages_are_accepted():
    require_packages(*PEER_TRACKER)


def test_missing_packages_are_named_with_the_command_that_installs_them():
    with pytest.raises(SystemExit, match=r"not installed: no_such_tracker; .*make install-test"):
        require_packages("numpy", "no_such_tracker")


def test_a_missing_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(material, "ASSETS", tmp_path / "none")
    with pytest.raises(SystemExit, match=r"none: set NIGHTSHIFT_ASSETS"):
        require_assets()


@pytest.mark.parametrize(("benchmark", "begins"), [(real, "measure"), (identity, "weights")])
def test_a_benchmark_without_the_peer_ends_before_any_work(benchmark, begins, monkeypatch, tmp_path):
    monkeypatch.setattr(material, "ASSETS", tmp_path)
    monkeypatch.setattr(material, "find_spec", lambda name: None)
    monkeypatch.setattr(benchmark, begins, lambda *_: pytest.fail("the benchmark began its work"))
    monkeypatch.setattr(sys, "argv", ["bench"])
    with pytest.raises(SystemExit, match="not installed: lap"):
        benchmark.main()
