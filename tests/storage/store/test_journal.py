import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.tables import TABLES
from schemas.values import Quarantined
from storage.blobs import LocalBlobs
from storage.store.journal import Journal, RunRecord, new_run_id
from tests.storage.rows import CAMERA, DATE, NOW

ENTRY = Quarantined(
    op="detect",
    camera=CAMERA,
    date=DATE,
    unit="s1",
    fingerprint="f" * 64,
    kind="footage",
    reason="truncated",
    detail="ends at 12 s",
    path="cam1/a.mp4",
    time=NOW,
    run_id="run",
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(LocalBlobs(tmp_path))


def test_a_journal_without_folders_is_empty(journal: Journal) -> None:
    assert journal.read_runs().rows.equals(TABLES["runs"].empty())
    assert journal.quarantine_table().equals(TABLES["quarantine"].empty())
    assert journal.read_quarantine().rows == []


def test_a_run_is_one_row_from_start_to_end(journal: Journal) -> None:
    run = RunRecord("r1", NOW, selection={"cameras": [CAMERA]}, version="0.1", units_planned=3)
    journal.write_run(run)
    (row,) = journal.read_runs().rows.to_pylist()
    assert (row["state"], row["ended"], row["wall_s"], row["units_planned"]) == ("running", None, None, 3)

    journal.finish_run(
        replace(run, ended=NOW + timedelta(hours=1), state="done", wall_s=3600.0, units_done=3, stage_s={"decode": 2.5})
    )
    (row,) = journal.read_runs().rows.to_pylist()
    assert (row["state"], row["ended"], row["units_done"]) == ("done", NOW + timedelta(hours=1), 3)
    assert json.loads(row["selection"]) == {"cameras": [CAMERA]}
    assert json.loads(row["stage_s"]) == {"decode": 2.5}


def test_a_run_has_its_cost(journal: Journal) -> None:
    done = RunRecord("r1", NOW, ended=NOW, state="done", media_s=40.0, wall_s=20.0, cores=2)
    journal.finish_run(replace(done, stage_s={"detect": 3.0, "decode": 1.0}, frames_observed=10, frames_held=9))
    (row,) = journal.read_runs().rows.to_pylist()
    assert (row["video_hours_per_hour"], row["video_hours_per_core_hour"]) == (2.0, 1.0)
    assert (row["times_decode"], row["held_share"]) == (4.0, 0.9)
    assert json.loads(row["stage_share"]) == {"detect": 0.75, "decode": 0.25}


def test_records_of_former_versions_are_read(journal: Journal, tmp_path: Path) -> None:
    journal.write_run(RunRecord("r1", NOW, media_s=40.0, wall_s=20.0))
    file = tmp_path / "_runs/r1.json"
    former = json.loads(file.read_text())
    for name in ("cores", "frames_observed", "frames_held"):
        del former[name]
    file.write_text(json.dumps(former))
    found = journal.read_runs()
    (row,) = found.rows.to_pylist()
    assert found.problems == () and (row["cores"], row["frames_held"]) == (0, 0)
    assert (row["video_hours_per_hour"], row["video_hours_per_core_hour"], row["held_share"]) == (2.0, None, None)


def test_runs_are_in_order_of_start(journal: Journal) -> None:
    for number in (2, 0, 1):
        journal.write_run(RunRecord(f"r{9 - number}", NOW + timedelta(hours=number)))
    assert journal.read_runs().rows["run_id"].to_pylist() == ["r9", "r8", "r7"]


def test_a_run_that_has_not_ended_cannot_be_finished(journal: Journal) -> None:
    with pytest.raises(ValueError, match="r1"):
        journal.finish_run(RunRecord("r1", NOW))
    assert journal.read_runs().rows.num_rows == 0


def test_run_ids_begin_with_the_start_and_differ() -> None:
    ids = {new_run_id(NOW) for _ in range(20)}
    assert len(ids) > 15
    assert all(name.startswith("20260302T220000Z-") for name in ids)


def test_quarantine_round_trip(journal: Journal) -> None:
    journal.quarantine(ENTRY)
    assert journal.read_quarantine().rows == [ENTRY]
    assert journal.quarantine_table().schema.equals(TABLES["quarantine"].schema)
    assert journal.quarantine_table().num_rows == 1


def test_a_newer_reason_replaces_the_older(journal: Journal) -> None:
    journal.quarantine(ENTRY)
    journal.quarantine(replace(ENTRY, reason="decode_error"))
    assert [entry.reason for entry in journal.read_quarantine().rows] == ["decode_error"]


@pytest.mark.parametrize(
    "unit", ["cam1/2026/ä b.mp4", "../../../etc/passwd", ".hidden", "", "x" * 3000, "\udcff\udc80.mp4"]
)
def test_any_path_can_be_quarantined_and_released(journal: Journal, tmp_path: Path, unit: str) -> None:
    entry = replace(ENTRY, unit=unit, path=unit, op="scan", camera="", date=None, fingerprint="")
    journal.quarantine(entry)
    assert journal.read_quarantine().rows == [entry]
    assert journal.quarantine_table().num_rows == 1
    assert all(blob.name.startswith("_quarantine/") for blob in LocalBlobs(tmp_path).list())
    assert journal.release("scan", "", unit) == 1
    assert journal.read_quarantine().rows == []


def test_a_name_that_is_no_utf8_is_escaped(journal: Journal) -> None:
    journal.quarantine(replace(ENTRY, unit="a\udcff.mp4"))
    assert journal.quarantine_table()["unit"].to_pylist() == [r"a\udcff.mp4"]


def test_release_takes_one_fingerprint_or_all(journal: Journal) -> None:
    for fingerprint in ("a", "b", "c"):
        journal.quarantine(replace(ENTRY, fingerprint=fingerprint))
    journal.quarantine(replace(ENTRY, unit="s2"))
    assert journal.release("detect", CAMERA, "s1", "b") == 1
    assert journal.release("detect", CAMERA, "s1", "b") == 0
    assert journal.release("detect", CAMERA, "s1") == 2
    assert [entry.unit for entry in journal.read_quarantine().rows] == ["s2"]


@pytest.mark.parametrize("content", [b"", b'{"op": ', b"[]", b"{}", b"\xff"])
def test_torn_files_are_reported_and_passed_over(journal: Journal, tmp_path: Path, content: bytes) -> None:
    journal.quarantine(ENTRY)
    torn = tmp_path / "_quarantine" / "detect" / CAMERA / "s9-f.json"
    torn.write_bytes(content)
    found = journal.read_quarantine()
    assert found.rows == [ENTRY]
    (problem,) = found.problems
    assert str(torn) in problem


@pytest.mark.parametrize(
    "change",
    [
        {"started": "9999-12-31T23:59:59+00:00"},
        {"started": "2026-03-02T22:00:00"},
        {"ended": "0001-01-01T00:00:00+00:00"},
        {"ended": 5},
        {"units_done": 10**30},
        {"units_done": "many"},
        {"wall_s": "long"},
        {"stage_s": [1]},
        {"stage_s": {"decode": "long"}},
        {"frames_held": "some", "frames_observed": 1},
    ],
)
def test_runs_of_implausible_times_and_numbers_are_reported_and_passed_over(
    journal: Journal, tmp_path: Path, change: dict[str, object]
) -> None:
    """A far time as the newest of the store would move the clock of every later run."""
    for name in ("one", "other"):
        journal.write_run(RunRecord(name, NOW))
    file = tmp_path / "_runs/other.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    found = journal.read_runs()
    assert found.rows["run_id"].to_pylist() == ["one"]
    (problem,) = found.problems
    assert str(file) in problem
