"""Errors of an object store are translated to our own."""

import pytest

from schemas.errors import SiteError, StoreFull, TransientError
from storage.blobs import open_blobs
from tests.storage.fake_s3 import ClientError, FakeS3


@pytest.mark.parametrize(
    ("raised", "expected", "words"),
    [
        (PermissionError("Access Denied"), SiteError, "AWS_PROFILE"),
        (type("NoCredentialsError", (Exception,), {})("Unable to locate credentials"), SiteError, "AWS_ACCESS_KEY_ID"),
        (ClientError("QuotaExceeded"), StoreFull, "no space left"),
        (OSError(5, "I/O error"), TransientError, "I/O error"),
        (
            type("EndpointConnectionError", (Exception,), {"__module__": "botocore.exceptions"})("no"),
            TransientError,
            "no",
        ),
        (ValueError("a bug of ours"), ValueError, "a bug of ours"),
    ],
)
def test_errors_are_translated(fake_s3: type[FakeS3], raised: Exception, expected: type[Exception], words: str) -> None:
    fake_s3.trouble.append(raised)
    with pytest.raises(expected, match=words) as caught:
        open_blobs("s3://bucket").write("a", b"x")
    assert "\n" not in str(caught.value)
