"""Translates the errors of object-store clients into those of ``schemas.errors``.

Each client library raises types of its own, and they differ in what they mean: a mistake in the settings stops a run,
a lost connection is tried again.
"""

import errno

from schemas.errors import SiteError, StoreFull, TransientError
from storage.files import DISK_FULL

_NETWORK_PACKAGES = frozenset({"aiobotocore", "aiohttp", "botocore", "urllib3"})
_NO_SETTINGS = frozenset({"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "NoRegionError"})
_SETTINGS_CODES = frozenset(
    {"301", "400", "AuthorizationHeaderMalformed", "ExpiredToken", "InvalidToken", "PermanentRedirect"}
)
_CONFLICT = "ConditionalRequestConflict"
_FULL_CODES = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "ServiceQuotaExceededException"})


class WriteConflict(TransientError):
    """The server could not order two concurrent requests for one file; the request must be sent again."""


def translate_error(error: Exception, where: str, writing: bool) -> Exception | None:
    """Returns what an error means to code that knows only files, or None if it needs no translation."""
    code = error_code(error)
    if code == "InvalidObjectState":
        return PermissionError(errno.EACCES, "it is in cold storage: restore it first", where)
    if writing and code in ("PreconditionFailed", "412"):
        return FileExistsError(errno.EEXIST, "it exists already", where)
    if _is_bad_address(error):
        return SiteError(f"{where}: {_first_line(error)}; correct AWS_ENDPOINT_URL, or the address in site.toml")
    if isinstance(error, PermissionError) or code in _SETTINGS_CODES or type(error).__name__ in _NO_SETTINGS:
        return SiteError(
            f"{where} cannot be {'written' if writing else 'read'}: {_first_line(error)}; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and AWS_DEFAULT_REGION, and check that they may use this bucket"
        )
    if code in _FULL_CODES:
        return StoreFull(f"no space left to write {where}: {_first_line(error)}; free some space and run again")
    if code == _CONFLICT:
        return WriteConflict(f"{where}: {_first_line(error)}")
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return None
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _NETWORK_PACKAGES:
        return TransientError(f"{where}: {_first_line(error)}; check that AWS_ENDPOINT_URL is right and responds")
    return None


def error_code(error: BaseException) -> str:
    """Returns the object store's own error code; fsspec keeps the client's error as the cause of its own."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def _is_bad_address(error: Exception) -> bool:
    """Returns whether botocore rejects the address itself, before any request."""
    if type(error).__name__ in ("InvalidEndpoint", "ParamValidationError") or error_code(error) == "InvalidBucketName":
        return True
    return isinstance(error, ValueError) and "endpoint" in str(error).lower()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
