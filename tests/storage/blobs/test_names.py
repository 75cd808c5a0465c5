"""Names never lead out of their root, in a folder or in an object store."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import LeavesRoot
from storage.blobs import Blobs, LocalBlobs
from storage.blobs.names import check_name, leads_out
from storage.blobs.remote import RemoteBlobs

OUTSIDE = ["../f", "a/../../f", "a/../f", "a/..", "..", "/etc/passwd", "/", "a\0b"]
INSIDE = ["f", "a/f", "a/..f", "a/f..", "...", "camera=../f", "a//f", "a\\..\\f", "a/line\nbreak"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_lead_out(name: str) -> None:
    assert leads_out(name)
    with pytest.raises(LeavesRoot, match="leads out of /store"):
        check_name(name, "/store")


@pytest.mark.parametrize("name", INSIDE)
def test_names_that_stay(name: str) -> None:
    assert not leads_out(name)
    assert check_name(name, "/store") == name


_USES: dict[str, Callable[[Blobs, str], object]] = {
    "read": lambda blobs, name: blobs.read(name),
    "open": lambda blobs, name: blobs.open(name),
    "write": lambda blobs, name: blobs.write(name, b"mine"),
    "put": lambda blobs, name: blobs.put_if_absent(name, b"mine"),
    "create": lambda blobs, name: blobs.create(name).__enter__(),
    "local": lambda blobs, name: blobs.local(name).__enter__(),
    "list": lambda blobs, name: list(blobs.list(name)),
    "stat": lambda blobs, name: blobs.stat(name),
    "exists": lambda blobs, name: blobs.exists(name),
    "delete": lambda blobs, name: blobs.delete([name]),
}


@pytest.mark.parametrize("use", _USES)
@pytest.mark.parametrize("name", ["../outside/f", "a/../../outside/f", "ABSOLUTE"])
def test_nothing_outside_is_read_written_or_deleted(tmp_path: Path, use: str, name: str) -> None:
    outside = tmp_path / "outside/f"
    outside.parent.mkdir()
    outside.write_bytes(b"theirs")
    (tmp_path / "store/a").mkdir(parents=True)
    with pytest.raises(LeavesRoot):
        _USES[use](LocalBlobs(tmp_path / "store"), str(outside) if name == "ABSOLUTE" else name)
    assert outside.read_bytes() == b"theirs"
    assert [*tmp_path.rglob("*.*")] == []


@pytest.mark.parametrize("use", sorted(_USES.keys() - {"list", "create", "put"}))
def test_keys_of_an_object_store(use: str) -> None:
    blobs = RemoteBlobs("memory://bucket/store")
    blobs.filesystem.pipe_file("bucket/other/f", b"theirs")
    with pytest.raises(LeavesRoot):
        _USES[use](blobs, "../other/f")
    assert not blobs.contains("../other/f") and blobs.contains("a/f")
    assert blobs.filesystem.cat_file("bucket/other/f") == b"theirs"


def test_links_are_followed_to_read_and_never_to_delete(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"theirs")
    root = tmp_path / "archive"
    root.mkdir()
    (root / "linked").symlink_to(outside)
    (root / "own").write_bytes(b"mine")
    blobs = LocalBlobs(root)
    assert blobs.read("linked/f") == b"theirs"
    assert not blobs.contains("linked/f") and not blobs.contains("linked/none") and blobs.contains("none/f")
    with pytest.raises(LeavesRoot, match=r"a link leads from .*linked out of"):
        blobs.delete(["own", "linked/f"])
    assert (outside / "f").exists() and (root / "own").exists(), "all or nothing"


def test_links_within_the_root_and_a_root_that_is_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "camera").mkdir(parents=True)
    (real / "camera/f").write_bytes(b"mine")
    (real / "other").symlink_to(real / "camera")
    (tmp_path / "root").symlink_to(real)
    blobs = LocalBlobs(tmp_path / "root")
    assert blobs.contains("camera/f") and blobs.contains("other/f")
    blobs.delete(["other/f"])
    assert not (real / "camera/f").exists()


def test_of_a_linked_file_the_link_is_deleted_and_of_a_hard_link_one_name(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    root = tmp_path / "store"
    root.mkdir()
    (root / "soft").symlink_to(theirs)
    (root / "hard").hardlink_to(theirs)
    blobs = LocalBlobs(root)
    assert not blobs.contains("soft") and blobs.contains("hard")
    blobs.delete(["soft", "hard"])
    assert theirs.read_bytes() == b"theirs"
