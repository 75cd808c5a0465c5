from datetime import UTC, datetime

import pyarrow as pa

from storage.store.layout import merged_file, table_file
from storage.store.receipt_checks import foreign_file, plausible_receipts
from storage.store.receipts import receipts_to_arrow
from tests.storage.rows import CAMERA, DATE, make_receipt


def test_which_rows_of_the_manifest_are_plausible() -> None:
    years = [1, 1899, 1900, 2026, 2199, 2200, 9999]
    receipts = [make_receipt(unit=str(year), committed=datetime(year, 6, 1, tzinfo=UTC)) for year in years]
    dates = ["1899-12-31", "9999-12-31", "2026-3-1", "2026-03-01x", "-026-03-01", "", "../x"]
    receipts += [make_receipt(unit=date, date=date) for date in dates]
    table = receipts_to_arrow(receipts)
    assert plausible_receipts(table)["unit"].to_pylist() == ["1900", "2026", "2199"]
    beyond = pa.array([2**62], pa.int64()).cast(table.schema.field("committed").type)  # year 148106
    table = table.slice(3, 1).set_column(table.schema.get_field_index("committed"), "committed", beyond)
    assert plausible_receipts(table).num_rows == 0


def test_files_of_a_receipt_are_those_that_the_store_names_for_it() -> None:
    unit = {"camera": CAMERA, "date": DATE, "unit": "a/b", "fingerprint": "f" * 64}
    own = table_file("detections", *unit.values())
    merged = merged_file("tracks", CAMERA, DATE), merged_file("tracks", CAMERA, DATE[:7])
    for files in ({}, {"detections": own}, {"detections": ""}, {"tracks": merged[0]}, {"tracks": merged[1]}):
        assert foreign_file({**unit, "files": files}) is None
    for name in (own[:-1], own.replace("detections", "tracks"), own.replace(DATE, "2026-03-03"), f"/{own}", f"./{own}"):
        assert foreign_file({**unit, "files": {"tracks": merged[0], "detections": name}}) == name
    assert foreign_file({**unit, "files": {"nothing": own.replace("detections", "nothing")}})
    assert foreign_file({**unit, "unit": "a", "files": {"detections": own}}) == own
    assert foreign_file({**unit, "fingerprint": "e" * 64, "files": {"detections": own}}) == own
