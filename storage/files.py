"""Files that appear whole or not at all: the primitives that everything in the store is written with.

A file that is being written has a name that begins with ``.tmp-``, in the folder of its final name. Readers skip names
that begin with a dot; ``storage/maintenance/sweep.py`` removes what a killed process left.

A *private* file is for its owner only, whatever the umask, from its first byte on, and so are the folders made for it.
Other files and folders follow the umask.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from schemas.errors import StoreFull, TransientError

TEMPORARY_PREFIX = ".tmp-"
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""``errno`` values of a full local disk."""
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
"""Permissions of private files and folders."""
_SHARED_FILE, _SHARED_FOLDER = 0o666, 0o777  # less the umask
_UNKNOWN_MACHINE = "unknown"
_MAX_NAME_LENGTH = 120
_IS_SAFE = re.compile(rf"[\w~-][\w.~-]{{0,{_MAX_NAME_LENGTH - 1}}}", re.ASCII).fullmatch  # what `quote` leaves as it is
_TRIES = 20


def write_atomic(path: Path, content: bytes, private: bool = False) -> None:
    """Writes a file whole, or not at all, in place of any former one; it survives a power cut.

    Raises:
        StoreFull: no space is left.
    """
    with atomic_path(path, private) as temporary:
        temporary.write_bytes(content)


def put_if_absent(path: Path, content: bytes, private: bool = False, durable: bool = True) -> bool:
    """Creates a file whole, unless it exists; of several callers at once exactly one gets True.

    Args:
        durable: it survives a power cut; otherwise it may be gone or empty after one, and takes a tenth of the time.

    Raises:
        StoreFull: no space is left.
    """
    if path.exists():
        return False  # only saves the writing; the link below decides
    with translate_full_disk(path), _temporary_beside(path) as temporary:
        with _new_file(temporary, private) as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        try:
            # A hard link fails if the name is taken, on every local file system and on NFS; a rename would replace it.
            os.link(temporary, path)
        except FileExistsError:
            return False
        if durable:
            sync_folder(path.parent)
    return True


@contextmanager
def atomic_path(path: Path, private: bool = False) -> Iterator[Path]:
    """Yields a hidden path to write, whose file replaces ``path`` at the end, or vanishes if the block raises.

    A block that removes the file changes nothing. The file exists, empty, with its permissions: a block that opens it
    to write keeps them.

    Raises:
        StoreFull: no space is left.
    """
    with translate_full_disk(path), _temporary_beside(path) as temporary:
        _new_file(temporary, private).close()  # so that the folder is not empty, and nobody removes it
        yield temporary
        if temporary.exists():
            # File first, name second, folder last: after a power cut the name never leads to half a file.
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Yields a file to write to, which replaces ``path`` at the end, or vanishes if the block raises.

    Raises:
        StoreFull: no space is left.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        yield file
        file.flush()


def temporary_path(path: Path) -> Path:
    """Returns a new hidden name beside ``path``, which says who writes it: see ``writer_is_gone``."""
    return path.with_name(f"{TEMPORARY_PREFIX}{_machine()}-{os.getpid()}-{secrets.token_hex(8)}")


def writer_is_gone(name: str) -> bool:
    """Returns whether a temporary file is of a process of this machine that no longer exists; False if unknown."""
    machine, _, rest = name.removeprefix(TEMPORARY_PREFIX).partition("-")
    pid = rest.partition("-")[0]
    if machine != _machine() or machine == _UNKNOWN_MACHINE or not (pid.isascii() and pid.isdigit()):
        return False
    try:
        os.kill(int(pid), 0)  # signal 0 only checks
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False  # it exists, and is another user's; or it is no number of a process
    return False


@cache
def _machine() -> str:
    """Returns what numbers of processes belong to: this machine since it started, and in it, this container."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text()
        container = os.readlink("/proc/self/ns/pid")  # noqa: PTH115  no path, but `pid:[4026531836]`
    except OSError:
        return _UNKNOWN_MACHINE  # not Linux: age alone decides
    return hashlib.sha256(f"{started}{container}".encode()).hexdigest()[:12]


def make_folder(folder: Path, private: bool = False) -> None:
    """Makes a folder and its parents, and syncs them so that they survive a power cut; existing ones stay as they are.

    Args:
        folder: the folder.
        private: makes all that are missing private.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent, private)
    folder.mkdir(PRIVATE_FOLDER if private else _SHARED_FOLDER, exist_ok=True)
    sync_folder(folder.parent)


def private_scratch() -> Path:
    """Returns this account's private folder for scratch files of programs that give theirs no permissions."""
    folder = Path(tempfile.gettempdir(), f"nightshift-{os.getuid()}")
    with suppress(FileExistsError):
        folder.mkdir(PRIVATE_FOLDER)
    status = folder.lstat()
    is_mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if is_mine and stat.S_IMODE(status.st_mode) == PRIVATE_FOLDER:
        return folder
    # Somebody else took the name, in a folder that all accounts share.
    return Path(tempfile.mkdtemp(prefix="nightshift-"))


def sync_folder(folder: Path) -> None:
    """Syncs a folder, so that added and removed names survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_file(path: Path) -> str:
    """Returns the sha256 of a file's content, 64 hex digits."""
    with path.open("rb") as file:
        return sha256_stream(file)


def sha256_stream(file: BinaryIO) -> str:
    """Returns the sha256 of the rest of a file, 64 hex digits."""
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed: no readinto


def safe_name(text: str) -> str:
    """Returns any text, such as a path, as one file name: never hidden, empty, too long, or equal to another text's."""
    if _IS_SAFE(text):
        return text  # most names; this is called for every receipt of a store
    name = quote(text, safe="", errors="surrogateescape") or "%"
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > _MAX_NAME_LENGTH:
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        name = f"{name[: _MAX_NAME_LENGTH - 40]}~{digest[:32]}"
    return name


def first_line(error: Exception) -> str:
    """Returns an error's message as one line; of an ``OSError`` without its number and path."""
    text = getattr(error, "strerror", None) or str(error)
    return (text.splitlines() or [type(error).__name__])[0]


@contextmanager
def translate_full_disk(path: Path) -> Iterator[None]:
    """Raises ``StoreFull`` in place of the file system's error where no space is left."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise StoreFull(
            f"no space left to write {path}: free some space (or raise the quota) and run again; "
            "what is committed stays"
        ) from error


@contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    """Yields a new hidden name in the folder of ``path``; removes its file at the end, if there is one."""
    temporary = temporary_path(path)
    try:
        yield temporary
    finally:
        with suppress(FileNotFoundError, NotADirectoryError):  # else it would hide the error that came before
            temporary.unlink()


def _new_file(temporary: Path, private: bool) -> BinaryIO:
    """Opens a new file; makes its folder, again if another process removes it while it is empty."""
    mode = PRIVATE_FILE if private else _SHARED_FILE
    for _ in range(_TRIES):
        try:
            make_folder(temporary.parent, private)
            # Created with its permissions: a `chmod` would come after others could have opened it.
            return open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, mode))
        except FileNotFoundError:
            continue
    raise TransientError(f"another process removes the folder {temporary.parent} again and again: try again")
