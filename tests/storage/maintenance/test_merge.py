"""Merging: a file holds the rows of exactly those receipts that name it."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.errors import NightshiftError
from storage.maintenance.compaction import Compaction, compact
from storage.store.receipts import unit_files
from storage.store.snapshot import LiveFiles, Snapshot
from storage.store.store import Store
from tests.storage.maintenance.compacting import HOUR, PAST, TODAY, every_moment, fill, live_names
from tests.storage.rows import CAMERA, NOW, make_rows, put, put_scan, receipts_of
from tests.storage.watched import at_rest, check, contents


def test_a_file_a_camera_day_and_of_past_months_a_file_a_camera(store: Store) -> None:
    fill(store)
    done = compact(store)
    assert done == Compaction(head=1, receipts=12, merged=24, written=8, deleted=0)
    for table in ("detections", "observed_frames"):
        assert live_names(store, table) == [
            f"{table}/camera={camera}/{span}"
            for camera in ("cam1", "cam2")
            for span in (f"date={TODAY}/day", "month=2026-02/month")
        ]
    check(store)


def test_months_with_many_rows_stay_days(store: Store) -> None:
    fill(store)
    receipts = receipts_of(store)
    rows_a_camera = sum(
        each.counters["rows"] for each in receipts if (each.camera, each.date[:7]) == ("cam1", "2026-02")
    )
    compact(store, month_rows=rows_a_camera - 1)
    days = [f"detections/camera={camera}/date={day}/day" for camera in ("cam1", "cam2") for day in (*PAST, TODAY)]
    assert live_names(store) == days
    compact(store, month_rows=rows_a_camera)
    assert [name for name in live_names(store) if "month" in name] == [
        f"detections/camera={camera}/month=2026-02/month" for camera in ("cam1", "cam2")
    ]
    check(store)


def test_a_month_that_grows_too_large_becomes_days_where_it_changes(store: Store) -> None:
    fill(store)
    compact(store)
    before = contents(store)
    put(store, "detections", make_rows("detections", 5, first=900), unit="c", date=PAST[0])
    compact(store, month_rows=0)
    assert [name for name in live_names(store) if CAMERA in name] == [
        f"detections/camera={CAMERA}/date={day}/day" for day in (*PAST, TODAY)
    ]
    assert contents(store)["detections"] > before["detections"]
    check(store)


def test_a_month_is_past_once_another_has_begun(store: Store) -> None:
    fill(store, days=PAST)
    compact(store)
    assert all("/date=" in name for name in live_names(store))
    fill(store, days=(TODAY,))
    compact(store)
    assert [name.split("/")[2] for name in live_names(store)] == [f"date={TODAY}", "month=2026-02"] * 2
    check(store)


def test_a_lone_file_is_left_alone(store: Store) -> None:
    receipt = put(store, "counts", make_rows("counts"))
    done = compact(store)
    assert (done.receipts, done.merged, done.written) == (1, 0, 0)
    assert Snapshot(store).files["counts"].whole == (receipt.files["counts"],)
    assert receipts_of(store) == [receipt], "its hash is still that of its receipt"
    check(store)


def test_superseded_work_is_kept_apart(store: Store) -> None:
    old = fill(store, "ab", (TODAY,))
    compact(store)
    new = fill(store, "b", (TODAY,), version=1)
    compact(store)
    found = {each.fingerprint: each for each in receipts_of(store)}
    superseded = {found[each.fingerprint].files["detections"] for each in old if each.unit == "b"}
    live = set(Snapshot(store).files["detections"].whole)
    assert len(superseded) == 2 and not superseded & live
    assert {found[each.fingerprint].files["detections"] for each in new} == live
    check(store)


@pytest.mark.slow
def test_superseded_work_that_is_set_back_is_merged_again(store: Store) -> None:
    old = fill(store, "ab", (TODAY,))
    fill(store, "b", (TODAY,), version=1)
    compact(store)
    was = contents(store, NOW)
    for each in old:
        store.reaffirm(each, "set back", NOW + 2 * HOUR)
    compact(store)
    assert contents(store) == was
    assert live_names(store) == [f"detections/camera={camera}/date={TODAY}/day" for camera in ("cam1", "cam2")]
    check(store)


@pytest.mark.slow
def test_footage_that_is_gone_is_kept_apart_and_comes_back(store: Store) -> None:
    for unit in ("s1", "s2"):
        put(store, "detections", make_rows("detections", 3, first=ord(unit[1])), unit)
    for hour, known in enumerate((["s1", "s2"], ["s1"], ["s1", "s2"], [])):
        put_scan(store, known, committed=NOW + hour * HOUR)
        before = every_moment(store)
        compact(store)
        assert every_moment(store) == before
        assert len(Snapshot(store).files.get("detections", LiveFiles()).whole) <= 1
        check(store)


def test_a_column_that_came_later_is_null_in_merged_files(store: Store) -> None:
    rows = make_rows("tracklet_points", 2)
    old, new = (put(store, "tracklet_points", rows, unit) for unit in "ab")
    path = Path(store.blobs.url, old.files["tracklet_points"])
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["detection"]), path)
    compact(store)
    files = unit_files(store.read_receipts().rows, "tracklet_points")
    assert len({file.name for file in files}) == 1
    read_again = {file.unit_tag: store.read_tables("tracklet_points", [file]) for file in files}
    assert read_again[new.unit_tag].equals(rows) and rows["detection"].null_count == 0
    assert read_again[old.unit_tag]["detection"].null_count == 2
    assert read_again[old.unit_tag].drop_columns(["detection"]).equals(rows.drop_columns(["detection"]))


def test_a_missing_source_is_named_and_nothing_changes(store: Store) -> None:
    fill(store, days=(TODAY,))
    lost = receipts_of(store)[0].files["detections"]
    store.blobs.delete([lost])
    before = at_rest(store)
    with pytest.raises(NightshiftError, match=f"detections: cannot read .*{Path(lost).name}.*`nightshift repair`"):
        compact(store)
    assert at_rest(store) == before
