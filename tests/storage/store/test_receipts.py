import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tables import TABLES
from schemas.values import Receipt
from storage.blobs.names import leads_out
from storage.store.layout import table_file
from storage.store.receipts import (
    RECEIPT_SCHEMA,
    format_of,
    from_json,
    receipt_path,
    receipts_from_rows,
    receipts_table,
    receipts_to_arrow,
    to_json,
)
from tests.storage.rows import NOW, make_receipt

_name = st.text(st.characters(codec="utf-8"), max_size=20)
_size = st.floats(0, 1e12)
_receipts = st.builds(
    Receipt,
    op=_name,
    version=st.integers(1, 1000),
    camera=_name,
    date=st.dates(date(1900, 1, 1), date(2199, 12, 31)).map(str),
    unit=_name,
    fingerprint=st.text("0123456789abcdef", min_size=1, max_size=64),
    ingredients=st.dictionaries(_name, _name, max_size=3),
    files=st.just({}),
    committed=st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)),
    run_id=_name,
    wall_s=_size,
    media_s=_size,
    stage_s=st.dictionaries(_name, _size, max_size=3),
    counters=st.dictionaries(_name | st.just("rows"), st.integers(0, 1 << 60), max_size=3),
    sha256=st.dictionaries(_name, _name, max_size=3),
)


@given(_receipts, st.lists(st.sampled_from(sorted(TABLES)), unique=True, max_size=3))
def test_json_round_trip(receipt: Receipt, tables: list[str]) -> None:
    unit = (receipt.camera, receipt.date, receipt.unit, receipt.fingerprint)
    if not leads_out(receipt.camera):
        receipt = replace(receipt, files={table: table_file(table, *unit) for table in tables})
    assert from_json(to_json(receipt)) == receipt


def test_json_does_not_depend_on_the_order_of_ingredients() -> None:
    one = replace(make_receipt(), ingredients={"a": "1", "b": "2"})
    other = replace(one, ingredients={"b": "2", "a": "1"})
    assert to_json(one) == to_json(other)


@given(_receipts, st.data())
def test_a_torn_receipt_is_never_read(receipt: Receipt, data: st.DataObject) -> None:
    content = to_json(receipt)
    with pytest.raises(ValueError):
        from_json(content[: data.draw(st.integers(0, len(content) - 1))])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 99}, "format 99"),
        ({"format": 1}, "format 1, this Nightshift reads 2"),
        ({"op": None}, "op"),
        ({"files": ["a"]}, "files"),
        ({"wall_s": "long"}, "wall_s"),
        ({"committed": "2026-03-02T22:00:00"}, "time zone"),
        ({"committed": 5}, "committed is 5, which is no time"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_json_that_is_no_receipt(change: dict[str, object], why: str) -> None:
    content = json.loads(to_json(make_receipt())) | change
    with pytest.raises(ValueError, match=why):
        from_json(json.dumps(content).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"3", b"{}", b"\xff\xfe", b"\x00" * 50])
def test_bytes_that_are_no_receipt(content: bytes) -> None:
    with pytest.raises(ValueError):
        from_json(content)


def test_path_tells_units_and_fingerprints_apart() -> None:
    paths = {
        receipt_path(make_receipt(unit=unit, fingerprint=print_))
        for unit in ("day", "a/b.mp4", "../../up", "")
        for print_ in ("f" * 64, "e" * 64)
    }
    assert len(paths) == 8
    assert all(path.count("/") == 4 and ".." not in path.split("/") for path in paths)


def test_path_of_what_holds_again_is_one_a_run() -> None:
    first, second = make_receipt(run_id="r/1"), make_receipt(run_id="r2")
    paths = {
        receipt_path(first),
        receipt_path(second),
        receipt_path(first, reaffirmed=True),
        receipt_path(second, reaffirmed=True),
    }
    assert len(paths) == 3
    assert all(path.startswith(receipt_path(first).removesuffix(".json")) for path in paths)


@given(st.lists(_receipts, max_size=4))
def test_rows_and_back(receipts: list[Receipt]) -> None:
    table = receipts_to_arrow(receipts)
    assert table.schema.equals(RECEIPT_SCHEMA)
    assert receipts_from_rows(table) == receipts
    assert table["rows"].to_pylist() == [receipt.counters.get("rows", 0) for receipt in receipts]


def test_rows_of_none() -> None:
    assert receipts_to_arrow([]).equals(RECEIPT_SCHEMA.empty_table())


def test_a_commit_in_another_zone_is_the_same_moment() -> None:
    amsterdam = timezone(timedelta(hours=1))
    receipt = replace(make_receipt(), committed=NOW.astimezone(amsterdam))
    for again in (from_json(to_json(receipt)), *receipts_from_rows(receipts_to_arrow([receipt]))):
        assert again == receipt == make_receipt()


def test_users_see_which_are_current() -> None:
    old = make_receipt({"detections": "x"}, fingerprint="a")
    new = make_receipt(fingerprint="b", committed=NOW + timedelta(seconds=1))
    table = receipts_table(receipts_to_arrow([new, old]), pa.array([True, False]))
    assert table.schema.equals(TABLES["receipts"].schema)
    rows = table.to_pylist()
    assert [(row["fingerprint"], row["current"], row["rows"]) for row in rows] == [("a", False, 7), ("b", True, 7)]
    assert json.loads(rows[0]["files"]) == {"detections": "x"}
    assert receipts_table(receipts_to_arrow([]), pa.array([], pa.bool_())).num_rows == 0


@pytest.mark.parametrize(
    ("content", "version"), [(b'{"format": 1}', 1), (b'{"format": 2, "op": ""}', 2), (b"{}", None), (b"[2]", None)]
)
def test_format(content: bytes, version: int | None) -> None:
    assert format_of(content) == version
    assert format_of(content[:-1]) is None
