"""Names of stored files, for comparison."""

from storage.blobs import Blobs


def names(blobs: Blobs, below: str = "") -> list[str]:
    """Returns the names of the files below a folder."""
    return [blob.name for blob in blobs.list(below)]
