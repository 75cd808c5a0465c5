"""Failures of units: an error is classed by where it arose, and only then by its type.

The same ``PermissionError`` means an unreadable file when footage is read, and a refused write when a table is written.
"""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from jobs.engine.tasks import Failure
from jobs.planning.graph import UnitKey
from schemas.errors import CorruptFootage, CoverageError, SiteError, StoreFull, TransientError

_ORIGIN = "nightshift_origin"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

Origin = Literal["weights", "footage", "op", "store"]
"""Where an error arose."""


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
    name, detail = type(error).__name__, str(error)
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
