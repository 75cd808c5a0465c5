"""Damaged records of holds, sign-offs and exports are named, and no repair removes one."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import NightshiftError
from storage.exports.export_records import ExportRecord, exports_table, write_export_record
from storage.exports.review_records import Review, read_reviews, write_review
from storage.exports.sign_off_records import SignOff, Verdict, read_sign_offs, write_sign_off
from storage.maintenance.holds import Hold, Release, read_holds, write_hold, write_release
from storage.maintenance.problems import ProblemKind
from storage.maintenance.repair import repair
from storage.maintenance.tombstones import read_tombstones, write_tombstones
from storage.maintenance.verify import verify
from storage.maintenance.verify_records import find_record_problems
from storage.store.store import Store

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
HOLD = Hold("h1", NOW, "ada", "gate", NOW - timedelta(days=2), NOW - timedelta(days=1), "a theft")
SIGN_OFF = SignOff(
    "s1", NOW, "Ada", "ada", "gate", "f", "gate/a.mp4", "ab", "cd", None, 9, str(Verdict.REJECT), "a face"
)
EXPORT = ExportRecord("e1", NOW, "ada", "gate", "f", "t", "a request", "/x.mp4", 2, 1, 9, "ab")
REVIEW = Review("r1", NOW, "Ada", "ada", "gate", "i1", "meets", "meets 4", "0.700000", "right", "")
FILES = (
    "_holds/placed/h1.json",
    "_holds/released/h1.json",
    "_sign_offs/s1.json",
    "_exports/e1.json",
    "_interaction_reviews/r1.json",
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "store")
    write_hold(made, HOLD)
    write_release(made, Release("h1", NOW, "bob", "closed"))
    write_sign_off(made, SIGN_OFF)
    write_export_record(made, EXPORT)
    write_review(made, REVIEW)
    return made


def change(store: Store, file: str, **values: object) -> None:
    path = Path(store.blobs.url, file)
    path.write_text(json.dumps(json.loads(path.read_bytes()) | values))


def read_all(store: Store) -> None:
    read_holds(store)
    read_sign_offs(store)
    exports_table(store)
    read_reviews(store)


def test_sound_records_are_no_problem(store: Store) -> None:
    assert find_record_problems(store, NOW) == []
    read_all(store)


def torn(store: Store, file: str) -> None:
    path = Path(store.blobs.url, file)
    path.write_bytes(path.read_bytes()[:-20])


def renamed(store: Store, file: str) -> None:
    path = Path(store.blobs.url, file)
    path.rename(path.with_name("other.json"))


@pytest.mark.parametrize(
    ("damage", "detail"),
    [
        (torn, "cannot be read"),
        (renamed, "the file has the name of another record"),
        (lambda store, file: change(store, file, time="9999-01-01T00:00:00+00:00"), "no plausible time"),
        (lambda store, file: change(store, file, time="yesterday"), "cannot be read"),
        (lambda store, file: change(store, file, user=None), "user is None"),
        (lambda store, file: change(store, file, more=1), "its fields are"),
        (lambda store, file: change(store, file, format=7), "format 7"),
    ],
)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_record_is_named_and_survives_a_repair(
    store: Store, file: str, damage: Callable[[Store, str], None], detail: str
) -> None:
    damage(store, file)
    name = file if damage is not renamed else f"{file.rpartition('/')[0]}/other.json"
    problems = {problem.name: problem for problem in verify(store).problems}
    assert problems[name].kind is ProblemKind.TORN and detail in problems[name].detail
    assert "backup" in problems[name].detail
    with pytest.raises(NightshiftError, match="backup"):
        read_all(store)
    before = {blob.name: store.blobs.read(blob.name) for blob in store.blobs.list("")}
    done = repair(store)
    assert name in [problem.name for problem in done.unrepairable] and done.deleted == ()
    assert {blob.name: store.blobs.read(blob.name) for blob in store.blobs.list("")} == before


def test_a_hold_ends_after_it_begins_and_a_verdict_is_known(store: Store) -> None:
    change(store, FILES[0], end_time=HOLD.start_time.isoformat())
    change(store, FILES[2], verdict="perhaps")
    change(store, FILES[3], frames="2")
    details = [problem.detail for problem in find_record_problems(store, NOW)]
    assert len(details) == 3
    for expected in ("ends before it begins", "perhaps", "frames is '2'"):
        assert any(expected in detail for detail in details)


def test_the_end_of_a_hold_without_the_hold_is_named(store: Store) -> None:
    store.blobs.delete([FILES[0]])
    (problem,) = find_record_problems(store, NOW)
    assert (problem.kind, problem.name) == (ProblemKind.TORN, FILES[1])
    assert "no record" in problem.detail


def test_records_of_the_future_are_named_and_read_all_the_same(store: Store) -> None:
    late = NOW + timedelta(days=400)
    write_hold(store, replace(HOLD, hold_id="h2", time=late, end_time=late))
    (problem,) = find_record_problems(store, NOW)
    assert (problem.kind, problem.name) == (ProblemKind.FUTURE, "_holds/placed/h2.json")
    assert find_record_problems(store, late) == []
    assert len(read_holds(store)) == 2


def test_tombstones_lie_under_their_own_name(store: Store) -> None:
    write_tombstones(store, "p1", NOW, [])
    assert read_tombstones(store) == []
    (path,) = Path(store.blobs.url).rglob("p1.json")
    path.rename(path.with_name("p2.json"))
    with pytest.raises(NightshiftError, match="another purge"):
        read_tombstones(store)
    assert ProblemKind.TORN in {problem.kind for problem in verify(store).problems}
