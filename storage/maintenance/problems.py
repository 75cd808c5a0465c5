"""The kinds of problems that a store's files can have."""

from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from schemas.errors import SiteError
from storage.blobs import Blobs
from storage.files import sha256_stream


class ProblemKind(StrEnum):
    """Kind of a problem with a file."""

    MISSING = "missing"  # something names it, and it does not exist
    FOREIGN = "foreign"  # something names it that it does not belong to; it is neither read nor deleted
    ALTERED = "altered"  # its content differs from its hash, or cannot be read
    TORN = "torn"  # a record, such as a receipt, that cannot be parsed
    HEADLESS = "headless"  # a shard with receipts that no head of the manifest names
    FUTURE = "future"  # committed at a time that is still to come by this machine's clock
    LINK = "link"  # it leads out of the store, and nothing behind it is deleted
    EXPOSED = "exposed"  # a private folder that other users can read
    ORPHANED = "orphaned"  # nothing names it
    YOUNG = "young"  # nothing names it yet, but a worker may be about to commit it


class UnitName(NamedTuple):
    """Names one version of a unit of work."""

    op: str
    camera: str
    date: str
    unit: str
    fingerprint: str


@dataclass(frozen=True)
class Problem:
    """A file that is not as it should be.

    Attributes:
        name: file, relative to the store.
        detail: description for people.
        units: units with results in it.
    """

    kind: ProblemKind
    name: str
    detail: str
    units: tuple[UnitName, ...] = ()


def no_access(blobs: Blobs, name: str) -> SiteError:
    """Returns the error for a file that this user may not read: it may be sound, so it must not be repaired."""
    return SiteError(f"{blobs.url}/{name} may not be read by this user: let it be read, then verify again")


def hash_blob(blobs: Blobs, name: str) -> str:
    """Returns the sha256 of a file, in hex.

    Raises:
        SiteError: this user may not read it.
    """
    try:
        with closing(blobs.open(name)) as file:
            return sha256_stream(file)
    except PermissionError as error:
        raise no_access(blobs, name) from error
