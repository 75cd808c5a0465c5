"""What stands at a place of files."""

from storage.blobs import Blobs


def names(blobs: Blobs, below: str = "") -> list[str]:
    """Names of the files below a folder."""
    return [blob.name for blob in blobs.list(below)]
