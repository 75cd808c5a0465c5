"""What an object store's errors mean: each client library has its own, and users and the night know only ours."""

import errno

from schemas.errors import SiteError, StoreFull, TransientError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Numbers of errors that say that a local disk is full."""

_NETWORK_PACKAGES = frozenset({"aiobotocore", "aiohttp", "botocore", "urllib3"})
_NO_SETTINGS = frozenset({"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "NoRegionError"})
_SETTINGS_CODES = frozenset(
    {"301", "400", "AuthorizationHeaderMalformed", "ExpiredToken", "InvalidToken", "PermanentRedirect"}
)
_UNDECIDED = "ConditionalRequestConflict"
_FULL_CODES = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "ServiceQuotaExceededException"})


class Undecided(TransientError):
    """The server could not decide who writes a file, for another wrote or removed it: it is to be asked again."""


def translate_error(error: Exception, where: str, writing: bool) -> Exception | None:
    """What an error means to those who only know files; None if it means nothing but itself."""
    code = code_of(error)
    if code == "InvalidObjectState":
        return PermissionError(errno.EACCES, "it is in cold storage: restore it first", where)
    if writing and code in ("PreconditionFailed", "412"):
        return FileExistsError(errno.EEXIST, "it is there already", where)
    if _is_of_no_address(error):
        return SiteError(f"{where}: {_line(error)}; correct AWS_ENDPOINT_URL, or the address in site.toml")
    if isinstance(error, PermissionError) or code in _SETTINGS_CODES or type(error).__name__ in _NO_SETTINGS:
        return SiteError(
            f"{where} cannot be {'written' if writing else 'read'}: {_line(error)}; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and AWS_DEFAULT_REGION, and see that they may use this bucket"
        )
    if code in _FULL_CODES:
        return StoreFull(f"no space left to write {where}: {_line(error)}; free some space and run again")
    if code == _UNDECIDED:
        return Undecided(f"{where}: {_line(error)}")
    if isinstance(error, OSError) and error.errno in FULL:
        return None
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _NETWORK_PACKAGES:
        return TransientError(f"{where}: {_line(error)}; see that AWS_ENDPOINT_URL is right and answers")
    return None


def code_of(error: BaseException) -> str:
    """The object store's own word for an error, which fsspec keeps as its cause."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def _is_of_no_address(error: Exception) -> bool:
    """Whether botocore finds that an address cannot be one, before it is asked."""
    if type(error).__name__ in ("InvalidEndpoint", "ParamValidationError") or code_of(error) == "InvalidBucketName":
        return True
    return isinstance(error, ValueError) and "endpoint" in str(error).lower()


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
