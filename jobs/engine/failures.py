"""Failures of units: an error is classed by where it arose, and only then by its type.

The same ``PermissionError`` means an unreadable file when footage is read, and a refused write when a table is written.
"""

import errno
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from jobs.engine.tasks import Failure
from jobs.planning.graph import UnitKey
from schemas.errors import CorruptFootage, CoverageError, SiteError, StoreFull, TransientError

_ORIGIN = "nightshift_origin"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)", re.DOTALL)
_LONGEST_DETAIL = 500

Origin = Literal["weights", "footage", "op", "store"]
"""Where an error arose."""


def one_line(text: str) -> str:
    """Returns a library's message as one line of at most 500 characters, without colours and control characters."""
    # Lone surrogates are bytes of a path that is not UTF-8: the journal writes them as such.
    printable = "".join(
        letter if letter.isprintable() or "\ud800" <= letter <= "\udfff" else " " for letter in _ESCAPE.sub("", text)
    )
    line = " ".join(printable.split())
    return line if len(line) <= _LONGEST_DETAIL else line[: _LONGEST_DETAIL - 1] + "…"


def ray_reason(error: BaseException) -> str:
    """Returns the one line of an error of Ray that says what happened.

    Ray puts colours, its own frames and those of the worker before the message of what a worker raised.
    """
    lines = [line for line in str(error).splitlines() if line.strip()]
    frames = [index for index, line in enumerate(lines) if "ray::" in line]
    # After the last group of frames, whose lines are indented, comes what was raised: "module.Name: message".
    raised = [line for line in lines[frames[-1] + 1 :] if not line[0].isspace()] if frames else []
    reason = one_line((raised or lines or [type(error).__name__])[0])
    return re.sub(r"^(?:\w+\.)+(?=\w+: )", "", reason)


@contextmanager
def arising_in(origin: Origin) -> Iterator[None]:
    """Notes the origin of errors that pass through; also a decorator. The innermost block wins."""
    try:
        yield
    except Exception as error:
        # Noted on the error, not by wrapping it: an op may catch by type what its services raise.
        vars(error).setdefault(_ORIGIN, origin)
        raise


def classify(key: UnitKey, error: Exception, store: str) -> Failure:
    """Classes what a unit's work raised.

    Args:
        store: the store's location, for messages.

    Returns:
        A failure of kind ``footage``, ``coverage``, ``full``, ``transient`` or ``bug``: see ``Failure``.
    """
    origin = vars(error).get(_ORIGIN, "op")
    name, detail = type(error).__name__, one_line(str(error))
    trace = "".join(traceback.format_exception(error))
    if origin == "footage":
        if isinstance(error, CorruptFootage):
            return Failure(key, "footage", error.reason, error.message)
        if isinstance(error, FileNotFoundError | PermissionError):
            return Failure(key, "footage", "unreadable", detail)
    if isinstance(error, CoverageError):
        return Failure(key, "coverage", name, detail)
    if isinstance(error, StoreFull) or (isinstance(error, OSError) and error.errno in _NO_SPACE):
        return Failure(key, "full", StoreFull.__name__, detail)
    retried: tuple[type[Exception], ...] = (TransientError, MemoryError)
    if origin != "weights":  # weights that do not load now will not load at the next attempt either
        retried += (SiteError, OSError)  # SiteError: credentials of an object store that expired in mid-run
    if isinstance(error, retried):
        if origin == "store" and store not in detail:
            detail = f"store {store}: {detail}"
        return Failure(key, "transient", name, detail, trace)
    return Failure(key, "bug", name, detail, trace)
