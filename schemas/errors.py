"""The error tree of Nightshift.

::

    NightshiftError
    ├── UserError            the user's mistake; the CLI prints one line and exits with 2
    │   ├── SiteError        site.toml is missing, wrong or contradicts itself
    │   ├── SelectionError   a camera, op, table or date that does not exist
    │   ├── ModelError       weights that are missing, altered, unreadable or not trusted
    │   └── QueryError       SQL that DuckDB refuses
    ├── CorruptFootage       this footage cannot be read; quarantined with the reason, the night goes on
    ├── CoverageError        an anonymized segment cannot be vouched for; it is not published
    ├── TransientError       worth another try: a lost worker, a file system that hiccups
    └── StoreFull            no space left; the run stops, what is committed stays

A message says what went wrong, in which file or field, and what to do next.
"""


class NightshiftError(Exception):
    """Base of every error that Nightshift raises on purpose."""


class UserError(NightshiftError):
    """The user's mistake: one line that says what, where and what to do."""


class SiteError(UserError):
    """``site.toml`` is missing, has a wrong key or type, or contradicts itself."""


class SelectionError(UserError):
    """A camera, op, table or date was named that does not exist."""


class ModelError(UserError):
    """Weights are missing, altered, unreadable or not trusted."""


class QueryError(UserError):
    """A query that DuckDB refuses."""


class CorruptFootage(NightshiftError):
    """Footage cannot be read; ``reason`` is a short stable word, the message says the rest.

    Args:
        reason: one of ``DAMAGE_REASONS``.
        message: what was seen, in which file, at which time.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class CoverageError(NightshiftError):
    """The people in a segment cannot be vouched to be covered: nothing of it is published."""


class TransientError(NightshiftError):
    """A failure that another try may not meet."""


class StoreFull(NightshiftError):
    """No space is left where the store lives."""


DAMAGE_REASONS = (
    "empty_file",  # zero bytes
    "not_a_video",  # no container that FFmpeg knows
    "no_index",  # MP4 without moov: never finished
    "no_video_stream",
    "no_frames",  # a container and a stream, zero length
    "unreadable",  # permissions, I/O errors
    "still_written",  # changed while, or just before, it was read
    "truncated",  # ends before its declared length: what is there is used
    "decode_error",  # packets that no decoder accepts: a stretch is lost
)
"""Reasons that stand in ``footage.damage`` and ``quarantine.reason``."""
