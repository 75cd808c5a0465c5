"""Whole files or none: the primitives that everything in the store is written with.

A file that is being written has a name that starts with ``.tmp-``, in the folder where it will stand. Readers skip
names that start with a dot; ``storage/maintenance/sweep.py`` removes what a killed process left behind.
"""

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from schemas.errors import StoreFull, TransientError

TEMPORARY_PREFIX = ".tmp-"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LONGEST_NAME = 120
_CHUNK_BYTES = 1 << 20
_TRIES = 20


def write_atomic(path: Path, content: bytes) -> None:
    """Writes a file that appears whole or not at all, in place of what stood there; it survives a power cut.

    Raises:
        StoreFull: no space is left.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def put_if_absent(path: Path, content: bytes) -> bool:
    """Creates a file whole, unless one stands there; of several at once exactly one is told True.

    Raises:
        StoreFull: no space is left.
    """
    if path.exists():
        return False  # spares the writing; who is right when it is not there yet is said by the link below
    with full_disk_said(path), _hidden_beside(path) as temporary:
        _write(temporary, content)
        try:
            # A hard link fails if the name is taken, on every local file system and on NFS; a rename would replace it.
            os.link(temporary, path)
        except FileExistsError:
            return False
        sync_folder(path.parent)
    return True


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A hidden path for the block to write, whose file takes the place of ``path`` at the end, or vanishes.

    A block that removes the file changes nothing.

    Raises:
        StoreFull: no space is left.
    """
    with full_disk_said(path), _hidden_beside(path) as temporary:
        _new_file(temporary).close()  # so that the folder is not empty, and nobody removes it
        yield temporary
        if temporary.exists():
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of ``path`` at the end, or vanishes if the block raises.

    Raises:
        StoreFull: no space is left.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        yield file
        file.flush()


def temporary_path(path: Path) -> Path:
    """A new hidden name beside ``path``."""
    return path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, and keeps them through a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Makes names that were added to a folder, or taken out, survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_file(path: Path) -> str:
    """Sha256 of a file's content, 64 hex digits."""
    with path.open("rb") as file:
        return sha256_stream(file)


def sha256_stream(file: BinaryIO) -> str:
    """Sha256 of what is left to be read, 64 hex digits."""
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def safe_name(text: str) -> str:
    """Any text, such as a path, as one file name that is never hidden, empty, too long or another text's name."""
    name = quote(text, safe="", errors="surrogateescape") or "%"
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        name = f"{name[: _LONGEST_NAME - 40]}~{digest[:32]}"
    return name


@contextmanager
def full_disk_said(path: Path) -> Iterator[None]:
    """Raises ``StoreFull`` in place of what the file system raises where no space is left."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StoreFull(
            f"no space left to write {path}: free some space (or raise the quota) and run again; "
            "what is committed stays"
        ) from error


@contextmanager
def _hidden_beside(path: Path) -> Iterator[Path]:
    """A new hidden name in the folder of ``path``; what stands there at the end is removed."""
    temporary = temporary_path(path)
    try:
        yield temporary
    finally:
        with suppress(FileNotFoundError, NotADirectoryError):  # what went wrong before is the error to tell
            temporary.unlink()


def _write(temporary: Path, content: bytes) -> None:
    with _new_file(temporary) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _new_file(temporary: Path) -> BinaryIO:
    """Opens a new file in a folder that is made, again if another process removes it while it is empty."""
    for _ in range(_TRIES):
        try:
            make_folder(temporary.parent)
            return temporary.open("xb")
        except FileNotFoundError:
            continue
    raise TransientError(f"the folder {temporary.parent} is removed again and again while it is written to")
