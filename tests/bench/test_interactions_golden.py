"""The bench that counts golden numbers: what is not met is counted and named."""

import json
from pathlib import Path

import pytest

from bench import interactions_golden
from bench.interactions_golden import count_golden, golden_figures, main
from tests.support.golden import Check


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the comparisons by a few; the real ones have tests of their own."""
    met, missed = Check("met", True, "", 7), Check("missed", False, "differs", 3)
    monkeypatch.setattr(interactions_golden, "_network_checks", lambda folder: iter([met, missed]))
    monkeypatch.setattr(interactions_golden, "loss_cases", lambda folder: [{}, {}])
    monkeypatch.setattr(interactions_golden, "loss_checks", lambda case: [met])
    for name in ("hico_checks", "vcoco_checks", "role_checks"):
        monkeypatch.setattr(interactions_golden, name, lambda folder: iter([Check("one", True)]))
    monkeypatch.setattr(interactions_golden, "activity_checks", lambda folder, name: [Check(name, True)])


def test_numbers_are_counted_by_part(few: None) -> None:
    found = count_golden(Path("nowhere"))
    assert found.by_part["network"] == (7, 10) and found.by_part["losses"] == (14, 14)
    assert found.by_part["V-COCO"] == (2, 2) and found.by_part["ActEV"] == (19, 19)
    assert (found.passed, found.total, found.failed) == (43, 46, ("missed",))


def test_the_bench_says_what_is_verified_only_if_all_is_met(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert golden_figures() == {"golden_passed": 43, "golden_total": 46, "golden_failed": ["missed"]}
    monkeypatch.setattr(interactions_golden, "_network_checks", lambda folder: iter([Check("met", True)]))
    assert "accuracy of published weights not measured here" in golden_figures()["golden_verifies"]


def test_a_number_that_is_not_met_fails_the_command(few: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "nowhere"]) == 1
    assert json.loads(capsys.readouterr().out)["failed"] == ["missed"]
    assert main(["nowhere"]) == 1
    assert "network          7 of      10" in capsys.readouterr().out
