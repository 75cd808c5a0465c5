import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tables import TABLES
from schemas.values import Receipt
from storage.receipts import current, files_of, from_json, receipt_path, receipts_table, to_json
from tests.storage.rows import NOW, make_receipt

_name = st.text(st.characters(codec="utf-8"), max_size=20)
_size = st.floats(0, 1e12)
_receipts = st.builds(
    Receipt,
    op=_name,
    version=st.integers(1, 1000),
    camera=_name,
    date=st.dates().map(str),
    unit=_name,
    fingerprint=st.text("0123456789abcdef", min_size=1, max_size=64),
    ingredients=st.dictionaries(_name, _name, max_size=3),
    files=st.dictionaries(_name, _name, max_size=3),
    committed=st.datetimes(timezones=st.just(UTC)),
    run_id=_name,
    wall_s=_size,
    media_s=_size,
    stage_s=st.dictionaries(_name, _size, max_size=3),
    counters=st.dictionaries(_name, st.integers(0, 1 << 60), max_size=3),
)


@given(_receipts)
def test_json_round_trip(receipt: Receipt) -> None:
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
        ({"op": None}, "op"),
        ({"files": ["a"]}, "files"),
        ({"wall_s": "long"}, "wall_s"),
        ({"committed": "2026-03-02T22:00:00"}, "time zone"),
        ({"committed": 5}, "not a receipt"),
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
    assert all(len(path.parts) == 5 and ".." not in path.parts for path in paths)


def test_current_is_the_newest_of_each_unit() -> None:
    old = make_receipt(fingerprint="b")
    new = make_receipt(fingerprint="a", committed=NOW + timedelta(seconds=1))
    other = make_receipt(unit="s1", fingerprint="c")
    for order in ([old, new, other], [other, new, old]):
        assert current(order) == [new, other]


def test_current_of_one_moment_is_decided_by_the_fingerprint() -> None:
    one, two = make_receipt(fingerprint="a"), make_receipt(fingerprint="b")
    assert current([one, two]) == current([two, one]) == [two]


def test_current_compares_moments_not_clocks() -> None:
    amsterdam = timezone(timedelta(hours=1))
    early = make_receipt(fingerprint="b", committed=datetime(2026, 3, 2, 22, 30, tzinfo=amsterdam))
    late = make_receipt(fingerprint="a", committed=datetime(2026, 3, 2, 22, 0, tzinfo=UTC))
    assert current([early, late]) == [late]


def test_files_of_a_table_leave_out_units_without_rows() -> None:
    receipts = [
        make_receipt({"detections": "b"}, unit="2"),
        make_receipt({"detections": "a", "plates": "p"}, unit="1"),
        make_receipt({}, unit="3"),
        make_receipt({"detections": ""}, unit="4"),
    ]
    assert files_of(receipts, "detections") == ["a", "b"]


def test_table_marks_what_readers_see() -> None:
    old = make_receipt({"detections": "x"}, fingerprint="a")
    new = make_receipt(fingerprint="b", committed=NOW + timedelta(seconds=1))
    table = receipts_table([new, old], [new])
    assert table.schema.equals(TABLES["receipts"].schema)
    rows = table.to_pylist()
    assert [(row["fingerprint"], row["current"], row["rows"]) for row in rows] == [("a", False, 7), ("b", True, 7)]
    assert json.loads(rows[0]["files"]) == {"detections": "x"}
    assert receipts_table([], []).num_rows == 0
