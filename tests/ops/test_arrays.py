"""Columns become arrays and back without losing a microsecond, and runs are found where they begin."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ops.arrays import (
    datetime_us,
    encode_column,
    float_columns,
    iso_time,
    latest_in_run,
    pairs_after,
    run_starts,
    times_us,
)
from schemas.tables import TIME


@given(st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)), max_size=5))
def test_times_are_exact_to_the_microsecond(moments: list[datetime]) -> None:
    moments = [moment.replace(tzinfo=UTC) for moment in moments]
    table = pa.table({"time": pa.array(moments, TIME)})
    assert times_us(table).tolist() == [datetime_us(moment) for moment in moments]


def test_a_time_is_written_to_the_millisecond() -> None:
    assert iso_time(datetime_us(datetime(2026, 3, 1, 2, 30, 0, 123456, UTC))) == "2026-03-01T02:30:00.123+00:00"


def test_columns_become_numbers_and_nulls_become_nan() -> None:
    table = pa.table({"a": [1, 2], "b": [0.5, None]})
    np.testing.assert_array_equal(float_columns(table, ["a", "b"]), [[1, 0.5], [2, np.nan]])


@given(st.lists(st.sampled_from(["hall", "yard", "attic"])))
def test_texts_are_numbered_in_alphabetical_order(texts: list[str]) -> None:
    names, codes = encode_column(pa.table({"name": pa.chunked_array([texts[:2], texts[2:]], pa.string())}), "name")
    assert list(names) == sorted(set(texts))
    assert [names[code] for code in codes] == texts


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans())))
def test_the_latest_index_stays_within_its_run(elements: list[tuple[int, bool]]) -> None:
    first = run_starts(np.array([value for value, _ in elements], np.int64))
    index = np.array([number if known else -1 for number, (_, known) in enumerate(elements)], np.int64)
    latest = -1
    for number, found in enumerate(latest_in_run(index, first).tolist()):
        latest = index[number] if index[number] >= 0 else -1 if first[number] else latest
        assert found == latest


@given(st.lists(st.integers(0, 30), max_size=8), st.lists(st.integers(0, 30), max_size=8), st.integers(0, 10))
def test_pairs_after_are_all_pairs_in_reach(ends: list[int], begins: list[int], most: int) -> None:
    before, after = pairs_after(np.array(ends, np.int64), np.array(begins, np.int64), most)
    expected = {(a, b) for a, end in enumerate(ends) for b, begin in enumerate(begins) if 0 < begin - end <= most}
    assert sorted(zip(before.tolist(), after.tolist(), strict=True)) == sorted(expected)
