"""Tombstones are written once, read whole or not at all, and counted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import NightshiftError, TransientError
from schemas.values import FOOTAGE_OP, Tombstone
from storage.blobs import Blob, LocalBlobs
from storage.maintenance.tombstones import (
    TOMBSTONES_FOLDER,
    PurgedUnit,
    PurgeRecord,
    purges_table,
    read_tombstones,
    write_tombstones,
)
from storage.store.store import Store

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
FILM = PurgeRecord(
    "footage_days = 9", "footage", "gate", "2026-05-01", (PurgedUnit(FOOTAGE_OP, "f1", "e" * 64),), 1, 0, 500
)
ROWS = PurgeRecord(
    "tables_days = 9",
    "tables",
    "gate",
    "2026-05-01",
    (PurgedUnit("detect", "s1", "a"), PurgedUnit("track", "s1", "b")),
    3,
    70,
    900,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(LocalBlobs(tmp_path))


def test_a_store_without_purges_has_none(store: Store) -> None:
    assert read_tombstones(store) == []
    assert purges_table(store).num_rows == 0


def test_every_unit_has_a_tombstone(store: Store) -> None:
    write_tombstones(store, "p1", NOW, [FILM, ROWS])
    place = ("gate", "2026-05-01")
    assert read_tombstones(store) == [
        Tombstone(FOOTAGE_OP, *place, "e" * 64, "f1", NOW, "footage_days = 9"),
        Tombstone("detect", *place, "a", "s1", NOW, "tables_days = 9"),
        Tombstone("track", *place, "b", "s1", NOW, "tables_days = 9"),
    ]


def test_purges_are_rows(store: Store) -> None:
    write_tombstones(store, "p2", NOW + timedelta(days=1), [FILM])
    write_tombstones(store, "p1", NOW, [FILM, ROWS])
    rows = purges_table(store).to_pylist()
    assert [
        (row["purge_id"], row["what"], row["units"], row["files"], row["rows"], row["size_bytes"]) for row in rows
    ] == [
        ("p1", "footage", 1, 1, 0, 500),
        ("p1", "tables", 2, 3, 70, 900),
        ("p2", "footage", 1, 1, 0, 500),
    ]


def test_what_was_written_is_never_replaced(store: Store) -> None:
    write_tombstones(store, "p1", NOW, [FILM])
    with pytest.raises(TransientError, match="nothing was deleted"):
        write_tombstones(store, "p1", NOW, [ROWS])
    assert [tombstone.op for tombstone in read_tombstones(store)] == [FOOTAGE_OP]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"3", b"{}", b'{"format": 9}', b'{"format": 2, "purge_id": "p", "purged": "x", "records": []}'],
)
def test_a_torn_file_is_reported_and_not_passed_over(store: Store, content: bytes) -> None:
    store.blobs.write(f"{TOMBSTONES_FOLDER}/p1.json", content)
    for read in (read_tombstones, purges_table):
        with pytest.raises(NightshiftError, match=r"_tombstones/p1\.json.* cannot be read: .*backup"):
            read(store)


TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))


@given(st.text(min_size=1, max_size=9), st.text(max_size=9), TIMES)
def test_any_name_and_time_comes_back(purge_id: str, unit: str, purged: datetime) -> None:
    memory = _Memory()
    record = PurgeRecord("r", "video", unit, "2026-05-01", (PurgedUnit(unit, unit, unit),), 0, 0, 0)
    write_tombstones(Store(memory), purge_id, purged, [record])
    (tombstone,) = read_tombstones(Store(memory))
    assert tombstone == Tombstone(unit, unit, "2026-05-01", unit, unit, purged, "r")


class _Memory(LocalBlobs):
    """Blobs that never touch the disk."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))
        self._kept: dict[str, bytes] = {}

    def put_if_absent(self, name: str, content: bytes) -> bool:
        return self._kept.setdefault(name, content) is content

    def read(self, name: str) -> bytes:
        return self._kept[name]

    def list(self, below: str = ""):  # type: ignore[no-untyped-def]

        return (Blob(name, len(content), 0.0) for name, content in sorted(self._kept.items()))
