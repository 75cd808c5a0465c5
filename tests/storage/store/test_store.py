import errno
import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
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
from schemas.values import UNIT_TAG_DIGITS, Receipt, UnitFile
from storage.blobs import LocalBlobs
from storage.maintenance.compaction import compact
from storage.store.live_rows import newest_of
from storage.store.receipts import receipt_path, receipts_of, to_json
from storage.store.store import Store
from tests.storage.rows import CAMERA, DATE, NOW, make_receipt, make_rows, print_of, put
from tests.storage.watched import WRITES, Between, contents


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def write(store: Store, name: str, rows: pa.Table, unit: str = "day") -> str:
    return write_unit(store, name, rows, unit).name


def write_unit(store: Store, name: str, rows: pa.Table, unit: str = "day") -> UnitFile:
    fingerprint = print_of(name, unit)
    file, _ = store.write_table(name, rows, camera=CAMERA, date=DATE, unit=unit, fingerprint=fingerprint)
    return UnitFile(file, fingerprint[:UNIT_TAG_DIGITS])


def rows_of(store: Store, receipt: Receipt, table: str = "detections") -> pa.Table:
    return store.read_tables(table, [UnitFile(receipt.files[table], receipt.unit_tag)])


def root_of(store: Store) -> Path:
    return Path(store.blobs.url)


def files_in(store: Store) -> list[str]:
    return sorted(path.relative_to(root_of(store)).as_posix() for path in root_of(store).rglob("*.parquet"))


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
        seen = [receipt for receipt in store.receipts() if receipt.unit == unit]
        outcomes.append(bool(seen))
        for receipt in seen:
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
    assert files_in(store) == [first.files["detections"]]


def test_a_receipt_that_is_delivered_twice_keeps_its_files(store: Store) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    assert store.commit(receipt) == receipt
    assert rows_of(store, receipt).num_rows == 3


def _contend(root: Path, number: int, start: Barrier) -> None:
    start.wait()
    put(Store(LocalBlobs(root)), "detections", make_rows("detections", 50), committed=NOW + timedelta(seconds=number))


@pytest.mark.slow
def test_two_processes_commit_the_same_unit_once(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    workers = [context.Process(target=_contend, args=(root_of(store), number, start)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    (receipt,) = store.receipts()
    assert files_in(store) == [receipt.files["detections"]]
    assert rows_of(store, receipt).num_rows == 50


@pytest.mark.parametrize("content", [b"", b'{"format": 1, "op": "det', b"\x00" * 400])
def test_a_torn_receipt_is_told_and_its_unit_can_be_done_again(store: Store, content: bytes) -> None:
    whole = put(store, "detections", make_rows("detections"), unit="whole")
    torn = root_of(store) / receipt_path(make_receipt(op="detections"))
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_bytes(content)
    assert store.receipts() == [whole]
    (problem,) = store.problems
    assert receipt_path(make_receipt(op="detections")) in problem
    assert problem.endswith("ignored, its unit runs again")

    again = put(store, "detections", make_rows("detections"))
    assert sorted(receipt.unit for receipt in store.receipts()) == ["day", "whole"]
    assert torn.read_bytes() == content, "another worker may be about to stand beside it as well"
    assert rows_of(store, again).num_rows == 3
    assert put(store, "detections", make_rows("detections")) == again
    assert store.problems == (problem,)


def test_an_unreadable_receipt_is_told(store: Store) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    bad = put(store, "detections", make_rows("detections"), unit="bad")

    def refuse(operation: str, name: str) -> None:
        if (operation, name) == ("read", receipt_path(bad)):
            raise PermissionError(errno.EACCES, "Permission denied")

    reader = Store(Between(store.blobs, refuse))
    assert reader.receipts() == [receipt]
    assert reader.problems == (f"receipt {receipt_path(bad)}: Permission denied; ignored, its unit runs again",)


def test_hidden_and_foreign_files_are_no_receipts(store: Store) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    folder = (root_of(store) / receipt_path(receipt)).parent
    (folder / ".tmp-0123").write_bytes(b"half")
    (folder / ".tmp-0123.json").write_bytes(b"half")
    (folder / "README.txt").write_bytes(b"hello")
    assert store.receipts() == [receipt]
    assert store.problems == ()


def test_setting_back_is_a_second_receipt_of_the_same_work(store: Store) -> None:
    old = put(store, "counts", make_rows("counts", 3), fingerprint="a" * 64)
    new = put(store, "counts", make_rows("counts", 5), fingerprint="b" * 64, committed=NOW + timedelta(hours=1))
    again = store.reaffirm(old, "run-2")
    assert again == replace(old, run_id="run-2", committed=again.committed)
    assert again.committed > new.committed
    assert store.receipts() == [old, new, again]
    assert store.reaffirm(old, "run-3", NOW + timedelta(hours=2)).committed == NOW + timedelta(hours=2)
    assert len(store.receipts()) == 4


def test_setting_back_twice_in_a_run_is_once(store: Store) -> None:
    old = put(store, "counts", make_rows("counts", 3))
    first = store.reaffirm(old, "run-2")
    store.reaffirm(old, "run-2")
    assert store.receipts() == [old, first]


def test_committed_is_of_exactly_this_work(store: Store) -> None:
    receipt = put(store, "counts", make_rows("counts"), fingerprint="a" * 64)
    for find in (store.committed, Store.open(root_of(store)).committed):
        assert find("counts", CAMERA, DATE, "day", "a" * 64) == receipt
        for other in (("detect", CAMERA, DATE, "day"), ("counts", "cam2", DATE, "day"), ("counts", CAMERA, DATE, "s1")):
            assert find(*other, "a" * 64) is None
        assert find("counts", CAMERA, DATE, "day", "b" * 64) is None
    compact(store)
    found = store.committed("counts", CAMERA, DATE, "day", "a" * 64)
    assert found is not None and rows_of(store, found, "counts").equals(make_rows("counts"))
    assert found == replace(receipt, files=found.files, sha256=found.sha256)
    for other in (("detect", CAMERA, DATE, "day"), ("counts", "cam2", DATE, "day"), ("counts", CAMERA, DATE, "s1")):
        assert store.committed(*other, "a" * 64) is None
    assert store.committed("counts", CAMERA, "2026-02-02", "day", "a" * 64) is None


# Folders and video


def test_create_works_twice(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "a" / "b")
    before = (tmp_path / "a" / "b" / "_store.json").stat()
    assert Store.create(tmp_path / "a" / "b").blobs.url == store.blobs.url
    assert (tmp_path / "a" / "b" / "_store.json").stat() == before


def test_a_store_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"")
    for make in (Store.create, Store.open):
        with pytest.raises(SiteError, match="is not a folder"):
            make(tmp_path / "store")
    assert (tmp_path / "store").read_bytes() == b""


def test_a_store_that_cannot_be_made() -> None:
    with pytest.raises(SiteError, match="cannot be made"):
        Store.create(Path("/proc/no/such/folder"))


def test_a_store_that_was_never_made_is_empty(tmp_path: Path) -> None:
    assert Store.open(tmp_path / "none").receipts() == []
    assert not (tmp_path / "none").exists()


def test_names_of_video(store: Store) -> None:
    parts = {store.part_name(CAMERA, DATE, "s1", "f" * 64) for _ in range(2)}
    assert len(parts) == 2
    assert {name.rpartition("/")[0] for name in parts} == {"_parts/camera=cam1/date=2026-03-02"}
    assert store.video_name(CAMERA, DATE, "a/b") == "anonymized/camera=cam1/date=2026-03-02/a%2Fb.mp4"


# Versions


def test_a_store_says_what_it_is(store: Store) -> None:
    said = json.loads((root_of(store) / "_store.json").read_bytes())
    assert said == {"format": 2, "tables": {name: spec.version for name, spec in TABLES.items()}}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"format": 3}, r"newer Nightshift \(layout 3, here 2\): upgrade Nightshift"),
        (
            {"format": 2, "tables": {"tracks": 99}},
            r"newer Nightshift \(table tracks 99, here \d+\): upgrade Nightshift",
        ),
        ({"format": 9, "tables": {"tracks": 99}}, r"layout 9, here 2; table tracks 99"),
    ],
)
def test_a_store_of_a_newer_nightshift_is_refused(store: Store, said: dict[str, object], why: str) -> None:
    file = root_of(store) / "_store.json"
    file.write_text(json.dumps(said))
    for make in (Store.create, Store.open):
        with pytest.raises(SiteError, match=why):
            make(root_of(store))
    assert json.loads(file.read_bytes()) == said


