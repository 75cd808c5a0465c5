"""Where a store's and an archive's files live: below a folder of this machine, or below a prefix of an object store."""

from pathlib import Path

from storage.blobs.base import Blob, Blobs
from storage.blobs.local import LocalBlobs
from storage.blobs.local_cache import LocalFileCache
from storage.blobs.remote import RemoteBlobs

__all__ = ["Blob", "Blobs", "LocalBlobs", "LocalFileCache", "RemoteBlobs", "open_blobs"]


def open_blobs(location: str | Path) -> Blobs:
    """The files below a folder, or below ``PROTOCOL://BUCKET/PREFIX``; nothing is asked of a network yet.

    Raises:
        SiteError: the location is a file, or the address names no bucket, or a protocol that no package here knows.
    """
    if isinstance(location, str) and "://" in location:
        return RemoteBlobs(location)
    blobs = LocalBlobs(Path(location))
    blobs.check_not_a_file()
    return blobs
