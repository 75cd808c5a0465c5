"""Files below a prefix of an object store, through fsspec: S3-compatible stores, others for reading only.

Why fsspec and s3fs, not pyarrow's S3 file system: docs/decisions/0013-object-stores-and-sql.md.
"""

import errno
import posixpath
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
from fsspec.spec import AbstractFileSystem

from schemas.errors import LeavesRoot, SiteError, StoreFull
from storage.blobs import s3
from storage.blobs.base import Blob
from storage.blobs.errors import WriteConflict, error_code, translate_error
from storage.blobs.names import check_name, leads_out
from storage.blobs.translated_file import TranslatedFile
from storage.files import DISK_FULL, TEMPORARY_PREFIX

EXCLUSIVE_PROTOCOLS = frozenset({"s3", "s3a"})
"""Protocols with conditional writes: the server decides which of several writers creates a file.

For many others fsspec first checks for the file and then writes it, so that two writers can both succeed.
"""

_TRIES = 5


def known_protocols(writing: bool) -> frozenset[str]:
    """Returns the protocols that can be read, or written to by several writers; installed or not."""
    return EXCLUSIVE_PROTOCOLS if writing else frozenset(fsspec.available_protocols()) - {"file", "local"}


class RemoteBlobs:
    """``Blobs`` in an object store. Credentials, region and endpoint are those of the AWS settings (``AWS_...``).

    Args:
        url: ``s3://BUCKET`` or ``s3://BUCKET/PREFIX``.

    Raises:
        SiteError: no installed package knows the protocol, or the address names no bucket.
    """

    def __init__(self, url: str) -> None:
        self._protocol, _, path = url.partition("://")
        self._root = path.strip("/")
        self._url = f"{self._protocol}://{self._root}"
        if not self._root:
            raise SiteError(f"{url} names no bucket: write {self._protocol}://BUCKET/PREFIX")
        self._check_protocol()

    @property
    def url(self) -> str:
        """The address, without a trailing slash."""
        return self._url

    @property
    def filesystem(self) -> AbstractFileSystem:
        """The fsspec file system, for DuckDB too; one per process, since its connections do not survive a fork."""
        options = s3.OPTIONS if self._speaks_s3 else {}
        # A cached listing would hide what other machines write.
        found = fsspec.filesystem(self._protocol, use_listings_cache=False, **options)
        if self._speaks_s3:
            found.retries = s3.TRIES
        return found

    def read(self, name: str) -> bytes:
        """Returns the content of a file."""
        # By default s3fs first asks for the size, to fetch large files in parts: twice the requests for small receipts.
        whole = {"max_concurrency": 1} if self._speaks_s3 else {}
        with self._translated_errors(name):
            return cast(bytes, self.filesystem.cat_file(self._path(name), **whole))

    def open(self, name: str) -> BinaryIO:
        """Opens a file that is fetched in blocks as they are read."""
        with self._translated_errors(name):
            file = self.filesystem.open(self._path(name), "rb")
        return cast(BinaryIO, TranslatedFile(file, lambda: self._translated_errors(name)))

    def write(self, name: str, content: bytes) -> None:
        """Writes a file atomically, replacing an existing one."""
        with self._translated_errors(name, writing=True):
            self.filesystem.pipe_file(self._path(name), content)

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Creates a file unless it exists; the server decides.

        A writer whose connection breaks after the server accepted the content gets False from its retry: the existing
        file is then its own.
        """
        if not self._speaks_s3:
            raise SiteError(
                f"{self._url} cannot be a store: {self._protocol}:// may let two writers both create one file; "
                "use a folder or s3://BUCKET/PREFIX"
            )
        for _ in range(_TRIES - 1):
            with suppress(WriteConflict):
                return self._put_if_absent(name, content)
        return self._put_if_absent(name, content)

    @contextmanager
    def create(self, name: str) -> Iterator[Path]:
        """Yields a scratch file, uploaded when the block ends without an error."""
        with _scratch(name) as path:
            yield path
            if path.exists():
                with self._translated_errors(name, writing=True):
                    self.filesystem.put_file(str(path), self._path(name))

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """Yields a scratch file with the downloaded content."""
        with _scratch(name) as path:
            with self._translated_errors(name):
                self.filesystem.get_file(self._path(name), str(path))
            yield path

    def list(self, below: str = "") -> Iterator[Blob]:
        """Lists every file below a folder."""
        start = self._path(below) if below else self._root
        try:
            with self._translated_errors(below):
                found = self.filesystem.find(start, detail=True)
        except FileNotFoundError:
            return
        blobs = [
            self._blob(path, each)
            for path, each in found.items()
            if path.strip("/").startswith(f"{start}/")  # leaves out a file that has the folder's own name
        ]
        for blob in sorted(blobs, key=lambda blob: blob.name.split("/")):
            if not any(part.startswith(".") for part in blob.name.split("/")):
                yield blob

    def stat(self, name: str) -> Blob:
        """Returns size and time of a file."""
        with self._translated_errors(name):
            found = self.filesystem.info(self._path(name))
        if found["type"] != "file":
            raise _missing(f"{self._url}/{name}")
        return self._blob(self._path(name), found)

    def exists(self, name: str) -> bool:
        """Returns whether the file exists."""
        try:
            self.stat(name)  # ``isfile`` would report a lost connection as a missing file
        except FileNotFoundError:
            return False
        return True

    def contains(self, name: str) -> bool:
        """Returns whether a name stays below the prefix."""
        return not leads_out(name)

    def delete(self, names: Iterable[str]) -> None:
        """Removes files, many per request on S3."""
        paths = [self._path(name) for name in sorted(set(names))]
        with self._translated_errors("", writing=True):
            if self._speaks_s3:
                s3.delete(self.filesystem, paths)
                return
            for path in paths:
                with suppress(FileNotFoundError):
                    self.filesystem.rm_file(path)

    def free_bytes(self) -> int | None:
        """Returns None: an object store has no fixed size."""
        return None

    def sweep(self, older_than_h: float) -> Sequence[str]:
        """Removes temporary files older than ``older_than_h``, and the parts of unfinished uploads."""
        oldest = datetime.now(UTC) - timedelta(hours=older_than_h)
        with self._translated_errors(""):
            found = [self._blob(path, each) for path, each in self.filesystem.find(self._root, detail=True).items()]
            aborted = s3.abort_uploads(self.filesystem, self._root, oldest) if self._speaks_s3 else []
        hidden = [blob for blob in found if posixpath.basename(blob.name).startswith(TEMPORARY_PREFIX)]
        old = [blob.name for blob in hidden if blob.modified < oldest.timestamp()]
        self.delete(old)
        return sorted([*old, *map(self._name, aborted)])

    def check_readable(self) -> None:
        """Raises SiteError if the bucket does not exist or may not be read."""
        try:
            with self._translated_errors(""):
                # ``exists`` would report a lost connection or wrong credentials as a missing bucket.
                self.filesystem.info(self._root.partition("/")[0])
        except FileNotFoundError as error:
            raise SiteError(self._no_bucket()) from error

    def check_writable(self) -> None:
        """Raises SiteError if files cannot be created, or if the server ignores conditional writes.

        Some servers do (docs/decisions/0013), so one name is created twice before a run begins.
        """
        self.check_readable()
        name = f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        created = self.put_if_absent(name, b"1")
        again = self.put_if_absent(name, b"2")
        self.delete([name])
        if again or not created:
            raise SiteError(
                f"{self._url} ignores conditional writes (If-None-Match), so two runs could both commit one unit: "
                "use an object store that has them, or a folder"
            )

    def _check_protocol(self) -> None:
        try:
            fsspec.get_filesystem_class(self._protocol)
        except ValueError as error:
            raise SiteError(
                f"{self._url}: unknown protocol {self._protocol}://: use a folder or s3://BUCKET/PREFIX"
            ) from error
        except ImportError as error:
            advice = "pip install 'nightshift[s3]'" if self._protocol in EXCLUSIVE_PROTOCOLS else str(error)
            raise SiteError(f"{self._url} needs a package that is not installed: {advice}") from error

    @property
    def _speaks_s3(self) -> bool:
        return self._protocol in EXCLUSIVE_PROTOCOLS

    def _blob(self, path: str, found: Mapping[str, Any]) -> Blob:
        return Blob(self._name(path), int(found["size"]), _modified_ns(found))

    def _name(self, path: str) -> str:
        return path.strip("/").removeprefix(f"{self._root}/")

    def _path(self, name: str) -> str:
        # A key may hold ``..``, but clients and servers on the way resolve it as a path.
        return f"{self._root}/{check_name(name, self._url)}"

    def _put_if_absent(self, name: str, content: bytes) -> bool:
        try:
            with self._translated_errors(name, writing=True):
                # ``open(..., "xb")`` replaces small files in s3fs before 2025.7.
                self.filesystem.pipe_file(self._path(name), content, mode="create")
        except FileExistsError:
            return False
        return True

    def _no_bucket(self) -> str:
        return f"{self._url}: this bucket does not exist; create it, or correct the address in site.toml"

    @contextmanager
    def _translated_errors(self, name: str, writing: bool = False) -> Iterator[None]:
        """Translates the client's errors: a mistake in the site, a full store, or a transient failure."""
        try:
            yield
        except (FileExistsError, LeavesRoot):
            raise
        except FileNotFoundError as error:
            if writing or error_code(error) == "NoSuchBucket":
                raise SiteError(self._no_bucket()) from error
            raise _missing(f"{self._url}/{name}") from error
        except Exception as error:
            translated = translate_error(error, f"{self._url}/{name}".rstrip("/"), writing)
            if translated is None:
                raise
            raise translated from error


@contextmanager
def _scratch(name: str) -> Iterator[Path]:
    """Yields a path in a temporary folder; it keeps the file name, which messages and format detection use."""
    try:
        with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
            yield Path(folder, posixpath.basename(name))
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise StoreFull(
            f"no space left in {tempfile.gettempdir()} for a temporary copy of {name}: free some, or set TMPDIR"
        ) from error


def _missing(where: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "it does not exist", where)


def _modified_ns(found: Mapping[str, Any]) -> int:
    """Returns the modification time; each protocol has its own key for it.

    Whole seconds, because S3 gives no more for a single file although listings are finer: the two must be equal.
    """
    value = next((found[key] for key in ("LastModified", "last_modified", "mtime", "created") if key in found), 0.0)
    return int(value.timestamp() if isinstance(value, datetime) else value) * 10**9
