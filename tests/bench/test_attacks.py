"""Attacks are summed up by family, and each has a name of its own."""

import sys

import pytest

from bench import attacks
from bench.attack_cases import FAMILIES, Family
from bench.attack_run import Outcome
from bench.attacks import summary


def test_a_family_sums_up_its_outcomes():
    outcomes = {
        "a": Outcome(True, frames=3, heads=10, bare=2, strict=3, people_found=4, area=0.2),
        "b": Outcome(False, reason="anonymize: uncovered"),
        "c": Outcome(True, frames=3, heads=5, bare=1, strict=1, people_found=1, area=0.4),
    }
    figures = summary(Family(lambda _: []), outcomes)
    assert (figures["published"], figures["heads"], figures["bare"], figures["people_found"]) == (2, 15, 3, 4)
    assert figures["cases"]["b"]["reason"] == "anonymize: uncovered" and "area" not in figures
    assert summary(Family(lambda _: [], measures_area=True), outcomes)["area"] == {"a": 0.2, "b": None, "c": 0.4}


def test_unknown_families_are_named(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["attacks", "--only", "crowd,clouds"])
    with pytest.raises(SystemExit, match="unknown: clouds"):
        attacks.main()


@pytest.mark.assets
@pytest.mark.slow
def test_every_attack_has_a_name_of_its_own(assets, tmp_path):
    names = [attack.name for family in FAMILIES.values() for attack in family.attacks(tmp_path)]
    assert len(names) == len(set(names)) > 30
    blind, unproven = ([attack.prove for attack in FAMILIES[name].attacks(tmp_path)] for name in ("blind", "unproven"))
    assert blind == [True] * 10 and unproven == [False] * 10
