"""What S3 can do that fsspec has no word for, or a wrong one."""

import errno
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from fsspec.spec import AbstractFileSystem

OPTIONS: Mapping[str, Any] = {
    # Else every look at the end of a file fetches tens of megabytes.
    "default_block_size": 5 * 2**20,
    # What is beyond reach is told within seconds; the night tries again, later.
    "config_kwargs": {
        "connect_timeout": 3,
        "read_timeout": 15,
        "retries": {"mode": "standard", "total_max_attempts": 2},
    },
}
"""Options of the client."""

TRIES = 2
"""How often s3fs sends a request, of which botocore makes attempts of its own."""

DELETED_AT_ONCE = 1000
"""As many files go with one request, and no more."""


def delete(filesystem: AbstractFileSystem, paths: Sequence[str]) -> None:
    """Removes files of one bucket; one that is not there is no error.

    Not ``filesystem.rm``, which takes ``*``, ``?`` and ``[`` in names for patterns, and says nothing of what it could
    not remove.

    Raises:
        OSError: the server refuses.
    """
    for start in range(0, len(paths), DELETED_AT_ONCE):
        keys = [filesystem.split_path(path) for path in paths[start : start + DELETED_AT_ONCE]]
        objects = [{"Key": key} for _, key, _ in keys]
        said = filesystem.call_s3("delete_objects", Bucket=keys[0][0], Delete={"Objects": objects, "Quiet": True})
        for error in said.get("Errors", ()):
            words = f"{error.get('Key')}: {error.get('Message') or error.get('Code')}"
            raise PermissionError(words) if error.get("Code") == "AccessDenied" else OSError(errno.EIO, words)


def abort_uploads(filesystem: AbstractFileSystem, root: str, oldest: datetime) -> list[str]:
    """Gives up uploads in parts that were begun before and never ended, whose parts are paid for; gives their paths."""
    bucket, prefix, _ = filesystem.split_path(f"{root}/")
    given_up = []
    for upload in _uploads(filesystem, bucket, prefix):
        if upload["Initiated"] < oldest:
            filesystem.call_s3("abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            given_up.append(f"{bucket}/{upload['Key']}")
    return given_up


def _uploads(filesystem: AbstractFileSystem, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
    after: dict[str, str] = {}
    while True:
        page = filesystem.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix, **after)
        yield from page.get("Uploads", ())
        if not page.get("IsTruncated"):
            return
        after = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
