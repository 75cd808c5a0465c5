"""What a scan finds in folders: links, loops, hidden files, odd names."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.storage.archive.scanned import rows, scan, segments_of


def test_links(folder: Path, put: Callable[..., Path], tmp_path: Path) -> None:
    elsewhere = put("door/2026-03-02T10-00-00.mp4").rename(tmp_path / "elsewhere.mp4")
    (folder / "door" / "2026-03-02T10-00-00.mp4").symlink_to(elsewhere)
    (folder / "gate").mkdir()
    (folder / "gate" / "back").symlink_to(folder)
    (folder / "gate" / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (folder / "gate" / "itself").symlink_to(folder / "gate" / "itself")
    result = scan(folder)
    assert [(entry.path, entry.reason, entry.camera) for entry in result.quarantined] == [
        ("gate/back", "unreadable", "gate"),
        ("gate/gone.mp4", "unreadable", "gate"),
        ("gate/itself", "unreadable", "gate"),
    ]
    assert "a loop" in result.quarantined[0].detail
    assert set(rows(result)) == {"door/2026-03-02T10-00-00.mp4", "gate/gone.mp4"}
    assert len(segments_of(result)) == 2


def test_a_folder_that_cannot_be_read(folder: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    put("locked/2026-03-02T10-00-00.mp4")
    scandir = os.scandir

    def refuse(path: Path):  # type: ignore[no-untyped-def]
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = scan(folder)
    assert [(entry.path, entry.reason, entry.date) for entry in result.quarantined] == [("locked", "unreadable", None)]
    assert list(rows(result)) == ["door/2026-03-02T10-00-00.mp4"]


def test_hidden_unfinished_and_other_files_are_left_alone(folder: Path, put: Callable[..., Path]) -> None:
    for name in (".hidden.mp4", "x.mp4.part", "notes.txt", ".trash/x.mp4"):
        put(f"door/{name}")
    assert scan(folder).footage.num_rows == 0
    put("door/LOUD.MP4")
    assert list(rows(scan(folder))) == ["door/LOUD.MP4"]


def test_a_name_that_is_not_utf8(folder: Path, good: Path) -> None:
    shutil.copy(os.fsencode(good), os.fsencode(folder / "door") + b"/caf\xe9.mp4")
    result = scan(folder, settle_s=0)
    assert [(entry.path, entry.detail) for entry in result.quarantined] == [
        ("door/caf\\xe9.mp4", "its name is not UTF-8: rename it")
    ]


def test_the_scan_does_not_depend_on_the_order_of_the_disk(
    folder: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for camera in ("gate", "door", "yard"):
        put(f"{camera}/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: reversed(list(scandir(path))))
    second = scan(folder)
    assert second.footage.equals(first.footage)
    assert segments_of(second) == segments_of(first)
