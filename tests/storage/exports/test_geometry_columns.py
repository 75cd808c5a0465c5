import pyarrow as pa

from storage.exports.geometry_columns import geometry_column, is_binary

GEOARROW = pa.field("place", pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})


def test_a_geometry_has_duckdbs_type_or_the_name() -> None:
    empty = {name: pa.nulls(0, kind) for name, kind in (("png", pa.binary()), ("geometry", pa.binary()))}
    assert geometry_column(pa.table(empty)) == "geometry"
    assert geometry_column(pa.table({"png": empty["png"], "geometry": pa.nulls(0, pa.string())})) is None
    assert geometry_column(pa.schema([pa.field("geometry", pa.string()), GEOARROW]).empty_table()) == "place"


def test_binary_types() -> None:
    assert all(map(is_binary, (pa.binary(), pa.binary(4), pa.large_binary())))
    assert not is_binary(pa.string())
