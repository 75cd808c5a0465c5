"""A run on the sample site through every room, and what later runs do again."""

import os

import av
import pytest

from jobs.commands.results import connect, query
from jobs.site import open_site
from sample_site.comparison import compare
from sample_site.truth import load_truth
from tests.storage.rows import receipts_of

pytestmark = pytest.mark.slow


def rows(site, sql):
    return query(open_site(site), sql).to_pylist()


def test_every_op_wrote_rows_and_the_cut_file_is_reported(night_site):
    site = open_site(night_site)
    tables = {row["op"] for row in rows(night_site, "SELECT DISTINCT op FROM receipts WHERE rows > 0")}
    assert {"detect", "background", "track", "link", "positions", "counts", "depth", "anonymize", "publish"} <= tables
    assert [(entry.op, entry.reason) for entry in site.journal.read_quarantine().rows] == [("scan", "truncated")]
    (run,) = site.journal.read_runs().rows.to_pylist()
    assert run["state"] == "partial"
    assert run["units_done"] > 20 and run["frames_decoded"] > 0


def test_the_second_run_decodes_nothing_and_calls_no_detector(used_site, nightshift):
    again = nightshift("run", "--site", used_site, "--in-process", "--json")
    assert again.code == 1, "the cut file is still cut"
    assert again.json["units_done"] == again.json["frames_decoded"] == again.json["detector_calls"] == 0


def test_a_person_who_crosses_a_file_border_keeps_one_id(night_site):
    crossing = rows(
        night_site,
        """SELECT track_id, count(DISTINCT split_part(segment_id, '-', 1)) AS files FROM track_points
           WHERE camera = 'hall' GROUP BY track_id ORDER BY files DESC LIMIT 1""",
    )
    assert crossing[0]["files"] == 2


def test_measured_is_near_the_truth(night_site):
    connection = connect(open_site(night_site))
    comparison = compare(load_truth(night_site), connection)
    connection.close()
    errors = [row for row in comparison.rows if row.what.endswith("position error, median")]
    assert errors and all(row.measured is not None and row.measured < 0.6 for row in errors), comparison.as_rows()


def test_published_video_has_every_frame_at_its_time_and_nothing_else(night_site):
    published = rows(night_site, "SELECT * FROM anonymized ORDER BY camera, start_time")
    footage = rows(night_site, "SELECT * FROM footage ORDER BY camera, start_time")
    assert [row["footage_id"] for row in published] == [row["footage_id"] for row in footage]
    store = night_site / "store"
    for row, source in zip(published, footage, strict=True):
        with av.open(str(store / row["path"])) as video, av.open(str(night_site / "archive" / source["path"])) as raw:
            assert [stream.type for stream in video.streams] == ["video"]
            mine, theirs = times(video), times(raw)
            assert mine == pytest.approx(theirs[: len(mine)]) and len(mine) == row["frames"] == source["frames"]
    assert not list((store / "_parts").rglob("*.mp4")), "parts are removed once they are merged"


def times(container):
    stream = container.streams.video[0]
    pts = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
    return [float((tick - pts[0]) * stream.time_base) for tick in pts]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_publication_whose_receipt_is_lost_is_made_again_from_footage(used_site, nightshift, compacted):
    receipts = used_site / "store" / "_receipts" / "publish"
    lost = sorted(receipts.rglob("*.json"))
    assert lost
    for path in lost:
        path.unlink()
    if compacted:  # then the receipts of the parts, whose files are gone, are in the manifest
        assert nightshift("compact", "--site", used_site).code == 0
    before = rows(used_site, "SELECT path, sha256 FROM anonymized_segments ORDER BY segment_id")
    assert before and not rows(used_site, "SELECT * FROM anonymized")
    run = nightshift("run", "--site", used_site, "--in-process", "--json")
    assert run.code == 1, run  # as always at this site, since one file is cut off
    assert run.json["units_done"] == len(before) + len(lost)
    (count,) = rows(used_site, "SELECT count(*) AS n FROM anonymized")
    assert count["n"] == len(lost)
    for row in rows(used_site, "SELECT path FROM anonymized"):
        assert (used_site / "store" / row["path"]).is_file()
    assert nightshift("run", "--site", used_site, "--in-process", "--json").json["units_done"] == 0


def test_hog_verifies_what_is_published_where_there_are_no_weights(fresh_site, nightshift):
    config = fresh_site / "site.toml"
    config.write_text(config.read_text().replace('verify_model = "none"', "verify_fps = 0.5"))
    run = nightshift("run", "--site", fresh_site, "--in-process", "--json", "--camera", "gate", "--ops", "publish")
    assert {row["reason"] for row in run.json["quarantined"]} == {"truncated"}
    parts = rows(fresh_site, "SELECT verified_by, frames FROM anonymized_segments")
    assert parts and all("detector HOG" in row["verified_by"] for row in parts)
    receipts = receipts_of(open_site(fresh_site).store, ["anonymize"])
    assert all(receipt.counters["verify_detector_calls"] for receipt in receipts)


