import errno
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import NightshiftError, SiteError, StoreFull
from schemas.tables import TABLES, TableSpec
from schemas.values import Receipt
from storage.receipts import current, receipt_path, to_json
from storage.store import Store
from tests.storage.rows import CAMERA, DATE, NOW, make_receipt, make_rows, put

DAY_AGO_S = 25 * 3600


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def write(store: Store, name: str, rows: pa.Table, unit: str = "day") -> str:
    return store.write_table(name, rows, camera=CAMERA, date=DATE, unit=unit, fingerprint="0123456789abcdef")


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
        files = [write(store, name, rows) for rows in (first, second)]
        assert [bool(file) for file in files] == [bool(first), bool(second)]
        assert store.read_tables(name, files[:1]).equals(first, check_metadata=True)
        assert store.read_tables(name, files).equals(spec.conform(pa.concat_tables([first, second])))


# Tables


def test_a_file_says_camera_date_unit_and_fingerprint_in_its_path(store: Store) -> None:
    file = write(store, "detections", make_rows("detections"), unit="abc-0001")
    folder, name = file.rsplit("/", 1)
    assert folder == "detections/camera=cam1/date=2026-03-02"
    assert name.startswith("abc-0001-0123456789ab-")
    assert write(store, "detections", make_rows("detections"), unit="abc-0001") != file


def test_a_unit_that_is_a_path_stays_in_its_folder(store: Store) -> None:
    file = write(store, "footage", make_rows("footage"), unit="../../a b.mp4")
    assert (store.root / file).resolve().parent == store.root.resolve() / "footage/camera=cam1/date=2026-03-02"


def test_no_rows_make_no_file(store: Store) -> None:
    assert write(store, "detections", TABLES["detections"].empty()) == ""
    assert not (store.root / "detections").exists()


def test_files_carry_schema_order_and_statistics(store: Store) -> None:
    file = write(store, "detections", make_rows("detections", 10))
    with pq.ParquetFile(store.root / file) as parquet:
        assert parquet.schema_arrow.metadata[b"nightshift.table"] == b"detections"
        group = parquet.metadata.row_group(0)
        times = group.column(TABLES["detections"].schema.get_field_index("time"))
        assert times.compression == "ZSTD"
        assert (times.statistics.min, times.statistics.max) == (NOW, NOW + timedelta(microseconds=9))
        assert [column.column_index for column in group.sorting_columns] == [2, 4]


def test_the_same_rows_give_the_same_bytes(store: Store) -> None:
    files = [write(store, "tracks", make_rows("tracks", 50)) for _ in range(2)]
    one, other = ((store.root / file).read_bytes() for file in files)
    assert one == other


@pytest.mark.parametrize(
    ("spoil", "why"),
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
def test_rows_that_do_not_fit_are_refused(store: Store, spoil: Callable[[pa.Table], pa.Table], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        write(store, "detections", spoil(make_rows("detections")))
    assert not (store.root / "detections").exists()


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
    file = write(store, "detections", rows.take(list(range(19, -1, -1))))
    assert store.read_tables("detections", [file]).equals(rows)


def test_reading_sorts_over_files_and_keeps_the_columns_asked_for(store: Store) -> None:
    late, early = make_rows("detections", 3, first=10), make_rows("detections", 3)
    files = [write(store, "detections", rows) for rows in (late, early)]
    table = store.read_tables("detections", ["", *files], ["x1", "detection"])
    assert table.column_names == ["x1", "detection"]
    assert table["detection"].to_pylist() == [0, 1, 2, 10, 11, 12]


def test_reading_no_files_gives_the_right_columns(store: Store) -> None:
    assert store.read_tables("tracks", []).equals(TABLES["tracks"].empty(), check_metadata=True)
    assert store.read_tables("tracks", [""], ["label"]).schema.names == ["label"]


def test_a_column_that_came_later_is_null_in_old_files(store: Store) -> None:
    rows = make_rows("tracklet_points", 4)
    file = write(store, "tracklet_points", rows)
    pq.write_table(rows.drop_columns(["detection"]), store.root / file)
    assert store.read_tables("tracklet_points", [file])["detection"].null_count == 4


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: os.truncate(path, 300)])
def test_a_missing_or_torn_file_is_named(store: Store, harm: Callable[[Path], object]) -> None:
    file = write(store, "detections", make_rows("detections", 100))
    harm(store.root / file)
    with pytest.raises(NightshiftError, match=f"detections: cannot read .*{Path(file).name}"):
        store.read_tables("detections", [file])


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
        seen = [receipt for receipt in store.receipts() if receipt.unit == unit]
        outcomes.append(bool(seen))
        for receipt in seen:
            assert store.read_tables("detections", [receipt.files["detections"]]).equals(rows)
    assert not list(store.root.rglob(".*"))
    assert outcomes == sorted(outcomes)  # once it fits, it is there
    assert outcomes[0] is False and outcomes[-1] is True


