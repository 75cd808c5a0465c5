"""Names of files below a root: relative POSIX paths that do not climb out of it.

Receipts, manifests and rows name files, and anybody who can write to a store can write anything there: ``../`` and
absolute paths would read, and delete, files of others.
"""

from schemas.errors import LeavesRoot


def leads_out(name: str) -> bool:
    """Returns whether a name is no path below a root, whatever links there are."""
    # ``..`` in the text first: most names have none, and a store of years has many names.
    return name.startswith("/") or "\0" in name or (".." in name and ".." in name.split("/"))


def check_name(name: str, root: str) -> str:
    """Returns a name that stays below a root.

    Raises:
        LeavesRoot: it does not.
    """
    if leads_out(name):
        raise LeavesRoot(f"{name!r} leads out of {root}")
    return name
