"""`status` says how many people the detector misses by looking again only where something changed."""

import os
from pathlib import Path

import numpy as np
import pytest

from jobs.commands import status
from jobs.commands.missed_people import MissedPeople
from jobs.commands.moving_cameras import MovingCamera
from ops.known_picture import PEOPLE, known_boxes
from schemas.errors import QueryError
from tests.conftest import Nightshift
from tests.jobs.commands.test_moving_cameras import FPS, write_frames
from tests.ops.known_people import constant_detector


@pytest.fixture
def still_site(fresh_site: Path) -> Path:
    """The sample site; one camera has 31 s in which nothing changes, and a detector that finds 18 people anywhere."""
    (clip,) = (fresh_site / "archive" / "gate").glob("*.mp4")
    write_frames(clip, [np.full((180, 320, 3), 90, np.uint8)] * (31 * FPS))
    os.utime(clip, (1_772_500_000, 1_772_500_000))  # or it would count as still being written
    (fresh_site / "models").mkdir(exist_ok=True)
    constant_detector(fresh_site / "models" / "sure.onnx", np.asarray(known_boxes(PEOPLE.whole), np.float64))
    with (fresh_site / "site.toml").open("a") as file:
        file.write('\n[ops.detect]\nmodel = "sure.onnx"\ntiles = false\nsample_share = 0.2\n')
    return fresh_site


def test_status_says_how_many_people_are_missed_at_most(still_site: Path, nightshift: Nightshift) -> None:
    before = nightshift("status", "--site", still_site, "--json")
    assert before.json["missed_people"] == []
    ran = nightshift("run", "--site", still_site, "--in-process", "--ops", "detect", "--camera", "gate", "--json")
    assert ran.code == 0, ran.err
    (night,) = nightshift("status", "--site", still_site, "--json").json["missed_people"]
    assert (night["camera"], night["date"], night["missed"]) == ("gate", "2026-03-02", 0)
    assert 15 <= night["frames"] <= 50, "a fifth of 155, drawn at random"
    assert night["people"] > 0 and night["people"] % night["frames"] == 0, "those of the 18 who are within the frame"
    assert night["at_most"] == pytest.approx(3 / night["frames"]), "the people of one frame count as one"
    shown = " ".join(nightshift("status", "--site", still_site).out.split())
    assert f"0 of {night['people']} people in {night['frames']} frames drawn at random, at most" in shown


def test_frames_without_people_say_nothing() -> None:
    assert MissedPeople("gate", "2026-03-02", 40, 0, 0, None).message == (
        "0 of 0 people in 40 frames drawn at random, which says nothing of others"
    )


def test_rows_that_cannot_be_read_are_a_problem_and_hide_nothing_else(
    used_site: Path, nightshift: Nightshift, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(site: object) -> tuple[MissedPeople, ...]:
        raise QueryError("no Parquet")

    monkeypatch.setattr(status, "missed_people", damaged)
    monkeypatch.setattr(status, "find_moving_cameras", lambda site: (MovingCamera("gate", 23.0, 1, 1, 1),))
    found = nightshift("status", "--site", used_site, "--json").json
    assert found["problems"] == ["detector_samples: no Parquet"]
    assert [each["camera"] for each in found["moving_cameras"]] == ["gate"]
