"""Permissions: finds and protects what other users can read in the private folders of a store.

Nightshift makes these files and folders private, whatever the umask. Stores of former versions, and copies that lost
their permissions, are open. In an object store nothing is to be done: its policies decide who may read what.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE, S_ISDIR

from storage.blobs import LocalBlobs
from storage.files import PRIVATE_FILE, PRIVATE_FOLDER
from storage.maintenance.problems import Problem, ProblemKind
from storage.store.layout import PRIVATE_FOLDERS
from storage.store.store import Store

_OTHERS = 0o077
"""Permissions of everybody but the owner."""


def find_exposed(store: Store) -> list[Problem]:
    """Returns a problem for each private folder in which other users can read or change something."""
    counts = Counter(folder for folder, _, _ in _exposed(store))
    return [
        Problem(
            ProblemKind.EXPOSED,
            folder,
            f"other users may open {count} of its files and folders, which only the store's owner should: `chmod -R "
            "go= FOLDER`, or mount its disk with umask=077",
        )
        for folder, count in sorted(counts.items())
    ]


def protect(store: Store) -> list[Problem]:
    """Makes private what other users can read in private folders.

    Returns:
        The problems as they were. Those of files that belong to somebody else, or of a disk without permissions, stay.
    """
    found = find_exposed(store)
    for _, path, mode in _exposed(store) if found else ():
        with suppress(FileNotFoundError, PermissionError):  # gone, or another user's: verification says so
            path.chmod(mode)
    return found


def _exposed(store: Store) -> Iterator[tuple[str, Path, int]]:
    """Yields private folder, path and the permissions it should have, folders before what they hold."""
    if not isinstance(store.blobs, LocalBlobs):
        return
    # Not behind a link out of the store: what lies there is not the store's to change, and verification names the link.
    for folder in sorted(filter(store.blobs.contains, PRIVATE_FOLDERS)):
        for parent, _, names in os.walk(store.blobs.root / folder):
            for path in (Path(parent), *(Path(parent, name) for name in names)):
                with suppress(FileNotFoundError):
                    status = path.lstat().st_mode
                    if not path.is_symlink() and S_IMODE(status) & _OTHERS:
                        yield folder, path, PRIVATE_FOLDER if S_ISDIR(status) else PRIVATE_FILE
