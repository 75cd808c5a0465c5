"""A whole run on real footage with real weights; the limits are the peer's scores with the same weights."""

import pytest

from bench.pets import pets_scores
from bench.real_clips import first_frames
from bench.real_site import CLIPS, build_real_site
from jobs.commands.results import connect, query
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site

pytestmark = [pytest.mark.assets, pytest.mark.ray, pytest.mark.timeout(900), pytest.mark.slow]
PEER_HOTA, PEER_MOTA = 0.511, 0.718
TABLE_FRAMES = 400
"""Of the longest clip, a third of all frames, the first 40 s are enough here; ``bench.real`` takes all of it."""


@pytest.fixture(scope="module")
def real_night(assets, tmp_path_factory):
    """The site of real clips after a run on two workers."""
    root = tmp_path_factory.mktemp("real") / "site"
    build_real_site(root, assets)
    (table,) = (root / "archive" / "table").iterdir()
    first_frames(assets / "video" / CLIPS["table"][0], table, TABLE_FRAMES)
    opened = open_site(root)
    summary = run_site(opened, Selection(), RunOptions(workers=2))
    return opened, summary


def rows(opened, sql):
    return query(opened, sql).to_pylist()


def test_everything_was_done_and_nothing_quarantined(real_night):
    opened, summary = real_night
    assert summary.exit_code == 0 and summary.report.left == 0, summary.report.failures
    assert {row["op"] for row in rows(opened, "SELECT DISTINCT op FROM receipts")} >= {
        "detect",
        "publish",
        "interactions",
    }
    assert rows(opened, "SELECT count(*) AS n FROM anonymized") == [{"n": len(CLIPS)}]
    assert rows(
        opened, "SELECT sum(f.frames) - sum(a.frames) AS n FROM footage f JOIN anonymized a USING (footage_id)"
    ) == [{"n": 0}]
    assert {row["source"] for row in rows(opened, "SELECT DISTINCT source FROM detections")} == {"model"}


def test_detectors_look_where_something_changed_and_each_frame_is_decoded_twice(real_night):
    opened, summary = real_night
    held = "count(*) FILTER (looks = 0)"
    looked_at = rows(opened, f"SELECT camera, count(*) AS n, {held} AS held FROM observed_frames GROUP BY camera")
    by_camera = {row["camera"]: row for row in looked_at}
    assert by_camera["bag"]["held"] > 20, "nobody moves in the first seconds"
    assert by_camera["tud"]["held"] == 0, "three seconds have no background that may vouch"
    # Fewer runs than frames, tiles included: parts of many frames share one.
    assert 0 < summary.record.detector_calls < sum(row["n"] for row in looked_at)
    frames = rows(opened, "SELECT sum(frames) AS n FROM footage")[0]["n"]
    assert summary.record.frames_decoded == 2 * frames, "one decode for detect and background, one for anonymize"


def test_tracks_and_places_on_pets_are_at_least_as_good_as_the_peers(real_night, assets):
    connection = connect(real_night[0])
    scores = pets_scores(connection, assets)
    connection.close()
    assert scores["hota"] >= PEER_HOTA and scores["mota"] >= PEER_MOTA, scores
    assert scores["ground_median_m"] <= 0.5, scores


def test_the_bag_that_is_left_is_found_and_only_that(real_night):
    (left,) = rows(real_night[0], "SELECT * FROM interactions WHERE verb = 'abandons'")
    assert left["camera"] == "bag" and left["object_kind"] == "static_region"
