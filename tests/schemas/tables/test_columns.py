"""Columns of every table: times are in UTC."""

import pyarrow as pa
import pytest

from schemas.tables import TABLES, TableSpec

SPECS = pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)


@SPECS
def test_times_are_in_utc_to_the_microsecond(spec: TableSpec) -> None:
    for field in spec.columns:
        if pa.types.is_timestamp(field.type):
            assert field.type == pa.timestamp("us", tz="UTC"), f"{spec.name}.{field.name}"
