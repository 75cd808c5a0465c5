"""Compaction: readers see the same before and after, and a file holds the rows of just the receipts that name it."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from schemas.errors import NightshiftError
from schemas.tables import TABLES
from schemas.values import Receipt, UnitFile
from storage.blobs import LocalBlobs
from storage.maintenance.compaction import Compaction, compact
from storage.store.live_rows import newest_receipts
from storage.store.receipts import receipt_path, receipts_from_rows, unit_files
from storage.store.snapshot import LiveFiles, Snapshot
from storage.store.store import Store
from tests.storage.rows import CAMERA, NOW, make_rows, print_of, put, put_all, put_scan
from tests.storage.watched import Between, Contents, Count, at_rest, check, contents, read, rows_in

HOUR = timedelta(hours=1)
PAST = ("2026-02-27", "2026-02-28")
TODAY = "2026-03-02"


@pytest.fixture
def store(tmp_path: Path, no_sync: None) -> Store:
    return Store(LocalBlobs(tmp_path / "store"))


def fill(store: Store, units: str = "ab", days: tuple[str, ...] = (*PAST, TODAY), version: int = 0) -> list[Receipt]:
    """Two cameras, some days, some units a day, of an op with two tables; a version is as many hours after NOW."""
    return [
        put_all(
            store,
            "detect",
            {
                "detections": make_rows("detections", 3 + version, camera, 100 * number),
                "observed_frames": make_rows("observed_frames", 2, camera, 100 * number),
            },
            unit,
            print_of(camera, day, unit, version),
            camera,
            day,
            NOW + version * HOUR,
            f"run-{version}",
        )
        for camera in ("cam1", "cam2")
        for day in days
        for number, unit in enumerate(units)
    ]


def rows_of_units(store: Store, table: str = "detections") -> dict[str, object]:
    """Rows of each committed unit, as an op that works on them is given them."""
    return {
        receipt.fingerprint: store.read_tables(table, [UnitFile(receipt.files[table], receipt.unit_tag)]).to_pydict()
        for receipt in store.receipts()
        if table in receipt.files
    }


def every_moment(store: Store) -> list[Contents]:
    """What readers see now, and as of each time that something was committed."""
    moments = sorted(set(store.read_receipts().rows["committed"].to_pylist()))
    return [contents(store), *(contents(store, until) for until in moments)]


def seen_names(store: Store, table: str = "detections") -> list[str]:
    """What readers read, with the random part of names left out."""
    snapshot = Snapshot(store)
    assert all(not files.partial for files in snapshot.files.values())
    return [name.rpartition("-")[0] for name in snapshot.files[table].whole]


def marks_at_rest(store: Store) -> set[str]:
    """The units that any file of a table has rows of, whoever names it."""
    return {row["_unit"] for name in at_rest(store) if name.partition("/")[0] in TABLES for row in rows_in(store, name)}


# Nothing changes for readers


@pytest.mark.slow
def test_readers_see_the_same_now_and_as_of_before(store: Store) -> None:
    fill(store)
    fill(store, "b", version=1)
    store.reaffirm(store.receipts(["detect"])[0], "set back", NOW + 2 * HOUR)
    before, units = every_moment(store), rows_of_units(store)
    assert len(before) == 4
    for month_rows in (0, 1_000_000):
        compact(store, month_rows=month_rows)
        assert every_moment(store) == before
        assert rows_of_units(store) == units
        check(store)


def test_receipts_are_the_same_but_for_their_files(store: Store) -> None:
    fill(store)
    fill(store, "b", version=1)

    def plain(receipts: list[Receipt]) -> list[Receipt]:
        return [replace(each, files=dict.fromkeys(each.files, ""), sha256={}) for each in receipts]

    before = plain(store.receipts())
    assert compact(store).receipts == len(before)
    assert plain(store.receipts()) == before
    assert not store.has_loose_receipts()


def test_rows_of_several_units_of_a_merged_file_are_in_order(store: Store) -> None:
    late = put(store, "detections", make_rows("detections", 3, first=10), unit="a")
    early = put(store, "detections", make_rows("detections", 3), unit="b")
    files = unit_files(store.read_receipts().rows, "detections")
    before = store.read_tables("detections", files)
    compact(store)
    files = unit_files(store.read_receipts().rows, "detections")
    assert len({file.name for file in files}) == 1 and {file.unit_tag for file in files} == {
        late.unit_tag,
        early.unit_tag,
    }
    assert store.read_tables("detections", files).equals(before)
    assert store.read_tables("detections", files, ["detection"])["detection"].to_pylist() == [0, 1, 2, 10, 11, 12]


# Files


def test_a_file_a_camera_day_and_of_past_months_a_file_a_camera(store: Store) -> None:
    fill(store)
    done = compact(store)
    assert done == Compaction(head=1, receipts=12, merged=24, written=8, deleted=0)
    for table in ("detections", "observed_frames"):
        assert seen_names(store, table) == [
            f"{table}/camera={camera}/{span}"
            for camera in ("cam1", "cam2")
            for span in (f"date={TODAY}/day", "month=2026-02/month")
        ]
    check(store)


def test_months_with_many_rows_stay_days(store: Store) -> None:
    fill(store)
    receipts = store.receipts()
    rows_a_camera = sum(
        each.counters["rows"] for each in receipts if (each.camera, each.date[:7]) == ("cam1", "2026-02")
    )
    compact(store, month_rows=rows_a_camera - 1)
    days = [f"detections/camera={camera}/date={day}/day" for camera in ("cam1", "cam2") for day in (*PAST, TODAY)]
    assert seen_names(store) == days
    compact(store, month_rows=rows_a_camera)
    assert [name for name in seen_names(store) if "month" in name] == [
        f"detections/camera={camera}/month=2026-02/month" for camera in ("cam1", "cam2")
    ]
    check(store)


def test_a_month_that_grows_too_large_becomes_days_where_it_changes(store: Store) -> None:
    fill(store)
    compact(store)
    before = contents(store)
    put(store, "detections", make_rows("detections", 5, first=900), unit="c", date=PAST[0])
    compact(store, month_rows=0)
    assert [name for name in seen_names(store) if CAMERA in name] == [
        f"detections/camera={CAMERA}/date={day}/day" for day in (*PAST, TODAY)
    ]
    assert contents(store)["detections"] > before["detections"]
    check(store)


def test_a_month_is_past_once_another_has_begun(store: Store) -> None:
    fill(store, days=PAST)
    compact(store)
    assert all("/date=" in name for name in seen_names(store))
    fill(store, days=(TODAY,))
    compact(store)
    assert [name.split("/")[2] for name in seen_names(store)] == [f"date={TODAY}", "month=2026-02"] * 2
    check(store)


def test_a_lone_file_is_left_alone(store: Store) -> None:
    receipt = put(store, "counts", make_rows("counts"))
    done = compact(store)
    assert (done.receipts, done.merged, done.written) == (1, 0, 0)
    assert Snapshot(store).files["counts"].whole == (receipt.files["counts"],)
    assert store.receipts() == [receipt], "its hash is still that of its receipt"
    check(store)


def test_superseded_work_is_kept_apart(store: Store) -> None:
    old = fill(store, "ab", (TODAY,))
    compact(store)
    new = fill(store, "b", (TODAY,), version=1)
    compact(store)
    prints = {each.fingerprint: each for each in store.receipts()}
    superseded = {prints[each.fingerprint].files["detections"] for each in old if each.unit == "b"}
    seen = set(Snapshot(store).files["detections"].whole)
    assert len(superseded) == 2 and not superseded & seen
    assert {prints[each.fingerprint].files["detections"] for each in new} == seen
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
    assert seen_names(store) == [f"detections/camera={camera}/date={TODAY}/day" for camera in ("cam1", "cam2")]
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
    lost = store.receipts()[0].files["detections"]
    store.blobs.delete([lost])
    before = at_rest(store)
    with pytest.raises(NightshiftError, match=f"detections: cannot read .*{Path(lost).name}.*`nightshift repair`"):
        compact(store)
    assert at_rest(store) == before


# Idle


def test_with_nothing_to_do_nothing_is_written(store: Store) -> None:
    fill(store)
    fill(store, "b", version=1)
    put_scan(store, ["a", "b"], committed=NOW + 2 * HOUR)
    done = compact(store)
    at = at_rest(store)
    count = Count()
    assert compact(Store(Between(store.blobs, count))) == Compaction(done.head)
    assert count.writes == 0 and count.calls["finish"] == 0
    assert at_rest(store) == at


def test_an_empty_store_is_left_as_it_is(store: Store) -> None:
    assert compact(store) == Compaction(0)
    assert not Path(store.blobs.url).exists()


def test_progress_is_told(store: Store) -> None:
    fill(store, days=(TODAY,))
    told: list[tuple[int, int]] = []
    compact(store, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 4) for number in range(1, 5)]


# Grace


def test_replaced_files_stay_for_their_time_and_go_then(store: Store) -> None:
    fill(store)
    old = {name for receipt in store.receipts() for name in receipt.files.values()}
    snapshot, seen = Snapshot(store), contents(store)
    compact(store)
    compact(store)
    assert old <= at_rest(store)
    assert read(store, snapshot) == seen
    assert compact(store, grace_h=0).deleted >= len(old)
    assert not old & at_rest(store)
    assert contents(store) == seen
    assert compact(store, grace_h=0).deleted == 0
    check(store)


def test_without_grace_they_go_at_once(store: Store) -> None:
    fill(store)
    seen = contents(store)
    old = at_rest(store)
    compact(store, grace_h=0)
    assert not old & at_rest(store)
    named = {name for receipt in store.receipts() for name in receipt.files.values()}
    head = store.manifest.head()
    assert at_rest(store) == named | {head.name} | {part.name for part in head.parts()}
    assert contents(store) == seen


def test_the_time_of_grace_is_counted_from_when_it_was_replaced(store: Store) -> None:
    fill(store, days=(TODAY,))
    first = {name for receipt in store.receipts() for name in receipt.files.values()}
    compact(store)
    since = store.manifest.retired(store.manifest.head())
    assert set(pc.unique(since["name"]).to_pylist()) == first
    fill(store, "c", (TODAY,))
    compact(store)
    again = store.manifest.retired(store.manifest.head())
    kept = again.filter(pc.is_in(again["name"], since["name"]))
    assert kept.sort_by("name").equals(since.sort_by("name"))


# Rows that are to go


@pytest.mark.slow
@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_dropped_goes_with_its_rows_at_once(store: Store, compacted: bool) -> None:
    receipts = fill(store)
    before = contents(store)
    if compacted:
        compact(store)
    goes = [each for each in receipts if each.unit == "a" and each.camera == "cam1"]
    compact(store, drop=[each.fingerprint for each in goes])
    marks = {each.unit_tag for each in goes}
    after = {
        table: Counter({row: count for row, count in rows.items() if row[-2] not in marks})
        for table, rows in before.items()
    }
    assert contents(store) == after
    assert not marks & marks_at_rest(store), "nowhere at all, not in files that were replaced before either"
    assert {each.fingerprint for each in store.receipts()} == {
        each.fingerprint for each in receipts if each not in goes
    }
    check(store)


def test_all_may_go(store: Store) -> None:
    receipts = fill(store)
    compact(store)
    compact(store, drop=[each.fingerprint for each in receipts])
    assert store.receipts() == [] and contents(store) == {}
    assert marks_at_rest(store) == set()
    compact(store, grace_h=0)
    assert {name.partition("/")[0] for name in at_rest(store)} == {"_manifest"}


def test_when_the_newest_is_dropped_the_one_before_is_seen(store: Store) -> None:
    old = fill(store, "a", (TODAY,))
    was = contents(store)
    new = fill(store, "a", (TODAY,), version=1)
    compact(store)
    compact(store, drop=[each.fingerprint for each in new])
    assert contents(store) == was
    assert {each.fingerprint for each in store.receipts()} == {each.fingerprint for each in old}
    check(store)


def test_dropping_what_is_not_there_does_nothing(store: Store) -> None:
    fill(store)
    done = compact(store)
    assert compact(store, drop=["0" * 64]) == Compaction(done.head)


def test_what_was_dropped_can_be_done_again(store: Store) -> None:
    (receipt, *_) = fill(store, "a", (TODAY,))
    was = contents(store)
    compact(store)
    compact(store, drop=[receipt.fingerprint])
    fill(store, "a", (TODAY,))
    for grace_h in (24, 0, 0):
        assert contents(store) == was
        check(store)
        compact(store, grace_h=grace_h)
    assert contents(store) == was


# Work that is delivered twice


def test_a_late_worker_shows_nothing_double(store: Store) -> None:
    receipts = fill(store, "ab", (TODAY,))
    before, units = every_moment(store), rows_of_units(store)
    compact(store)
    late = fill(store, "a", (TODAY,))
    assert all(each not in receipts for each in late), "the loose receipt was gone, so that it could commit"
    assert every_moment(store) == before and rows_of_units(store) == units
    assert len(store.receipts()) == len(receipts)
    check(store)
    compact(store)
    assert every_moment(store) == before and rows_of_units(store) == units
    assert len(store.receipts()) == len(receipts)
    check(store)


def test_a_late_worker_of_another_run_shows_nothing_double(store: Store) -> None:
    fill(store, "ab", (TODAY,))
    seen, units = contents(store), rows_of_units(store)
    compact(store)
    (receipt, *_) = store.receipts()
    rows = make_rows("detections", 3)
    put(store, "detections", rows, "a")  # another op, so that the camera-day changes as well
    put_all(store, "detect", {"detections": rows}, "a", receipt.fingerprint, run_id="late", committed=NOW + HOUR)
    for _ in range(2):
        assert contents(store)["observed_frames"] == seen["observed_frames"]
        assert {print_: units[print_] for print_ in units} == {print_: rows_of_units(store)[print_] for print_ in units}
        check(store)
        compact(store)


def test_of_two_torn_apart_commits_one_is_seen(store: Store) -> None:
    """A torn receipt makes workers commit beside it: both of two may."""
    asked = put(store, "counts", make_rows("counts"))
    store.blobs.write(receipt_path(asked), b"{")
    two = [put(store, "counts", make_rows("counts"), run_id=run) for run in ("r1", "r2")]
    assert two[0].files != two[1].files
    for _ in range(2):
        assert sum(contents(store)["counts"].values()) == 3
        assert len({each.files["counts"] for each in store.receipts()}) == 1
        compact(store)


def test_receipts_keep_the_date_and_unit_of_their_rows(store: Store) -> None:
    fill(store)
    compact(store)
    newest = receipts_from_rows(newest_receipts(store.read_receipts().rows))
    for receipt in newest:
        rows = rows_in(store, receipt.files["detections"])
        days = {row["_date"] for row in rows if row["_unit"] == receipt.unit_tag}
        assert days == {date.fromisoformat(receipt.date)}
