"""Holds and releases are recorded once, read whole or not at all, and never change."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import NightshiftError, TransientError
from storage.maintenance.holds import Hold, Release, active_holds, holds_table, read_holds, write_hold, write_release
from storage.store.store import Store

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
HOLD = Hold("h1", NOW, "ada", "gate", NOW - timedelta(days=2), NOW - timedelta(days=1), "a theft")
RELEASE = Release("h1", NOW + timedelta(days=9), "bob", "case closed")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def test_what_is_written_is_read_oldest_first(store: Store) -> None:
    older = replace(HOLD, hold_id="h2", time=NOW - timedelta(hours=1))
    write_hold(store, HOLD)
    write_hold(store, older)
    assert read_holds(store) == active_holds(store) == (older, HOLD)


def test_a_release_ends_a_hold_and_erases_nothing(store: Store) -> None:
    write_hold(store, HOLD)
    write_release(store, RELEASE)
    assert active_holds(store) == () and read_holds(store) == (replace(HOLD, release=RELEASE),)
    (row,) = holds_table(store).to_pylist()
    assert (row["hold_id"], row["reason"], row["user"]) == ("h1", "a theft", "ada")
    assert (row["released"], row["released_by"], row["release_reason"]) == (RELEASE.time, "bob", "case closed")


def test_a_record_is_never_replaced(store: Store) -> None:
    write_hold(store, HOLD)
    write_release(store, RELEASE)
    with pytest.raises(TransientError, match="nothing was recorded"):
        write_hold(store, replace(HOLD, reason="other"))
    with pytest.raises(TransientError, match="nothing was recorded"):
        write_release(store, replace(RELEASE, user="eve"))
    assert read_holds(store) == (replace(HOLD, release=RELEASE),)


def test_only_the_owner_reads_them(store: Store) -> None:
    write_hold(store, HOLD)
    (path,) = (Path(store.blobs.url) / "_holds").rglob("*.json")
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("folder", "field", "value"),
    [
        ("placed", "end_time", "soon"),
        ("placed", "start_time", "9999-01-01T00:00:00+00:00"),
        ("placed", "camera", None),
        ("released", "time", "2026-06-01"),
        ("released", "extra", "x"),
    ],
)
def test_a_damaged_record_is_not_skipped(store: Store, folder: str, field: str, value: str | None) -> None:
    write_hold(store, HOLD)
    write_release(store, RELEASE)
    (path,) = (Path(store.blobs.url) / "_holds" / folder).glob("*.json")
    content = json.loads(path.read_bytes()) | {field: value}
    if value is None:
        del content[field]
    path.write_text(json.dumps(content))
    with pytest.raises(NightshiftError, match=f"_holds/{folder}/h1.json, the record of a hold, cannot be read"):
        read_holds(store)
