import errno
import os
from collections.abc import Callable
from datetime import UTC, date, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import NightshiftError, StoreFull
from schemas.tables import TABLES, TableSpec
from schemas.values import UnitFile
from storage.maintenance.compaction import compact
from storage.store.store import Store
from tests.storage.rows import (
    CAMERA,
    DATE,
    NOW,
    make_rows,
    print_of,
    put,
    receipts_of,
    root_of,
    rows_of,
    write,
    write_unit,
)


def values_of(kind: pa.DataType) -> st.SearchStrategy[object]:
    """Values of an Arrow type, its extremes among them."""
    if pa.types.is_string(kind):
        return st.text(st.characters(codec="utf-8"), max_size=12)
    if pa.types.is_timestamp(kind):
        return st.datetimes(timezones=st.just(UTC))
    if pa.types.is_binary(kind):
        return st.binary(max_size=40)
    if pa.types.is_boolean(kind):
        return st.booleans()
    if pa.types.is_floating(kind):
        return st.floats(width=kind.bit_width, allow_nan=False)
    return st.integers(-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)


@st.composite
def tables_of(draw: st.DrawFn, spec: TableSpec) -> pa.Table:
    """Rows that fit a table."""
    rows = draw(st.integers(0, 4))
    columns = {}
    for field in spec.columns:
        values = st.just(CAMERA) if field.name == "camera" else values_of(field.type)
        values = st.none() | values if field.nullable else values
        columns[field.name] = draw(st.lists(values, min_size=rows, max_size=rows))
    return spec.conform(columns)


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read(name: str, data: st.DataObject) -> None:
    spec = TABLES[name]
    first, second = data.draw(tables_of(spec)), data.draw(tables_of(spec))
    with TemporaryDirectory() as folder:
        store = Store.create(Path(folder))
        files = [write_unit(store, name, rows, unit) for unit, rows in (("1", first), ("2", second))]
        assert [bool(file.name) for file in files] == [bool(first), bool(second)]
        assert store.read_tables(name, files[:1]).equals(first, check_metadata=True)
        assert store.read_tables(name, files).equals(spec.conform(pa.concat_tables([first, second])))


# Tables


def test_a_file_says_camera_date_unit_and_fingerprint_in_its_path(store: Store) -> None:
    file = write(store, "detections", make_rows("detections"), unit="abc-0001")
    folder, name = file.rsplit("/", 1)
    assert folder == "detections/camera=cam1/date=2026-03-02"
    assert name.startswith(f"abc-0001-{print_of('detections', 'abc-0001')[:12]}-")
    assert write(store, "detections", make_rows("detections"), unit="abc-0001") != file


def test_a_unit_that_is_a_path_stays_in_its_folder(store: Store) -> None:
    file = write(store, "footage", make_rows("footage"), unit="../../a b.mp4")
    assert (root_of(store) / file).resolve().parent == root_of(store).resolve() / "footage/camera=cam1/date=2026-03-02"


def test_no_rows_make_no_file(store: Store) -> None:
    empty = TABLES["detections"].empty()
    written = store.write_table("detections", empty, camera=CAMERA, date=DATE, unit="day", fingerprint="f" * 64)
    assert written == ("", "")
    assert not (root_of(store) / "detections").exists()


def test_files_carry_schema_and_statistics(store: Store) -> None:
    file = write(store, "detections", make_rows("detections", 10))
    with pq.ParquetFile(root_of(store) / file) as parquet:
        assert parquet.schema_arrow.metadata[b"nightshift.table"] == b"detections"
        group = parquet.metadata.row_group(0)
        times = group.column(TABLES["detections"].schema.get_field_index("time"))
        assert times.compression == "ZSTD"
        assert (times.statistics.min, times.statistics.max) == (NOW, NOW + timedelta(microseconds=9))


def test_rows_say_which_unit_wrote_them_and_the_local_date_of_it(store: Store) -> None:
    unit = write_unit(store, "detections", make_rows("detections", 4))
    with pq.ParquetFile(root_of(store) / unit.name) as parquet:
        rows = parquet.read()
    assert rows.column_names[-2:] == ["_unit", "_date"]
    assert rows["_unit"].to_pylist() == [unit.unit_tag] * 4
    assert rows["_date"].to_pylist() == [date(2026, 3, 2)] * 4


def test_the_hash_given_is_that_of_the_file(store: Store) -> None:
    rows = make_rows("detections")
    file, digest = store.write_table("detections", rows, camera=CAMERA, date=DATE, unit="day", fingerprint="f" * 64)
    assert digest == sha256((root_of(store) / file).read_bytes()).hexdigest()