def test_a_store_of_older_tables_is_raised_to_these(store: Store) -> None:
    (root_of(store) / "_store.json").write_text(json.dumps({"format": 2, "tables": {"tracks": 0, "gone": 7}}))
    Store.open(root_of(store))
    test_a_store_says_what_it_is(Store.create(root_of(store)))


def test_a_store_of_the_first_layout_is_told(tmp_path: Path) -> None:
    receipt = tmp_path / receipt_path(make_receipt())
    receipt.parent.mkdir(parents=True)
    receipt.write_text(json.dumps({**json.loads(to_json(make_receipt())), "format": 1}))
    for make in (Store.create, Store.open):
        with pytest.raises(SiteError, match=r"earlier Nightshift \(1, this one has 2\): name a new store in site.toml"):
            make(tmp_path)


@pytest.mark.parametrize("content", [b"", b'{"form', b"\x00" * 20, b"[]", b'{"format": "two"}', b'{"tables": 3}'])
def test_a_torn_store_file_is_told_and_may_be_removed(store: Store, content: bytes) -> None:
    receipt = put(store, "counts", make_rows("counts"))
    file = root_of(store) / "_store.json"
    file.write_bytes(content)
    with pytest.raises(SiteError, match=r"_store.json is torn: .*; remove it and run again"):
        Store.open(root_of(store))
    file.unlink()
    assert Store.create(root_of(store)).receipts() == [receipt]


def test_a_read_only_store_can_be_read(store: Store) -> None:
    receipt = put(store, "counts", make_rows("counts"))

    def refuse(operation: str, name: str) -> None:
        if operation in WRITES:
            raise OSError(errno.EROFS, "Read-only file system")

    reader = Store(Between(store.blobs, refuse))
    assert reader.receipts() == [receipt]
    assert rows_of(reader, receipt, "counts").equals(make_rows("counts"))
    assert contents(reader) == contents(store)


# Clocks


def test_a_slow_commit_in_the_past_is_older(store: Store) -> None:
    """A clock that was set back does not lose the receipt, only its place."""
    late = put(store, "counts", make_rows("counts"), fingerprint="a" * 64)
    early = replace(late, fingerprint="b" * 64, committed=datetime(2020, 1, 1, tzinfo=UTC), files={})
    assert store.commit(early) == early
    assert receipts_of(newest_of(store.receipts_arrow())) == [late]
    assert store.receipts() == [early, late]
