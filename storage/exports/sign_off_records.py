"""Records sign-offs: who looked at which published file, at what of it, and what that person decided.

One JSON file per sign-off, ``_sign_offs/SIGN_OFF.json``; none is ever changed or purged. A sign-off holds for the bytes
that it names by their sha256: a file that is published anew has none (docs/decisions/0019-sign-off.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import pyarrow as pa

from schemas.errors import TransientError
from schemas.tables import TABLES
from storage.files import safe_name
from storage.store.layout import SIGN_OFFS_FOLDER
from storage.store.records import parse_as, read_whole_folder, record_bytes
from storage.store.store import Store

FORMAT = 1


class Verdict(StrEnum):
    """What a person decided about a published file."""

    ACCEPT = "accept"
    REJECT = "reject"


class SignedFile(NamedTuple):
    """What a sign-off holds for: a published file of some footage, with these bytes."""

    camera: str
    footage_id: str
    sha256: str


@dataclass(frozen=True)
class SignOff:
    """A sign-off; fields as in the table ``sign_offs``."""

    sign_off_id: str
    time: datetime
    by: str
    user: str
    camera: str
    footage_id: str
    path: str
    sha256: str
    audit_sha256: str
    sheet_sha256: str | None
    frames_shown: int
    verdict: str
    note: str

    @property
    def signed_file(self) -> SignedFile:
        """What it holds for."""
        return SignedFile(self.camera, self.footage_id, self.sha256)


def write_sign_off(store: Store, sign_off: SignOff) -> None:
    """Writes the record of a sign-off.

    Raises:
        StoreFull: no space is left; nothing is recorded.
        TransientError: a sign-off of this id is recorded already.
    """
    content = {"format": FORMAT, **asdict(sign_off), "time": sign_off.time.isoformat()}
    name = f"{SIGN_OFFS_FOLDER}/{safe_name(sign_off.sign_off_id)}.json"
    if not store.blobs.put_if_absent(name, record_bytes(content)):
        raise TransientError(f"{store.blobs.url}/{name} exists already: nothing was recorded, try again")


def read_sign_offs(store: Store) -> list[SignOff]:
    """Returns all sign-offs, oldest first.

    Raises:
        NightshiftError: a record is damaged. It is not skipped: it may be the one that rejects a file.
    """
    found = read_whole_folder(store.blobs, SIGN_OFFS_FOLDER, parse_sign_off, "a sign-off", "restore it from a backup")
    # Of two at the same moment the one that rejects counts.
    return sorted(found, key=lambda each: (each.time, each.verdict == Verdict.REJECT, each.sign_off_id))


def parse_sign_off(name: str, content: bytes) -> SignOff:
    """Returns the sign-off in a file.

    Raises:
        ValueError: it is torn, lies under another's name, has no known verdict, or a time that is not plausible.
    """
    sign_off = parse_as(SignOff, "sign_off_id", name, content, FORMAT)
    Verdict(sign_off.verdict)
    return sign_off


def verdicts(sign_offs: Iterable[SignOff]) -> Mapping[SignedFile, Verdict]:
    """Returns the verdict that counts, the newest one, by published file.

    Args:
        sign_offs: oldest first, as ``read_sign_offs`` returns them.
    """
    return {each.signed_file: Verdict(each.verdict) for each in sign_offs}


def describe(sign_off: SignOff) -> str:
    """Returns a sign-off as one sentence."""
    what = f"{sign_off.frames_shown} frames on a sheet" if sign_off.sheet_sha256 else "the video"
    decided = {Verdict.ACCEPT: "accepted", Verdict.REJECT: "rejected"}[Verdict(sign_off.verdict)]
    note = f": {sign_off.note}" if sign_off.note else ""
    return f"{sign_off.by} looked at {what} and {decided} it on {sign_off.time:%Y-%m-%d %H:%M} UTC{note}"


def sign_offs_table(store: Store) -> pa.Table:
    """Returns all sign-offs as the table ``sign_offs``.

    Raises:
        NightshiftError: a record is damaged.
    """
    rows = [asdict(each) for each in read_sign_offs(store)]
    spec = TABLES["sign_offs"]
    return spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})
