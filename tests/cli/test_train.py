"""`train interactions`, as it is typed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ops.interactions.qpic.tiny import TINY, tiny_weights
from tests.support.labelled import write_own

QUICK = ["--short-side", 64, "--long-side", 96, "--epochs", 2, "--no-augment"]


@pytest.mark.slow
def test_a_training_is_shown_and_its_weights_can_be_imported(nightshift, used_site: Path, tmp_path: Path) -> None:
    start = tiny_weights(tmp_path / "tiny.pth", replace(TINY, verbs=("pushes", "rides"))).path
    dataset, out = write_own(tmp_path / "mine"), tmp_path / "out"
    said = nightshift("train", "interactions", dataset, "-o", out, "--from", start, *QUICK)
    assert said.code == 0, said.err
    assert "epoch 1 of 2: loss" in said.err and "epoch 2 of 2" in said.err
    assert "does not know these, which were learned anew: sits_on" in said.out
    assert "4 pictures with 4 pairs, 2 epochs" in said.out and "nightshift models import" in said.out
    again = nightshift("train", "interactions", dataset, "-o", out, "--from", start, *QUICK, "--resume", "--json")
    assert again.code == 0 and [row["epoch"] for row in again.json["log"]] == [1, 2]
    assert len([json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]) == 2
    imported = nightshift(
        *("models", "import", out / "weights.pth", "--site", used_site, "--task", "interactions", "--json")
    )
    assert imported.code == 0 and imported.json["task"] == "interactions"


def test_mistakes_are_one_line(nightshift, tmp_path: Path) -> None:
    for arguments, message in (
        ((tmp_path / "gone",), "there is no folder"),
        ((tmp_path,), "has no labels"),
        ((tmp_path, "--depth", 34), "no ResNet-34"),
        ((tmp_path, "--from", tmp_path / "gone.pth"), "there are no weights"),
    ):
        said = nightshift("train", "interactions", *arguments, "-o", tmp_path / "out")
        assert said.code == 2 and message in said.err and said.err.count("\n") == 1
