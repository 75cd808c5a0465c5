"""S3 requests that fsspec lacks, or does differently than storage needs."""

import errno
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fsspec.spec import AbstractFileSystem

OPTIONS: Mapping[str, Any] = {
    # With s3fs's larger default, every read near the end of a file (a Parquet footer) fetches tens of megabytes.
    "default_block_size": 5 * 2**20,
    # An unreachable server is reported within seconds: the run retries the unit later.
    "config_kwargs": {
        "connect_timeout": 3,
        "read_timeout": 15,
        "retries": {"mode": "standard", "total_max_attempts": 2},
    },
}
"""Options of the s3fs client."""

TRIES = 2
"""Times that s3fs sends a request; botocore makes its own attempts within each."""

KEYS_PER_DELETE = 1000
"""Most keys that S3 accepts in one DeleteObjects request."""


def delete(filesystem: AbstractFileSystem, paths: Sequence[str]) -> None:
    """Removes files of one bucket by their exact keys; missing ones are ignored.

    ``filesystem.rm`` cannot be used: it takes ``*``, ``?`` and ``[`` in names for patterns, and does not report what it
    could not remove.

    Raises:
        OSError: the server refuses.
    """
    for start in range(0, len(paths), KEYS_PER_DELETE):
        keys = [filesystem.split_path(path) for path in paths[start : start + KEYS_PER_DELETE]]
        objects = [{"Key": key} for _, key, _ in keys]
        reply = filesystem.call_s3("delete_objects", Bucket=keys[0][0], Delete={"Objects": objects, "Quiet": True})
        for error in reply.get("Errors", ()):
            text = f"{error.get('Key')}: {error.get('Message') or error.get('Code')}"
            raise PermissionError(text) if error.get("Code") == "AccessDenied" else OSError(errno.EIO, text)


def abort_uploads(filesystem: AbstractFileSystem, root: str, oldest: datetime) -> list[str]:
    """Aborts multipart uploads that began before ``oldest``, since their parts are billed; returns their paths."""
    bucket, prefix, _ = filesystem.split_path(f"{root}/")
    aborted: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = filesystem.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix, **after)
        for upload in page.get("Uploads", ()):
            key = upload["Key"]
            if upload["Initiated"] < oldest:
                filesystem.call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload["UploadId"])
                aborted.append(f"{bucket}/{key}")
        if not page.get("IsTruncated"):
            return aborted
        after = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