def test_a_disk_that_fills_while_rows_are_written_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(StoreFull, match=r"detections.*free some space"):
        write(store, "detections", make_rows("detections"))
    assert not [path for path in (store.root / "detections").rglob("*") if path.is_file()]


# Receipts


def test_only_what_is_committed_is_there(store: Store) -> None:
    file = write(store, "detections", make_rows("detections"))
    assert store.receipts() == []
    receipt = make_receipt({"detections": file})
    assert store.commit(receipt) == receipt
    assert store.receipts() == [receipt]


def test_receipts_of_some_ops(store: Store) -> None:
    for op in ("detect", "track", "scan"):
        store.commit(make_receipt(op=op))
    assert [receipt.op for receipt in store.receipts(["track", "scan", "link"])] == ["scan", "track"]
    assert len(store.receipts()) == 3
    assert store.receipts([]) == []


def test_of_the_same_work_done_twice_the_first_stays(store: Store) -> None:
    rows = make_rows("detections")
    first = put(store, "detections", rows)
    second = put(store, "detections", rows, committed=NOW + timedelta(hours=1))
    assert second == first
    assert store.receipts() == [first]
    assert [store.relative(path) for path in store.root.rglob("*.parquet")] == [first.files["detections"]]


def test_a_receipt_that_is_delivered_twice_keeps_its_files(store: Store) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    assert store.commit(receipt) == receipt
    assert store.read_tables("detections", [receipt.files["detections"]]).num_rows == 3


def _contend(root: Path, number: int, start: Barrier) -> None:
    start.wait()
    put(Store(root), "detections", make_rows("detections", 50), committed=NOW + timedelta(seconds=number))


