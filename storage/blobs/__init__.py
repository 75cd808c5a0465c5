"""File access for store and archive: a folder of this machine, or a prefix of an object store."""

from collections.abc import Collection
from pathlib import Path

from storage.blobs.base import Blob, Blobs
from storage.blobs.local import LocalBlobs
from storage.blobs.local_cache import LocalFileCache

__all__ = ["Blob", "Blobs", "LocalBlobs", "LocalFileCache", "open_blobs"]


def open_blobs(location: str | Path, private: Collection[str] = (), short_lived: Collection[str] = ()) -> Blobs:
    """Returns access to the files below a folder or ``PROTOCOL://BUCKET/PREFIX``, without any network request.

    Args:
        location: the folder or address.
        private, short_lived: as for ``LocalBlobs``. In an object store its policies decide who may read what, and what
            is written stays.

    Raises:
        SiteError: the location is a file, the address names no bucket, or no installed package knows the protocol.
    """
    if isinstance(location, str) and "://" in location:
        from storage.blobs.remote import RemoteBlobs  # and fsspec, which a folder does not need

        return RemoteBlobs(location)
    blobs = LocalBlobs(Path(location), private, short_lived)
    blobs.check_not_a_file()
    return blobs
