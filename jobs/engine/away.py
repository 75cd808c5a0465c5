"""Archives and stores that do not answer for a while: a network share that is gone looks like files that are gone.

An unmounted share leaves an empty folder, or none. So before a unit fails because of a file, its worker looks whether
the rest is there. Footage of a folder that was empty already when the run scanned the archive was taken away: nobody
waits for it.
"""

from collections.abc import Collection, Sequence

from schemas.errors import NightshiftError
from schemas.values import Segment
from storage.archive.listing import folder_of
from storage.blobs import Blobs
from storage.store.store import Store


def find_away(
    archive: Blobs, store: Store, segments: Sequence[Segment], folders: Collection[str]
) -> tuple[str, str] | None:
    """Returns what does not answer, ``archive`` or ``store``, with a line about it; None if both do.

    Args:
        segments: of the unit.
        folders: right below the archive, in which the run's scan found files. Each may be a share of its own.
    """
    if not store_answers(store):
        return "store", f"store {store.blobs.url} does not answer"
    folder = folder_of(segments[0].path) if segments else ""
    below = folder if folder in folders else ""
    if _has_files(archive, below):
        return None
    place = f"{archive.url}/{below}" if below else archive.url
    return "archive", f"archive {place} does not answer, or has no file: is its share mounted?"


def store_answers(store: Store) -> bool:
    """Returns whether a store that existed is still there."""
    try:
        return store.is_present()
    except (NightshiftError, OSError):
        return False


def _has_files(archive: Blobs, below: str) -> bool:
    try:
        return next(iter(archive.list(below)), None) is not None
    except (NightshiftError, OSError):
        return False
