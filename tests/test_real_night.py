"""Runs on real footage with real weights; the limits are the peer's scores with the same weights.

Two short clips have a whole night on workers, with all that is published. The two long ones go as far as what is scored
here, places and interactions: to anonymize them takes twice as long again, and ``bench.real`` does it.
"""

from collections import Counter
from datetime import UTC, datetime

import pytest

from bench.pets import LAST_FRAME, pets_scores
from bench.real_clips import first_frames
from bench.real_site import CLIPS, build_real_site
from jobs.commands.results import connect, query
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site

pytestmark = [pytest.mark.assets, pytest.mark.ray, pytest.mark.timeout(900), pytest.mark.slow]
PEER_HOTA, PEER_MOTA = 0.511, 0.718
PUBLISHED = {"tud": 40, "carpark": 60}
SCORED_OPS = ("background", "statics", "positions", "interactions")
BAG_START = datetime(2026, 3, 2, 19, 30, tzinfo=UTC)
SCORED = {"pets": LAST_FRAME + 20, "bag": 1020}
"""Frames of each clip that tell something: the truth of PETS ends, a background vouches from 30 s on, and the bag's
owner is away for ten seconds by then. ``bench.real`` takes all clips to their end."""


def site_of(root, assets, first):
    build_real_site(root, assets, tuple(first))
    for camera, frames in first.items():
        (clip,) = (root / "archive" / camera).iterdir()
        first_frames(assets / "video" / CLIPS[camera][0], clip, frames)
    return open_site(root)


@pytest.fixture(scope="module")
def published(assets, tmp_path_factory):
    """A site after a whole night on two workers."""
    opened = site_of(tmp_path_factory.mktemp("real") / "published", assets, PUBLISHED)
    return opened, run_site(opened, Selection(), RunOptions(workers=2))


@pytest.fixture(scope="module")
def scored(assets, tmp_path_factory):
    """A site after a run of what is scored here, in this process."""
    opened = site_of(tmp_path_factory.mktemp("real") / "scored", assets, SCORED)
    return opened, run_site(opened, Selection(ops=SCORED_OPS), RunOptions(workers=None))


def rows(opened, sql):
    return query(opened, sql).to_pylist()


def test_everything_was_done_and_nothing_quarantined(published):
    opened, summary = published
    assert summary.exit_code == 0 and summary.report.left == 0, summary.report.failures
    assert {row["op"] for row in rows(opened, "SELECT DISTINCT op FROM receipts")} >= {
        "detect",
        "publish",
        "interactions",
    }
    assert rows(opened, "SELECT count(*) AS n FROM anonymized") == [{"n": len(PUBLISHED)}]
    assert rows(
        opened, "SELECT sum(f.frames) - sum(a.frames) AS n FROM footage f JOIN anonymized a USING (footage_id)"
    ) == [{"n": 0}]
    assert {row["source"] for row in rows(opened, "SELECT DISTINCT source FROM detections")} == {"model"}


def test_each_frame_is_decoded_twice(published):
    opened, summary = published
    frames = rows(opened, "SELECT sum(frames) AS n FROM footage")[0]["n"]
    assert summary.record.frames_decoded == 2 * frames, "one decode for detect and background, one for anonymize"
    assert rows(opened, "SELECT count(*) AS n FROM observed_frames WHERE camera = 'tud' AND looks = 0") == [{"n": 0}], (
        "so few frames have no background that may vouch"
    )


def test_detectors_look_where_something_changed_and_each_frame_is_decoded_once(scored):
    opened, summary = scored
    assert summary.exit_code == 0 and summary.report.left == 0, summary.report.failures
    held = "count(*) FILTER (looks = 0)"
    looked_at = rows(opened, f"SELECT camera, count(*) AS n, {held} AS held FROM observed_frames GROUP BY camera")
    by_camera = {row["camera"]: row for row in looked_at}
    assert by_camera["bag"]["held"] > 20, "nobody moves in the first seconds"
    calls = Counter()
    for receipt in summary.report.receipts:
        calls[receipt.camera] += receipt.counters.get("detector_calls", 0)
    record = summary.record
    assert calls.total() == record.detector_calls
    assert record.frames_observed == sum(row["n"] for row in looked_at)
    assert record.frames_held == sum(row["held"] for row in looked_at)
    assert 0 < calls["bag"] < by_camera["bag"]["n"] / 2, "tiles included: parts of many frames share a run"
    frames = rows(opened, "SELECT sum(frames) AS n FROM footage")[0]["n"]
    assert summary.record.frames_decoded == frames, "one decode for detect and background"


def test_tracks_and_places_on_pets_are_at_least_as_good_as_the_peers(scored, assets):
    connection = connect(scored[0])
    scores = pets_scores(connection, assets)
    connection.close()
    assert scores["hota"] >= PEER_HOTA and scores["mota"] >= PEER_MOTA, scores
    assert scores["ground_median_m"] <= 0.5, scores


def test_the_bag_that_is_left_is_found_and_surest(scored):
    handled = "SELECT * FROM interactions WHERE verb IN ('abandons', 'puts_down', 'picks_up', 'removes') ORDER BY verb"
    left, put_down = rows(scored[0], handled)
    assert (left["verb"], left["camera"], left["object_kind"]) == ("abandons", "bag", "static_object")
    assert (put_down["verb"], put_down["camera"], put_down["object"]) == ("puts_down", "bag", left["object"])
    assert min(left["score"], put_down["score"]) > 0.6
    seconds = [(row["start_time"] - BAG_START).total_seconds() for row in (put_down, left)]
    assert seconds[0] == pytest.approx(390 / 29.97, abs=3.5), "about frame 390, with a margin for its error"
    assert seconds[1] == pytest.approx(700 / 29.97, abs=2.0), "gone by frame 700"