def test_the_same_rows_give_the_same_bytes(store: Store) -> None:
    files = [write(store, "tracks", make_rows("tracks", 50)) for _ in range(2)]
    one, other = ((root_of(store) / file).read_bytes() for file in files)
    assert one == other


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.drop_columns(["pts"]), "pts"),
        (lambda rows: rows.append_column("extra", pa.nulls(len(rows))), "extra"),
        (
            lambda rows: rows.set_column(0, "camera", pa.array(["other"] * len(rows))).cast(rows.schema),
            "another camera",
        ),
        (lambda rows: rows.set_column(3, "pts", rows["pts"].cast(pa.int32())), "pts"),
        (lambda rows: rows.select(rows.column_names[::-1]), "order"),
    ],
)
def test_rows_that_do_not_fit_are_refused(store: Store, change: Callable[[pa.Table], pa.Table], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        write(store, "detections", change(make_rows("detections")))
    assert not (root_of(store) / "detections").exists()


def test_nulls_where_none_may_be_are_refused(store: Store) -> None:
    spec = TABLES["detections"]
    arrays = [
        pa.nulls(1, field.type) if field.name == "label" else make_rows("detections", 1)[field.name]
        for field in spec.columns
    ]
    with pytest.raises(ValueError, match=r"detections\.label may not be null"):
        write(store, "detections", pa.Table.from_arrays(arrays, schema=spec.schema))


def test_rows_are_sorted_on_the_way_in(store: Store) -> None:
    rows = make_rows("detections", 20)
    unit = write_unit(store, "detections", rows.take(list(range(19, -1, -1))))
    assert store.read_tables("detections", [unit]).equals(rows)


def test_reading_sorts_over_files_and_keeps_the_columns_asked_for(store: Store) -> None:
    late, early = make_rows("detections", 3, first=10), make_rows("detections", 3)
    files = [write_unit(store, "detections", rows, unit) for unit, rows in (("1", late), ("2", early))]
    table = store.read_tables("detections", [UnitFile("", "0" * 16), *files], ["x1", "detection"])
    assert table.column_names == ["x1", "detection"]
    assert table["detection"].to_pylist() == [0, 1, 2, 10, 11, 12]


def test_reading_no_files_gives_the_right_columns(store: Store) -> None:
    assert store.read_tables("tracks", []).equals(TABLES["tracks"].empty(), check_metadata=True)
    assert store.read_tables("tracks", [UnitFile("", "")], ["label"]).schema.names == ["label"]


def test_a_column_that_came_later_is_null_in_old_files(store: Store) -> None:
    rows = make_rows("tracklet_points", 4)
    unit = write_unit(store, "tracklet_points", rows)
    path = root_of(store) / unit.name
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["detection"]), path)
    assert store.read_tables("tracklet_points", [unit])["detection"].null_count == 4


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: os.truncate(path, 300)])
def test_a_missing_or_torn_file_is_named(store: Store, harm: Callable[[Path], object]) -> None:
    unit = write_unit(store, "detections", make_rows("detections", 100))
    harm(root_of(store) / unit.name)
    with pytest.raises(NightshiftError, match=f"detections: cannot read .*{Path(unit.name).name}"):
        store.read_tables("detections", [unit])


# A disk that fills up


class _FullDisk:
    """Lets so many calls to the disk pass, and then fails them all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, passes: int) -> None:
        self.left = passes
        for owner, name in ((os, "fsync"), (os, "link"), (Path, "open"), (Path, "mkdir"), (Path, "replace")):
            monkeypatch.setattr(owner, name, self._guard(getattr(owner, name)))

    def _guard(self, call: Callable[..., object]) -> Callable[..., object]:
        def guarded(*args: object, **kwargs: object) -> object:
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return call(*args, **kwargs)

        return guarded


def test_a_full_disk_at_any_point_leaves_a_unit_whole_or_absent(store: Store) -> None:
    rows = make_rows("detections", 30)
    outcomes = []
    for passes in range(30):
        unit = f"s{passes}"
        with pytest.MonkeyPatch.context() as monkeypatch:
            _FullDisk(monkeypatch, passes)
            try:
                put(store, "detections", rows, unit=unit)
            except StoreFull as error:
                assert "free some space" in str(error)
        found = [receipt for receipt in receipts_of(store) if receipt.unit == unit]
        outcomes.append(bool(found))
        for receipt in found:
            assert rows_of(store, receipt).equals(rows)
    assert not list(root_of(store).rglob(".*"))
    assert outcomes == sorted(outcomes)  # once it fits, it is there
    assert outcomes[0] is False and outcomes[-1] is True


def test_a_disk_that_fills_while_rows_are_written_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(StoreFull, match=r"detections.*free some space"):
        write(store, "detections", make_rows("detections"))
    assert not [path for path in (root_of(store) / "detections").rglob("*") if path.is_file()]


def test_the_units_of_an_op_on_a_camera_are_known_before_and_after_a_compaction(store: Store) -> None:
    assert store.committed_units("detections", CAMERA).to_pylist() == []
    for unit in ("s1", "s2"):
        put(store, "detections", make_rows("detections"), unit=unit)
    put(store, "tracks", make_rows("tracks"), unit="s3")
    put(store, "detections", make_rows("detections", camera="cam2"), unit="s4", camera="cam2")
    assert sorted(store.committed_units("detections", CAMERA).to_pylist()) == ["s1", "s2"]
    compact(store)
    put(store, "detections", make_rows("detections"), unit="s5")
    assert sorted(store.committed_units("detections", CAMERA).to_pylist()) == ["s1", "s2", "s5"]
