"""Entries of one cause are one row, so that a long list does not hide the others."""

from datetime import datetime

from cli.quarantine import quarantine_rows
from schemas.values import Quarantined


def entry(
    unit: str, camera: str, detail: str, path: str | None = None, op: str = "anonymize", reason: str = "CoverageError"
) -> Quarantined:
    return Quarantined(op, camera, None, unit, "f", "coverage", reason, detail, path, datetime(2026, 3, 2), "run")


def test_few_entries_of_one_cause_are_shown_one_by_one():
    entries = [entry(f"u{number}", "gate", f"segment 1c98a3ec4555912d-000{number}: too short") for number in range(2)]
    assert quarantine_rows(entries) == [
        ["anonymize", "gate", "u0", "CoverageError", "segment 1c98a3ec4555912d-0000: too short"],
        ["anonymize", "gate", "u1", "CoverageError", "segment 1c98a3ec4555912d-0001: too short"],
    ]


def test_many_are_one_row_and_the_others_stay():
    many = [
        entry(f"u{number}", f"cam{number % 2}", f"segment 1c98a3ec4555912d-{number:04}: too short", f"f{number}.mp4")
        for number in range(9)
    ]
    other = entry("x", "cam0", "2.0 s cannot be decoded", op="decode", reason="decode_error")
    rows = quarantine_rows([*many[:4], other, *many[4:]])
    assert rows == [
        ["anonymize", "2 cameras", "f0.mp4 and 8 more", "CoverageError", "too short"],
        ["decode", "cam0", "x", "decode_error", "2.0 s cannot be decoded"],
    ]


def test_a_camera_of_all_entries_is_named():
    ((_, camera, what, _, _),) = quarantine_rows([entry(f"u{number}", "gate", "too short") for number in range(3)])
    assert (camera, what) == ("gate", "u0 and 2 more")
