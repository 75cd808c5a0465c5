"""Whole files or none: the primitives that everything in the store is written with.

A file that is being written has a name that starts with ``.tmp-``, in the folder where it will stand. Readers skip
names that start with a dot; ``Store.sweep`` removes what a killed process left behind.
"""

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from schemas.errors import StoreFull

TEMPORARY_PREFIX = ".tmp-"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LONGEST_NAME = 120
_CHUNK_BYTES = 1 << 20


def write_atomic(path: Path, content: bytes) -> None:
    """Writes a file that appears whole or not at all, in place of what stood there; it survives a power cut.

    Raises:
        StoreFull: no space is left.
    """
    with atomic_file(path) as file:
        file.write(content)


def put_if_absent(path: Path, content: bytes) -> bool:
    """Creates a file whole, unless one stands there; of several at once exactly one is told True.

    Raises:
        StoreFull: no space is left.
    """
    temporary = temporary_path(path)
    with _full_disk_said(path):
        make_folder(path.parent)
        try:
            with temporary.open("xb") as file:
                file.write(content)
                _flush(file)
            # A hard link fails if the name is taken, on every local file system and on NFS; a rename would replace it.
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    return True


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of ``path`` at the end, or vanishes if the block raises.

    Raises:
        StoreFull: no space is left.
    """
    temporary = temporary_path(path)
    with _full_disk_said(path):
        make_folder(path.parent)
        try:
            with temporary.open("xb") as file:
                yield file
                _flush(file)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


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


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _full_disk_said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StoreFull(
            f"no space left to write {path}: free some space (or raise the quota) and run again; "
            "what is committed stays"
        ) from error
