from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.values import Receipt, UnitFile
from storage.blobs import LocalBlobs
from storage.store.layout import folder_of
from storage.store.live_rows import is_live, newest_receipts
from storage.store.receipts import files_of, receipts_from_rows, receipts_to_arrow, unit_files
from storage.store.store import Store
from tests.storage.rows import CAMERA, DATE, NOW, make_receipt, put_scan

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(LocalBlobs(tmp_path / "store"))


def newest(receipts: list[Receipt]) -> set[str]:
    return {receipt.fingerprint for receipt in receipts_from_rows(newest_receipts(receipts_to_arrow(receipts)))}


def live(store: Store, receipts: list[Receipt]) -> list[bool]:
    table = pa.concat_tables([receipts_to_arrow(receipts), store.read_receipts().rows])
    found: list[bool] = is_live(store, table).to_pylist()
    return found[: len(receipts)]


# The newest of each unit


def test_newest_of_each_unit() -> None:
    old = make_receipt(fingerprint="b")
    new = make_receipt(fingerprint="a", committed=NOW + timedelta(seconds=1))
    other = make_receipt(unit="s1", fingerprint="c")
    for order in ([old, new, other], [other, new, old]):
        assert newest(order) == {"a", "c"}
    assert newest([]) == set()


@pytest.mark.parametrize("change", [{"op": "track"}, {"camera": "cam2"}, {"date": "2026-03-03"}, {"unit": "s1"}])
def test_what_makes_a_unit_another(change: dict[str, str]) -> None:
    receipts = [make_receipt(fingerprint="a"), make_receipt(fingerprint="b", committed=NOW + HOUR, **change)]
    assert newest(receipts) == {"a", "b"}


def test_of_one_moment_the_fingerprint_decides() -> None:
    one, two = make_receipt(fingerprint="a"), make_receipt(fingerprint="b")
    assert newest([one, two]) == newest([two, one]) == {"b"}


def test_moments_count_not_clocks() -> None:
    amsterdam = timezone(timedelta(hours=1))
    early = make_receipt(fingerprint="b", committed=datetime(2026, 3, 2, 22, 30, tzinfo=amsterdam))
    late = make_receipt(fingerprint="a", committed=datetime(2026, 3, 2, 22, 0, tzinfo=UTC))
    assert newest([early, late]) == {"a"}


def test_reaffirmed_work_is_live_once(store: Store) -> None:
    first, other = make_receipt(fingerprint="a"), make_receipt(fingerprint="b", committed=NOW + HOUR)
    again = make_receipt(fingerprint="a", committed=NOW + 2 * HOUR, run_id="later")
    assert live(store, [first, other, again]) == [False, False, True]


# Of footage that the last scan knows


def test_without_a_scan_all_footage_is_known(store: Store) -> None:
    assert live(store, [make_receipt(unit="s1"), make_receipt(unit="day")]) == [True, True]
    assert live(store, []) == []


def test_units_of_segments_footage_and_days_that_the_scan_knows(store: Store) -> None:
    put_scan(store, ["s1"])
    assert live(store, [make_receipt(unit=unit) for unit in ("s1", "day", "s2")]) == [True, True, False]
    assert live(store, [make_receipt(camera="cam2", unit=unit) for unit in ("s1", "day")]) == [False, False]
    assert live(store, [make_receipt(date="2026-03-03", unit=unit) for unit in ("s1", "day")]) == [False, False]


def test_the_newest_scan_of_a_day_counts(store: Store) -> None:
    put_scan(store, ["s1", "s2"])
    put_scan(store, ["s3"], date="2026-03-03")
    units = [make_receipt(unit="s1"), make_receipt(unit="s2"), make_receipt(unit="s3", date="2026-03-03")]
    assert live(store, units) == [True, True, True]
    put_scan(store, ["s2"], committed=NOW + HOUR)
    assert live(store, units) == [False, True, True]
    put_scan(store, [], committed=NOW + 2 * HOUR)
    assert live(store, [*units, make_receipt(unit="day")]) == [False, False, True, False]


def test_a_scan_that_finds_nothing_hides_everything(store: Store) -> None:
    put_scan(store, [])
    assert live(store, [make_receipt(unit="s1"), make_receipt(unit="day")]) == [False, False]


def test_scans_are_live_themselves(store: Store) -> None:
    put_scan(store, ["s1"])
    put_scan(store, [], committed=NOW + HOUR)
    assert sorted(is_live(store, store.read_receipts().rows).to_pylist()) == [False, True]


# Files


def test_files_that_receipts_name() -> None:
    """Those of their own table, camera and date: no others are read, rewritten or deleted, whatever a receipt says."""
    detections = folder_of("detections", CAMERA, DATE)
    merged = f"{folder_of('backgrounds', CAMERA, DATE[:7])}/month-p.parquet"
    one, other = f"{detections}/a.parquet", f"{detections}/b.parquet"
    receipts = [
        make_receipt({"detections": other, "tracks": ""}, unit="2", fingerprint="b" * 64),
        make_receipt({}, unit="3"),
        make_receipt({"detections": one, "backgrounds": merged}, unit="1", fingerprint="a" * 64),
        make_receipt({"detections": merged, "backgrounds": one}, unit="4"),
        make_receipt({"detections": "../archive/f.parquet"}, unit="5"),
        make_receipt({"detections": f"{detections}/../../../../f.parquet"}, unit="6"),
        make_receipt({"detections": f"{detections}/f.mp4"}, unit="7"),
        make_receipt({"detections": one}, unit="8", camera="cam2"),
    ]
    rows = files_of(receipts_to_arrow(receipts), pa.array([True, True, False, *[True] * 5])).to_pylist()
    common = {"camera": CAMERA, "date": DATE, "rows": 7}
    assert sorted(rows, key=lambda row: str(row["name"])) == [
        common | {"table": "backgrounds", "name": merged, "unit_tag": "a" * 16, "live": False, "number": 2},
        common | {"table": "detections", "name": one, "unit_tag": "a" * 16, "live": False, "number": 2},
        common | {"table": "detections", "name": other, "unit_tag": "b" * 16, "live": True, "number": 0},
    ]


def test_unit_files_are_locations_of_rows() -> None:
    file = f"{folder_of('detections', CAMERA, DATE)}/b.parquet"
    receipts = [
        make_receipt({"detections": file}, unit="2", fingerprint="b" * 64),
        make_receipt({"tracks": f"{folder_of('tracks', CAMERA, DATE)}/t.parquet"}, unit="3"),
        make_receipt({"detections": ""}, unit="4"),
    ]
    assert unit_files(receipts_to_arrow(receipts), "detections") == [UnitFile(file, "b" * 16)]
