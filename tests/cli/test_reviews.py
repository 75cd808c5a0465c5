"""`review`, as it is typed, and what it does to scores."""

import json
from pathlib import Path

import numpy as np
import pytest

from jobs.commands.results import query
from jobs.site import open_site
from ops.interactions.calibration import calibrate
from tests.jobs.labelled import CAMERA, put_interactions, put_tracks, scanned_site, walkers
from tests.support.mistakes import one_line

FOUND = [("meets", 0.5, 2.0, 0.9), ("meets", 2.5, 2.9, 0.55), ("falls", 1.0, 1.0, 0.8)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = scanned_site(tmp_path)
    put_tracks(site, walkers())
    put_interactions(site, FOUND)
    return tmp_path


def answer(nightshift, folder: Path, interaction: str, said: str, *options: str):
    done = nightshift("review", "answer", interaction, said, "--by", "Ada", "--site", folder, *options)
    assert done.code == 0, done.err
    return done


def waiting(nightshift, folder: Path, *options: str) -> list[str]:
    return [row["interaction_id"] for row in nightshift("review", "list", *options, "--site", folder, "--json").json]


def calibrated(folder: Path) -> dict[str, tuple[float, int]]:
    sql = "SELECT interaction_id, calibrated_score, answers FROM calibrated_interactions"
    rows = query(open_site(folder), sql).to_pylist()
    return {row["interaction_id"]: (row["calibrated_score"], row["answers"]) for row in rows}


def test_what_is_least_sure_is_asked_first(nightshift, folder):
    assert waiting(nightshift, folder) == ["i001", "i002", "i000"]
    assert waiting(nightshift, folder, CAMERA, "--verb", "falls") == ["i002"]
    answer(nightshift, folder, "i001", "right")
    assert waiting(nightshift, folder) == ["i002", "i000"], "of `falls` nothing is known yet"
    shown = nightshift("review", "list", "--site", folder).out
    assert "calibrated" in shown and "2026-03-02 10:00:01" in shown


def test_answers_calibrate_the_scores_of_their_verb(nightshift, folder):
    before = calibrated(folder)
    assert {name: round(value, 3) for name, (value, _) in before.items()} == {"i000": 0.9, "i001": 0.55, "i002": 0.8}

    answer(nightshift, folder, "i001", "wrong")
    answer(nightshift, folder, "i002", "unsure")
    after = calibrated(folder)

    expected = calibrate(np.array([0.55]), np.array([False]))(np.array([0.9, 0.55]))
    assert [after["i000"][0], after["i001"][0]] == pytest.approx(expected.tolist(), abs=1e-6)
    assert after["i002"] == (pytest.approx(0.8), 0), "who is unsure says nothing"
    assert (after["i000"][1], after["i001"][1]) == (1, 1)


def test_the_newest_answer_counts(nightshift, folder):
    answer(nightshift, folder, "i001", "wrong")
    answer(nightshift, folder, "i001", "right", "--note", "looked twice")

    rows = query(open_site(folder), "SELECT answer, note, score, verb FROM interaction_reviews").to_pylist()

    assert rows == [{"answer": "right", "note": "looked twice", "score": pytest.approx(0.55), "verb": "meets"}]
    assert calibrated(folder)["i001"][0] > 0.55


def test_scores_of_another_version_of_a_rule_stay(nightshift, folder):
    answer(nightshift, folder, "i001", "wrong")
    record = next((folder / "store" / "_interaction_reviews").glob("*.json"))
    record.write_text(json.dumps(json.loads(record.read_text()) | {"rule": "meets 1"}))

    assert calibrated(folder)["i001"] == (pytest.approx(0.55), 0)


def test_an_answer_is_said_and_recorded(nightshift, folder):
    said = answer(nightshift, folder, "i002", "right")
    assert said.out == f"i002, falls on {CAMERA}: Ada says it is right\n"
    (record,) = (folder / "store" / "_interaction_reviews").glob("*.json")
    assert record.stat().st_mode & 0o077 == 0
    assert "time" in json.loads(record.read_text()) and "start_time" not in record.read_text()


def test_a_clip_needs_published_video(nightshift, folder):
    asked = ("review", "clip", "i000", "-o", folder / "clip.mp4", "--site", folder)
    one_line(nightshift(*asked), "published")
    one_line(nightshift("review", "clip", "i000", "-o", folder / "clip.txt", "--site", folder), "clip.txt")


def test_mistakes_are_one_line(nightshift, folder):
    one_line(
        nightshift("review", "answer", "nope", "right", "--by", "Ada", "--site", folder), "no interaction has the id"
    )
    one_line(nightshift("review", "answer", "i", "right", "--by", "Ada", "--site", folder), "several interactions")
    one_line(nightshift("review", "answer", "i001", "right", "--by", " ", "--site", folder), "--by is empty")
    one_line(nightshift("review", "answer", "i001", "maybe", "--by", "Ada", "--site", folder), "maybe")
    assert query(open_site(folder), "FROM interaction_reviews").num_rows == 0


def test_a_torn_review_is_named_and_not_skipped(nightshift, folder):
    answer(nightshift, folder, "i002", "right")
    (record,) = (folder / "store" / "_interaction_reviews").glob("*.json")
    record.write_text("{}")
    said = nightshift("review", "list", "--site", folder)
    assert said.code == 2 and "the record of a review, cannot be read" in said.err


@pytest.mark.slow
def test_an_interaction_of_the_sample_site_is_looked_at_in_published_video(nightshift, used_site):
    (row,) = nightshift("review", "list", "hall", "--limit", "1", "--site", used_site, "--json").json
    target = used_site / "look.mp4"

    done = nightshift("review", "clip", row["interaction_id"][:8], "-o", target, "--site", used_site, "--json")

    assert done.code == 0, done.err
    assert 2 < done.json["recorded_s"] <= 6.5 and target.stat().st_size > 1000
    assert all(source.startswith("anonymized/") for source in done.json["sources"])
