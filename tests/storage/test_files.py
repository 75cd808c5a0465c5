import errno
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import StoreFull
from storage.files import (
    atomic_file,
    private_scratch,
    put_if_absent,
    safe_name,
    sha256_file,
    temporary_path,
    write_atomic,
    writer_is_gone,
)


def test_write_atomic_replaces_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unfinished_file_is_hidden(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "file") as file:
        file.write(b"half")
        assert [path.name[0] for path in tmp_path.iterdir()] == ["."]


def test_put_if_absent_keeps_the_first(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    assert put_if_absent(path, b"first")
    assert not put_if_absent(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_of_many_puts_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "file"
    start = threading.Barrier(8)
    won: list[bytes] = []

    def contend(number: int) -> None:
        start.wait()
        if put_if_absent(path, bytes([number])):
            won.append(bytes([number]))

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [path.read_bytes()]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("write", [write_atomic, put_if_absent])
def test_full_disk_says_which_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, write: object
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    assert callable(write)
    with pytest.raises(StoreFull, match=r"no space left to write .*file: free some space"):
        write(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        write_atomic(tmp_path / "file" / "below", b"")


def test_sha256_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_file(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "text", ["", ".", "..", ".hidden", "a/b.mp4", "a" * 5000, "ü" * 300, "x\x00y", "\udcff.mp4", "%"]
)
def test_any_text_makes_a_file_name(tmp_path: Path, text: str) -> None:
    (tmp_path / f"{safe_name(text)}-{'f' * 64}.json").write_bytes(b"x")
    (path,) = tmp_path.iterdir()
    assert not path.name.startswith(".")


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_two_texts_never_share_a_name(one: str, other: str) -> None:
    lone = [text for text in (one, other) if any(0xD800 <= ord(c) < 0xDC80 or 0xDCFF < ord(c) < 0xE000 for c in text)]
    if not lone:  # file names decode to surrogates of U+DC80..DCFF only
        assert (safe_name(one) == safe_name(other)) == (one == other)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
@pytest.mark.parametrize("write", [write_atomic, put_if_absent])
def test_private_files_are_private_and_others_follow_the_umask(
    tmp_path: Path, umask: int, write: Callable[[Path, bytes, bool], object]
) -> None:
    former = os.umask(umask)
    try:
        for private in (False, True):
            write(tmp_path / str(private) / "a" / "file", b"x", private)
    finally:
        os.umask(former)
    modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    shared = {"False": 0o777 & ~umask, "False/a": 0o777 & ~umask, "False/a/file": 0o666 & ~umask}
    assert modes == {**shared, "True": 0o700, "True/a": 0o700, "True/a/file": 0o600}


def test_a_file_that_becomes_private_was_never_open_in_between(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    path.chmod(0o644)
    write_atomic(path, b"new", private=True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_scratch_is_this_accounts_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = private_scratch()
    assert folder == private_scratch() and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    other = private_scratch()
    assert other != folder and other.stat().st_mode & 0o777 == 0o700, "somebody made it who lets others in"
    folder.rmdir()
    folder.symlink_to(other)
    assert private_scratch() not in (folder, other)


def test_temporary_names_say_who_writes(tmp_path: Path) -> None:
    assert not writer_is_gone(temporary_path(tmp_path / "a").name)
    child = subprocess.Popen(["true"])
    child.wait()
    gone = temporary_path(tmp_path / "a").name.replace(f"-{os.getpid()}-", f"-{child.pid}-")
    assert writer_is_gone(gone)
    machine = gone.removeprefix(".tmp-").partition("-")[0]
    for name in (".tmp-1", ".tmp-", gone.replace(machine, "0123456789ab"), f".tmp-{machine}-x-1", f".tmp-{machine}-1"):
        assert not writer_is_gone(name), name
    assert not writer_is_gone(f".tmp-{machine}-{10**30}-1")
