from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.tables import TABLES
from storage.store.parquet import (
    MIN_GROUP_ROWS,
    ROWS_PER_GROUP,
    add_unit_columns,
    conform_rows,
    read_units,
    write_units,
)
from tests.storage.rows import DATE, make_rows

SPEC = TABLES["detections"]
NAMES = SPEC.schema.names


def unit(tag: str, count: int = 3, first: int = 0) -> pa.Table:
    return add_unit_columns(make_rows("detections", count, first=first), SPEC, tag, DATE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Rows of three units."""
    path = tmp_path / "camera=x" / "file.parquet"
    path.parent.mkdir()
    assert write_units(path, SPEC, [unit("aa", 3), unit("bb", 4, 10), unit("cc", 5, 20)]) == 12
    return path


def read(file: Path, columns: list[str], tags: set[str] | None) -> pa.Table:
    with file.open("rb") as handle:
        return read_units(handle, columns, tags)


def unit_sizes(path: Path) -> list[int]:
    metadata = pq.read_metadata(path)
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


@pytest.mark.slow
def test_small_units_share_a_row_group_and_large_ones_do_not(tmp_path: Path) -> None:
    path = tmp_path / "big.parquet"
    small = unit("aa", 1)
    large = pa.concat_tables([unit("bb", 1)] * (ROWS_PER_GROUP + 1))
    enough = pa.concat_tables([unit("cc", 1)] * MIN_GROUP_ROWS)
    assert write_units(path, SPEC, [enough, small, large, small]) == ROWS_PER_GROUP + MIN_GROUP_ROWS + 3
    assert unit_sizes(path) == [MIN_GROUP_ROWS, ROWS_PER_GROUP, 2, 1]
    assert [read(path, ["_unit"], {tag}).num_rows for tag in ("aa", "bb", "cc")] == [
        2,
        ROWS_PER_GROUP + 1,
        MIN_GROUP_ROWS,
    ]


def test_a_unit_is_read_without_the_row_groups_of_others(tmp_path: Path) -> None:
    path = tmp_path / "units.parquet"
    units = {tag: pa.concat_tables([unit(tag, 1)] * MIN_GROUP_ROWS) for tag in ("aa", "bb")}
    write_units(path, SPEC, units.values())
    first = pq.read_metadata(path).row_group(0).column(0)
    with path.open("r+b") as content:
        content.seek(first.dictionary_page_offset or first.data_page_offset)
        content.write(b"\xff" * first.total_compressed_size)
    assert read(path, ["camera"], {"bb"}).num_rows == MIN_GROUP_ROWS
    with pytest.raises((OSError, pa.ArrowException)):
        read(path, ["camera"], {"aa"})


@pytest.mark.parametrize("tags", [{"aa"}, {"bb"}, {"aa", "cc"}, {"aa", "bb", "cc"}])
def test_rows_of_some_units(file: Path, tags: set[str]) -> None:
    units = {"aa": unit("aa", 3), "bb": unit("bb", 4, 10), "cc": unit("cc", 5, 20)}
    wanted = pa.concat_tables([units[tag] for tag in sorted(tags)])
    assert read(file, [*NAMES, "_unit", "_date"], tags).equals(wanted)
    assert read(file, ["label", "x1"], tags).equals(wanted.select(["label", "x1"]))


def test_rows_of_all_units_and_of_none(file: Path) -> None:
    assert read(file, ["_unit"], None)["_unit"].to_pylist() == ["aa"] * 3 + ["bb"] * 4 + ["cc"] * 5
    none = read(file, NAMES, {"zz"})
    assert none.num_rows == 0 and none.column_names == NAMES


def test_the_path_adds_no_columns(file: Path) -> None:
    assert read(file, ["camera"], None)["camera"].unique().to_pylist() == ["cam1"]


def test_columns_that_the_file_has_not_are_left_out_and_then_null(file: Path) -> None:
    pq.write_table(pq.ParquetFile(file).read().drop_columns(["label"]), file)
    rows = read(file, ["pts", "label"], None)
    assert rows.column_names == ["pts"]
    today = conform_rows(rows, schema_of("pts", "label"))
    assert today["label"].null_count == today.num_rows == 12


def schema_of(*names: str) -> pa.Schema:
    return pa.schema([SPEC.schema.field(name) for name in names])


def test_a_narrower_type_of_before_is_widened() -> None:
    rows = make_rows("detections").select(["pts"])
    before = rows.set_column(0, "pts", rows["pts"].cast(pa.int32()))
    assert conform_rows(before, schema_of("pts")).equals(rows)


def test_a_flipped_byte_is_an_error_and_not_another_value(tmp_path: Path) -> None:
    spec = TABLES["detections"]
    path = tmp_path / "f.parquet"
    write_units(path, spec, [add_unit_columns(make_rows("detections", 2000), spec, "a" * 16, DATE)])
    content = path.read_bytes()
    metadata = pq.read_metadata(path).row_group(0)
    # In the values of one column, where nothing else would notice.
    column = next(
        metadata.column(at) for at in range(metadata.num_columns) if metadata.column(at).path_in_schema == "x1"
    )
    last = column.data_page_offset + column.total_compressed_size - 9
    path.write_bytes(content[:last] + bytes([content[last] ^ 1]) + content[last + 1 :])
    with path.open("rb") as file, pytest.raises((OSError, pa.ArrowException), match=r"CRC|checksum"):
        read_units(file, spec.schema.names, None)
    path.write_bytes(content)
    with path.open("rb") as file:
        assert read_units(file, spec.schema.names, None).num_rows == 2000


def test_files_without_checksums_can_be_read(tmp_path: Path) -> None:
    """Stores of former versions have none."""
    spec = TABLES["detections"]
    path, old = tmp_path / "f.parquet", tmp_path / "old.parquet"
    write_units(path, spec, [add_unit_columns(make_rows("detections"), spec, "a" * 16, DATE)])
    metadata = pq.read_metadata(path).metadata
    pq.write_table(pq.read_table(path).replace_schema_metadata(metadata), old)
    with old.open("rb") as file:
        assert read_units(file, spec.schema.names, None).num_rows == 3
