"""What can be the matter with a file of a store."""

from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from schemas.errors import SiteError
from storage.blobs import Blobs
from storage.files import sha256_stream


class Fault(StrEnum):
    """What is the matter with a file."""

    MISSING = "missing"
    ALTERED = "altered"
    TORN = "torn"
    HEADLESS = "headless"
    ORPHANED = "orphaned"
    YOUNG = "young"


class UnitName(NamedTuple):
    """Names a unit of work, and which version of it."""

    op: str
    camera: str
    date: str
    unit: str
    fingerprint: str


@dataclass(frozen=True)
class Finding:
    """A file that is not as it should be.

    Attributes:
        name: below the store.
        detail: for people.
        units: the units whose results it holds.
    """

    fault: Fault
    name: str
    detail: str
    units: tuple[UnitName, ...] = ()


def no_access(blobs: Blobs, name: str) -> SiteError:
    """What to say of a file that may not be read: whether it is sound cannot be told, so nothing is to be repaired."""
    return SiteError(f"{blobs.url}/{name} may not be read by this user: let it be read, then verify again")


def hash_of(blobs: Blobs, name: str) -> str:
    """sha256 of a file, in hex.

    Raises:
        SiteError: it may not be read.
    """
    try:
        with closing(blobs.open(name)) as file:
            return sha256_stream(file)
    except PermissionError as error:
        raise no_access(blobs, name) from error
