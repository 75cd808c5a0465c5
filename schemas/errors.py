"""The error tree of Nightshift.

::

    NightshiftError
    ├── UserError            a mistake of the user; the CLI prints one line and exits with 2
    │   ├── SiteError        site.toml is missing, wrong or contradicts itself
    │   ├── SelectionError   an unknown camera, op, table or date
    │   ├── ModelError       weights are missing, altered, unreadable, not trusted or not able to see
    │   └── QueryError       DuckDB refuses the SQL
    ├── CorruptFootage       footage cannot be read; it is quarantined with the reason, and the run continues
    ├── CoverageError        people in a segment may be uncovered; the segment is not published
    ├── TransientError       may succeed on retry: a lost worker, a file system that timed out
    ├── StoreFull            no space left; the run stops, committed units stay
    └── LeavesRoot           a name or a link leads out of a store or archive; nothing there is read or deleted

A message says what went wrong, in which file or field, and what to do next.
"""


class NightshiftError(Exception):
    """Base class of every error that Nightshift raises on purpose."""


class UserError(NightshiftError):
    """A mistake of the user. The message is one line: what is wrong, where, and what to do."""


class SiteError(UserError):
    """``site.toml`` is missing, has a wrong key or type, or contradicts itself."""


class SelectionError(UserError):
    """The selection names a camera, op, table or date that does not exist."""


class ModelError(UserError):
    """Weights are missing, altered, unreadable, not trusted or not able to see."""


class QueryError(UserError):
    """DuckDB refuses the query, or the query would change something."""


class CorruptFootage(NightshiftError):
    """Footage cannot be read.

    Args:
        reason: one of ``DAMAGE_REASONS``; stable, for queries.
        message: what was found, in which file and at which time, for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class CoverageError(NightshiftError):
    """Nothing proves that all people in a segment are covered, so no part of it is published."""


class TransientError(NightshiftError):
    """A failure that a retry may not meet."""


class StoreFull(NightshiftError):
    """No space is left on the store's disk or object store."""


class LeavesRoot(NightshiftError, OSError):
    """A name, or a link on its way, leads out of a store or archive: for those who read, a file that is not there."""


STILL_WRITTEN = "still_written"
SECOND_CLOCK = "second_clock"
CLOCK_JUMP = "clock_jump"
NO_TIMES = "no_times"

DAMAGE_REASONS = (
    "empty_file",  # zero bytes
    "not_a_video",  # FFmpeg recognizes no container
    "no_index",  # MP4 without a moov box: recording never finished
    "no_video_stream",
    NO_TIMES,  # a raw stream without a frame rate, for whose camera site.toml gives none
    "no_frames",  # a video stream of zero length
    "too_large",  # frames with more pixels than ``max_megapixels``; a few bytes of video can hold gigabytes
    "unreadable",  # permissions, I/O errors
    STILL_WRITTEN,  # modified while it was read, or less than ``settle_s`` before; no error, and not in quarantine
    "truncated",  # ends before its declared length; the part that exists is used
    "decode_error",  # the decoder rejects packets; that stretch is lost
    "decoder_dies",  # three workers ended while they decoded it
    "decoder_hangs",  # the decoder gave no frame within a limit that depends on the segment's length, twice
    SECOND_CLOCK,  # the content of another file of the camera, whose name gives another time; that one is used
    CLOCK_JUMP,  # times jump by more than a day; each stretch is used at the times that it has
    "wrong_clock",  # impossible times; the footage is processed, but not anonymized
)
"""Values of ``footage.damage`` and ``quarantine.reason``."""
