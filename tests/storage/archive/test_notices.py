"""A scan says what it leaves out, and counts it."""

from collections.abc import Callable
from pathlib import Path

from storage.archive.notices import emptied
from tests.storage.archive.scanned import rows, scan


def _files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"x")


def test_an_archive_of_other_suffixes_is_not_silent(folder: Path) -> None:
    _files(folder, "door/a.vob", "door/b.VOB", "door/c.264", "door/.hidden", "notes.txt")
    result = scan(folder, suffixes=[".mp4"])
    assert result.footage.num_rows == 0
    assert result.notices == ("4 files left out: `suffixes` of site.toml does not name .vob (2), .264 (1), .txt (1)",)


def test_beside_footage_only_video_is_named(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    _files(folder, "door/2026-03-02T10-00-00.jpg", "door/index", "door/x.vob")
    assert scan(folder).notices == ("1 file left out: `suffixes` of site.toml does not name .vob (1)",)
    assert not any("left out" in notice for notice in scan(folder, suffixes=[".mp4", ".vob"]).notices)


def test_a_pattern_that_matches_nothing_is_named_with_a_path(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    put("door/20260302110000.mp4")
    (notice,) = scan(folder).notices
    assert notice.startswith("1 file of 2 without a time in the path: pattern '{camera}/%Y-%m-%dT%H-%M-%S'")
    assert "does not match 'door/20260302110000.mp4'" in notice
    (notice,) = scan(folder, pattern="{camera}/%y").notices
    assert notice.startswith("2 files of 2")


def test_patterns_are_tried_in_order(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    put("door/20260302110000.mp4")
    result = scan(folder, pattern=["{camera}/%Y-%m-%dT%H-%M-%S", "{camera}/%Y%m%d%H%M%S"])
    assert result.notices == ()
    assert [(row["start_source"], row["start_time"].hour) for row in rows(result).values()] == [
        ("name", 9),
        ("name", 10),
    ]


def test_an_archive_with_footage_before_is_named() -> None:
    assert emptied(0, "archive") == []
    assert "archive has no footage, but the last scan found 2 files there" in emptied(2, "archive")[0]


def test_folders_without_footage_are_named(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    for name in ("empty", "yard/2026-03-02", ".hidden"):
        (folder / name).mkdir(parents=True)
    (folder / "yard" / "readme.txt").touch()
    result = scan(folder)
    assert "no footage in 2 folders of the archive: empty, yard" in result.notices
    (folder / "empty").rmdir()
    assert "no footage in 1 folder of the archive: yard" in scan(folder, result).notices
