"""Every table of the store is described, sorted by what names its rows, and refuses what does not fit."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tables import TABLES, Privacy, TableSpec

SPECS = pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): st.text(max_size=4),
    pa.bool_(): st.booleans(),
    pa.binary(): st.binary(max_size=4),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False),
    pa.timestamp("us", tz="UTC"): st.datetimes(datetime(1971, 1, 1), timezones=st.just(UTC)),
}


def rows_of(spec: TableSpec) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows that fit a table."""
    values = {
        field.name: st.one_of(st.none(), VALUES[field.type]) if field.nullable else VALUES[field.type]
        for field in spec.columns
    }
    return st.lists(st.fixed_dictionaries(values), max_size=4)


def texts(row: dict[str, Any]) -> list[str]:
    """A row that can be sorted and compared, whatever its types: times of two libraries differ in repr only."""
    return [f"{name}={value}" for name, value in sorted(row.items())]


def columns_of(spec: TableSpec, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in spec.schema.names}


@SPECS
def test_every_column_says_what_it_means(spec: TableSpec) -> None:
    names = [field.name for field in spec.columns]
    assert len(set(names)) == len(names)
    assert spec.summary.endswith(".")
    for field in spec.columns:
        assert field.metadata[b"meaning"], f"{spec.name}.{field.name}"
        assert b"unit" in field.metadata
        assert field.type in VALUES, f"{spec.name}.{field.name} has an unusual type {field.type}"
        if not pa.types.is_string(field.type) and field.name.endswith(("_s", "_m", "_px", "_deg", "_bytes")):
            assert field.metadata[b"unit"], f"{spec.name}.{field.name} names a unit but has none"


@SPECS
def test_key_and_order_are_columns_that_are_never_null(spec: TableSpec) -> None:
    assert spec.key and spec.order
    for name in spec.key:
        assert not spec.schema.field(name).nullable, f"{spec.name}.{name} is part of the key"
    assert set(spec.order) <= set(spec.schema.names)


@SPECS
def test_the_schema_carries_name_version_and_privacy(spec: TableSpec) -> None:
    metadata = spec.schema.metadata
    assert metadata[b"nightshift.table"] == spec.name.encode()
    assert metadata[b"nightshift.version"] == str(spec.version).encode()
    assert Privacy(metadata[b"nightshift.privacy"].decode()) is spec.privacy
    assert spec.empty().schema.equals(spec.schema, check_metadata=True)


@pytest.mark.slow
@SPECS
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_rows_come_back_as_they_were_sorted(spec: TableSpec, data: st.DataObject) -> None:
    rows = data.draw(rows_of(spec))
    table = spec.conform(columns_of(spec, rows))
    assert table.schema.equals(spec.schema, check_metadata=True)
    assert sorted(map(texts, table.to_pylist())) == sorted(map(texts, rows))
    places = [tuple(row[name] for name in spec.order) for row in table.to_pylist()]
    assert places == sorted(places)


def test_rows_are_sorted_by_the_tables_order() -> None:
    spec = TABLES["segments"]
    assert spec.order == ("start_time",)
    late, early = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    columns: dict[str, list[Any]] = {
        field.name: ["", ""] if field.type == pa.string() else [0, 0] for field in spec.columns
    }
    columns |= {"start_time": [late, early], "end_time": [late, late]}
    assert spec.conform(columns)["start_time"].to_pylist() == [early, late]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"camera": ["a"], "colour": ["red"]}, "has no column \\['colour'\\]"),
        ({"camera": ["a"]}, "cameras.name may not be null, 1 of 1 rows are"),
        ({"camera": [None]}, "cameras.camera may not be null"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TABLES["cameras"].conform(columns)


def test_values_that_do_not_convert_are_refused() -> None:
    full = {"camera": ["a"], "name": ["a"], "timezone": ["UTC"], "fixed": ["maybe"], "calibrated": [True]}
    with pytest.raises(pa.ArrowInvalid):
        TABLES["cameras"].conform(full)
