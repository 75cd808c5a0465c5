"""Folders as a place for files."""

from pathlib import Path

import pytest

from schemas.errors import SiteError
from storage.blobs import LocalBlobs, open_blobs


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"")
    with pytest.raises(SiteError, match="is not a folder"):
        open_blobs(tmp_path / "store")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "a" / "none")
    with pytest.raises(SiteError, match="mount it"):
        blobs.check_readable()
    assert (blobs.free_bytes() or 0) > 0
    blobs.check_writable()
    assert (tmp_path / "a" / "none").is_dir()


def test_a_folder_that_cannot_be_made() -> None:
    with pytest.raises(SiteError, match="cannot be made"):
        LocalBlobs(Path("/proc/no/such/folder")).check_writable()


def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(path))

    LocalBlobs(tmp_path).write("a", b"one")
    monkeypatch.setattr(Path, "touch", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)  # Linux asks the mount before it looks for the name
    with pytest.raises(SiteError, match="is read-only: queries work, runs do not"):
        LocalBlobs(tmp_path).check_writable()
    assert LocalBlobs(tmp_path).read("a") == b"one"


def test_deleting_leaves_no_empty_folders(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.write("a/b/c", b"x")
    blobs.write("a/d", b"x")
    blobs.delete(["a/b/c"])
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["d"]
