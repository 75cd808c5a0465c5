"""Links: finds those in a store that lead out of it. Nothing behind them is ever deleted or changed."""

import os
from pathlib import Path

from storage.blobs import LocalBlobs
from storage.maintenance.problems import Problem, ProblemKind
from storage.store.store import Store


def find_outward_links(store: Store) -> list[Problem]:
    """Returns a problem for each link that leads out of the store; none in an object store."""
    if not isinstance(store.blobs, LocalBlobs):
        return []
    root = store.blobs.root
    paths = (Path(parent, name) for parent, folders, files in os.walk(root) for name in (*folders, *files))
    names = [path.relative_to(root).as_posix() for path in paths if path.is_symlink()]
    detail = "a link that leads out of the store: nothing behind it is deleted; mount a disk there instead"
    return [Problem(ProblemKind.LINK, name, detail) for name in sorted(names) if not store.blobs.contains(name)]