def test_a_moved_zone_recounts_without_video(used_site, nightshift):
    zones = used_site / "layers" / "zones.geojson"
    zones.write_text(zones.read_text().replace('"hall_centre"', '"middle"'))
    plan = nightshift("plan", "--site", used_site, "--json").json
    todo = {unit["op"] for unit in plan["units"]}
    assert todo == {"counts", "interactions"}
    run = nightshift("run", "--site", used_site, "--in-process", "--json").json
    assert run["frames_decoded"] == 0 and run["units_done"] == plan["to_do"]
    assert "middle" in {row["zone"] for row in rows(used_site, "SELECT DISTINCT zone FROM counts")}


def test_named_layers_are_joined_with_positions_and_again_after_an_edit(used_site, nightshift):
    config, zones = used_site / "site.toml", used_site / "layers" / "zones.geojson"
    config.write_text(config.read_text() + '\n[ops.position_features]\nlayers = ["zones"]\n')
    stored = "SELECT DISTINCT track_id, feature_id FROM position_features WHERE distance_m = 0 ORDER BY ALL"
    asked = "SELECT DISTINCT track_id, unnest(areas_at(x_m, y_m, 'zones')) AS feature_id FROM positions ORDER BY ALL"
    for middle in ("hall_centre", "middle"):
        zones.write_text(zones.read_text().replace('"hall_centre"', f'"{middle}"'))
        plan = nightshift("plan", "--site", used_site, "--json").json
        assert "position_features" in {unit["op"] for unit in plan["units"]}
        run = nightshift("run", "--site", used_site, "--in-process", "--ops", "position_features", "--json").json
        assert run["frames_decoded"] == 0
        found = rows(used_site, stored)
        assert middle in {row["feature_id"] for row in found}
        assert found == rows(used_site, asked)


def test_reverted_parameters_restore_the_former_rows(used_site, nightshift):
    config = used_site / "site.toml"
    before = rows(used_site, "SELECT * FROM counts")
    original = config.read_text()
    config.write_text(original + "\n[ops.counts]\nbin_s = 30\n")
    nightshift("run", "--site", used_site, "--in-process", "--json")
    assert {row["bin_s"] for row in rows(used_site, "SELECT bin_s FROM counts")} == {30.0}
    config.write_text(original)
    back = nightshift("run", "--site", used_site, "--in-process", "--json")
    assert back.json["units_done"] == 0
    assert rows(used_site, "SELECT * FROM counts") == before


def test_a_file_that_grows_replaces_what_was_read_of_it(used_site, nightshift, tmp_path):
    gate = next((used_site / "archive" / "gate").glob("*.mp4"))
    hall = next((used_site / "archive" / "hall").glob("*.mp4"))
    gate.write_bytes(hall.read_bytes())
    young = nightshift("scan", "--site", used_site, "--json").json["waiting"]
    assert [entry["reason"] for entry in young] == ["still_written"], "it may still grow"
    os.utime(gate, (0, 0))
    nightshift("run", "--site", used_site, "--in-process", "--json", "--camera", "gate", "--ops", "detect")
    footage = rows(used_site, "SELECT footage_id FROM footage WHERE camera = 'gate'")
    observed = rows(
        used_site, "SELECT DISTINCT split_part(segment_id, '-', 1) AS id FROM observed_frames WHERE camera = 'gate'"
    )
    assert len(footage) == 1 and [row["id"] for row in observed] == [footage[0]["footage_id"]]


def test_results_outlive_footage(used_site, nightshift):
    before = rows(used_site, "SELECT count(*) AS n FROM track_points")
    for file in (used_site / "archive" / "hall").glob("*.mp4"):
        file.unlink()
    nightshift("run", "--site", used_site, "--in-process", "--json")
    assert rows(used_site, "SELECT count(*) AS n FROM track_points") == before
    assert len(rows(used_site, "SELECT * FROM footage WHERE camera = 'hall'")) == 2


def test_the_order_of_work_changes_no_row(built_small_site, small_night, tmp_path, nightshift):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(built_small_site, other)
    for op in ("detect", "track", "anonymize"):
        nightshift("run", "--site", other, "--in-process", "--json", "--ops", op, "--camera", "hall")
    nightshift("run", "--site", other, "--in-process", "--json")
    for table in ("detections", "track_points", "positions", "counts", "interactions", "anonymized"):
        query = f"SELECT * FROM {table} WHERE camera = 'hall' ORDER BY ALL"
        assert rows(other, query) == rows(small_night, query), table


def test_selected_ops_bring_what_they_need(fresh_site, nightshift):
    result = nightshift("run", "--site", fresh_site, "--in-process", "--json", "--ops", "counts", "--camera", "hall")
    assert result.code == 0
    done = {row["op"] for row in rows(fresh_site, "SELECT DISTINCT op FROM receipts WHERE camera = 'hall'")}
    assert done == {"scan", "detect", "appearance", "track", "link", "ground", "positions", "counts"}
