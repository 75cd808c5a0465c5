import errno
import json
from pathlib import Path

import pytest

from schemas.errors import SiteError
from schemas.tables import TABLES
from storage.store.format import FORMAT
from storage.store.receipts import receipt_path, to_json
from storage.store.store import Store
from tests.storage.rows import (
    make_receipt,
    make_rows,
    put,
    receipts_of,
    root_of,
    rows_of,
)
from tests.storage.watched import WRITES, Between, contents


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
    assert receipts_of(Store.open(tmp_path / "none")) == []
    assert not (tmp_path / "none").exists()


# Versions


def test_a_store_says_what_it_is(store: Store) -> None:
    said = json.loads((root_of(store) / "_store.json").read_bytes())
    assert said == {"format": FORMAT, "tables": {name: spec.version for name, spec in TABLES.items()}}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"format": 4}, r"newer Nightshift \(format 4, here 3\): upgrade Nightshift"),
        (
            {"format": FORMAT, "tables": {"tracks": 99}},
            r"newer Nightshift \(table tracks 99, here \d+\): upgrade Nightshift",
        ),
        ({"format": 9, "tables": {"tracks": 99}}, r"format 9, here 3; table tracks 99"),
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
    (root_of(store) / "_store.json").write_text(json.dumps({"format": FORMAT, "tables": {"tracks": 0, "gone": 7}}))
    Store.open(root_of(store))
    test_a_store_says_what_it_is(Store.create(root_of(store)))


def test_a_store_of_the_first_format_is_refused(tmp_path: Path) -> None:
    receipt = tmp_path / receipt_path(make_receipt())
    receipt.parent.mkdir(parents=True)
    receipt.write_text(json.dumps({**json.loads(to_json(make_receipt())), "format": 1}))
    for make in (Store.create, Store.open):
        with pytest.raises(SiteError, match=r"earlier Nightshift \(1, this one has 3\): name a new store in site.toml"):
            make(tmp_path)


def test_a_store_of_the_former_format_is_refused(store: Store) -> None:
    """Some of its tables and columns have other names."""
    file = root_of(store) / "_store.json"
    file.write_text(json.dumps({"format": FORMAT - 1, "tables": {"tracks": 1}}))
    before = file.read_bytes()
    for make in (Store.create, Store.open):
        with pytest.raises(SiteError) as refused:
            make(root_of(store))
        assert str(refused.value) == (
            f"store {root_of(store)} has the format of an earlier Nightshift (2, this one has 3): "
            "name a new store in site.toml and run again; the footage is untouched"
        )
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b'{"form', b"\x00" * 20, b"[]", b'{"format": "two"}', b'{"tables": 3}'])
def test_a_torn_store_file_is_reported_and_may_be_removed(store: Store, content: bytes) -> None:
    receipt = put(store, "counts", make_rows("counts"))
    file = root_of(store) / "_store.json"
    file.write_bytes(content)
    with pytest.raises(SiteError, match=r"_store.json is torn: .*; remove it and run again"):
        Store.open(root_of(store))
    file.unlink()
    assert receipts_of(Store.create(root_of(store))) == [receipt]


def test_a_read_only_store_can_be_read(store: Store) -> None:
    receipt = put(store, "counts", make_rows("counts"))

    def refuse(operation: str, name: str) -> None:
        if operation in WRITES:
            raise OSError(errno.EROFS, "Read-only file system")

    reader = Store(Between(store.blobs, refuse))
    assert receipts_of(reader) == [receipt]
    assert rows_of(reader, receipt, "counts").equals(make_rows("counts"))
    assert contents(reader) == contents(store)