def test_two_processes_commit_the_same_unit_once(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    workers = [context.Process(target=_contend, args=(store.root, number, start)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    (receipt,) = store.receipts()
    assert [store.relative(path) for path in store.root.rglob("*.parquet")] == [receipt.files["detections"]]
    assert store.read_tables("detections", [receipt.files["detections"]]).num_rows == 50


@pytest.mark.parametrize("content", [b"", b'{"format": 1, "op": "det', b"\x00" * 400])
def test_a_torn_receipt_is_told_and_its_unit_can_be_done_again(store: Store, content: bytes) -> None:
    whole = put(store, "detections", make_rows("detections"), unit="whole")
    torn = store.root / receipt_path(make_receipt(op="detections"))
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_bytes(content)
    assert store.receipts() == [whole]
    (problem,) = store.problems
    assert str(torn) in problem

    again = put(store, "detections", make_rows("detections"))
    assert sorted(receipt.unit for receipt in store.receipts()) == ["day", "whole"]
    assert store.problems == ()
    assert store.read_tables("detections", [again.files["detections"]]).num_rows == 3


def test_an_unreadable_receipt_is_told(store: Store) -> None:
    path = store.root / receipt_path(make_receipt())
    path.parent.mkdir(parents=True)
    path.symlink_to(path)  # cannot be opened, by root either
    assert store.receipts() == []
    assert len(store.problems) == 1


def test_hidden_and_foreign_files_are_no_receipts(store: Store) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    folder = (store.root / receipt_path(receipt)).parent
    (folder / ".tmp-0123").write_bytes(b"half")
    (folder / ".tmp-0123.json").write_bytes(b"half")
    (folder / "README.txt").write_bytes(b"hello")
    assert store.receipts() == [receipt]
    assert store.problems == ()


def test_a_newer_fingerprint_supersedes_and_setting_back_restores(store: Store) -> None:
    old = put(store, "counts", make_rows("counts", 3), fingerprint="a" * 64)
    new = put(store, "counts", make_rows("counts", 5), fingerprint="b" * 64, committed=NOW + timedelta(hours=1))
    assert current(store.receipts()) == [new]
    again = store.reaffirm(old, "run-2")
    assert (again.files, again.run_id, again.fingerprint) == (old.files, "run-2", old.fingerprint)
    assert current(store.receipts()) == [again]
    assert len(store.receipts()) == 2


# Folders and video


def test_create_works_twice_and_says_how_much_is_free(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "a" / "b")
    assert Store.create(tmp_path / "a" / "b").root == store.root
    assert store.free_bytes() > 0


def test_a_store_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"")
    with pytest.raises(SiteError, match="is not a folder"):
        Store.create(tmp_path / "store")


def test_a_store_that_cannot_be_made() -> None:
    with pytest.raises(SiteError, match="cannot be made"):
        Store.create(Path("/proc/no/such/folder"))


def test_a_store_that_was_never_made_is_empty(tmp_path: Path) -> None:
    assert Store(tmp_path / "none").receipts() == []


def test_paths_of_video(store: Store) -> None:
    parts = {store.part_path(CAMERA, DATE, "s1", "f" * 64) for _ in range(2)}
    assert len(parts) == 2
    assert {store.relative(path.parent) for path in parts} == {"_parts/camera=cam1/date=2026-03-02"}
    assert store.relative(store.video_path(CAMERA, DATE, "a/b")) == "anonymized/camera=cam1/date=2026-03-02/a%2Fb.mp4"


# Sweep


def _age(path: Path, seconds: float = DAY_AGO_S) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_sweep_takes_what_no_receipt_names_and_is_old(store: Store) -> None:
    kept = put(store, "detections", make_rows("detections"))
    _age(store.root / kept.files["detections"])
    orphan = write(store, "detections", make_rows("detections"), unit="s9")
    _age(store.root / orphan)
    young = write(store, "detections", make_rows("detections"), unit="s8")
    temporary = _age(store.root / "_receipts" / "detect" / ".tmp-12")
    _age(store.root / "_runs" / "r1.json")
    _age(store.root / "notes.parquet")
    assert store.sweep() == sorted([store.relative(temporary), orphan])
    assert {store.relative(path) for path in store.root.rglob("*.parquet")} == {
        kept.files["detections"],
        young,
        "notes.parquet",
    }
    assert store.sweep() == []


def test_sweep_keeps_superseded_results(store: Store) -> None:
    old = put(store, "counts", make_rows("counts"), fingerprint="a" * 64)
    put(store, "counts", make_rows("counts"), fingerprint="b" * 64, committed=NOW + timedelta(hours=1))
    _age(store.root / old.files["counts"])
    assert store.sweep() == []


def test_sweep_keeps_video_that_rows_name(store: Store) -> None:
    part, lost_part = (_age(store.part_path(CAMERA, DATE, "s1", "f")) for _ in range(2))
    video, lost_video = (_age(store.video_path(CAMERA, DATE, name)) for name in "ab")
    for name, path in (("anonymized_segments", part), ("anonymized", video)):
        rows = make_rows(name, 1)
        index = rows.schema.get_field_index("path")
        put(store, name, rows.set_column(index, rows.schema.field(index), pa.array([store.relative(path)])))
    assert store.sweep() == sorted(map(store.relative, (lost_part, lost_video)))
    assert part.exists() and video.exists()


def test_sweep_keeps_every_table_while_a_receipt_is_unreadable(store: Store) -> None:
    file = write(store, "detections", make_rows("detections"))
    _age(store.root / file)
    temporary = _age(store.root / "detections" / ".tmp-1")
    torn = store.root / receipt_path(make_receipt({"detections": file}))
    torn.parent.mkdir(parents=True)
    torn.write_bytes(to_json(make_receipt({"detections": file}))[:50])
    assert store.sweep() == [store.relative(temporary)]


def test_a_slow_commit_in_the_past_is_older(store: Store) -> None:
    """A clock that was set back does not lose the receipt, only its place."""
    late = put(store, "counts", make_rows("counts"), fingerprint="a" * 64)
    early = replace(late, fingerprint="b" * 64, committed=datetime(2020, 1, 1, tzinfo=UTC), files={})
    assert isinstance(store.commit(early), Receipt)
    assert current(store.receipts()) == [late]
    assert len(store.receipts()) == 2
