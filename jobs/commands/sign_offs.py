"""Sign-offs: a person who has looked at a published file records a verdict; a site may wait for it.

Where a site waits, a published file lies in the folder of pending files, and is not in the table ``anonymized``, unless
the newest sign-off of its bytes accepts it. Rows and receipts are the same either way: docs/decisions/0019-sign-off.md.
"""

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from jobs.commands.audits import AuditedFootage, read_audit
from jobs.commands.results import query
from jobs.site import Site
from schemas.errors import NightshiftError, UserError
from storage.blobs import Blobs
from storage.exports.contact_sheet import SheetFile, read_contact_sheet
from storage.exports.sign_off_records import SignedFile, SignOff, Verdict, read_sign_offs, verdicts, write_sign_off
from storage.files import sha256_file
from storage.store.journal import new_run_id
from storage.store.layout import PENDING_FOLDER, VIDEO_FOLDER, pending_file
from storage.store.named_files import PUBLISHED_TABLE, read_file_rows
from storage.store.store import Store

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class SignOffRequest:
    """What a person decided.

    Attributes:
        footage: as in ``jobs.commands.audits.find_published``.
        by: the person's name.
        user: the account that runs the command.
        sheet: the contact sheet that the person looked at; None for the video itself.
        note: anything worth knowing; needed to accept what was rejected.
    """

    footage: str
    verdict: Verdict
    by: str
    user: str
    sheet: Path | None = None
    note: str = ""


@dataclass(frozen=True)
class SignedOff:
    """A recorded sign-off; ``is_new`` is False if the same one was recorded before."""

    sign_off: SignOff
    is_new: bool


@dataclass(frozen=True)
class AwaitingVideo:
    """A published file that may not be handed out; ``state`` says why: ``awaiting sign-off`` or ``rejected``."""

    camera: str
    footage_id: str
    path: str
    start_time: datetime
    state: str


def sign_off(site: Site, request: SignOffRequest, now: datetime) -> SignedOff:
    """Records what a person decided about a published file; the same again changes nothing.

    Where the site waits for it, an accepted file is handed out from now on, and a rejected one no more.

    Raises:
        UserError: no name is given, the sheet is none or shows another file, a note is missing, or there is no such
            footage.
        NightshiftError: the footage is not published or has no audit, or one of its files was altered.
        StoreFull: no space is left; nothing is recorded.
    """
    by, note = request.by.strip(), request.note.strip()
    if not by:
        raise UserError("--by is empty: give the name of the person who looked; it is recorded")
    audited = read_audit(site, request.footage)
    if audited.problems:
        raise NightshiftError(f"{audited.problems[0]}; nothing was signed off: see `nightshift verify`")
    sheet = _sheet(audited, request.sheet)
    found = _record(audited, request, sheet, now)
    if audited.sign_offs:
        last = audited.sign_offs[-1]
        if found == replace(last, sign_off_id=found.sign_off_id, time=found.time, user=found.user):
            release_video(site)  # if it was killed the last time
            return SignedOff(last, is_new=False)
        if last.verdict == Verdict.REJECT and request.verdict == Verdict.ACCEPT and not note:
            raise UserError(
                f"{last.by} rejected this file on {last.time:%Y-%m-%d %H:%M} UTC"
                + (f" ({last.note})" if last.note else "")
                + ": to accept it, say why with --note"
            )
        # The newest verdict counts, also where a clock was set back.
        found = replace(found, time=max(found.time, last.time + _TICK))
    write_sign_off(Store.create(site.files.store), found)
    release_video(site)
    return SignedOff(found, is_new=True)


def awaiting_video(site: Site) -> list[AwaitingVideo]:
    """Returns the published files that may not be handed out, by camera and time; none where the site does not wait.

    Raises:
        NightshiftError: a sign-off cannot be read.
    """
    if not site.files.config.publish.waits:
        return []
    decided = verdicts(read_sign_offs(site.store))
    columns = "camera, footage_id, path, start_time, sha256"
    rows = query(site, f"SELECT {columns} FROM anonymized ORDER BY camera, start_time, path", pending=True).to_pylist()
    states = {None: "awaiting sign-off", Verdict.REJECT: "rejected"}
    return [
        AwaitingVideo(row["camera"], row["footage_id"], row["path"], row["start_time"], states[verdict])
        for row in rows
        if (verdict := decided.get(SignedFile(row["camera"], row["footage_id"], row["sha256"]))) != Verdict.ACCEPT
    ]


def release_video(site: Site) -> None:
    """Puts every published file where it belongs: among the pending ones, or where it is handed out from.

    It can be killed at any moment: the next call finishes. A file exists twice for a moment, and is never lost.

    Raises:
        NightshiftError: a sign-off or a table cannot be read, or a file is altered: it stays pending.
        StoreFull: no space is left.
    """
    waits, blobs = site.files.config.publish.waits, site.store.blobs
    pending = {blob.name for blob in blobs.list(PENDING_FOLDER)}
    if not waits and not pending:
        return
    # Files before sign-offs: a file that another process has just released is then known to be accepted.
    present = pending | {blob.name for blob in blobs.list(VIDEO_FOLDER)}
    decided = verdicts(read_sign_offs(site.store))
    rows = read_file_rows(site.store, site.store.read_receipts().rows, PUBLISHED_TABLE)
    files = {row["path"]: SignedFile(row["camera"], row["footage_id"], row["sha256"]) for row in rows.to_pylist()}
    altered = []
    for name, file in sorted(files.items()):
        if waits and decided.get(file) != Verdict.ACCEPT:
            if name in present:
                _move(blobs, name, pending_file(name))
        elif pending_file(name) in present and not _move(blobs, pending_file(name), name, file.sha256):
            altered.append(name)
    if altered:
        raise NightshiftError(
            f"{altered[0]} was altered after it was written, so it stays pending: see `nightshift verify`"
        )


def _move(blobs: Blobs, name: str, target: str, sha256: str | None = None) -> bool:
    """Moves a file by copy and deletion, as an object store can too; returns False if it has another hash."""
    with suppress(FileNotFoundError):  # another process has just moved it
        with blobs.local(name) as source, blobs.create(target) as copy:
            shutil.copyfile(source, copy)
            if sha256 is not None and sha256_file(copy) != sha256:
                copy.unlink()  # then nothing is created
                return False
        blobs.delete([name])
    return True


def _sheet(audited: AuditedFootage, path: Path | None) -> SheetFile | None:
    """Returns the sheet that was looked at.

    Raises:
        UserError: it is no contact sheet, or shows another file.
    """
    if path is None:
        return None
    sheet = read_contact_sheet(path)
    if sheet.video_sha256 != audited.published.video["sha256"]:
        raise UserError(
            f"the sheet {path} shows another file, or one that was published anew since: look at a new one, "
            f"`nightshift audit {audited.published.footage_id} --sheet {path}`"
        )
    return sheet


def _record(audited: AuditedFootage, request: SignOffRequest, sheet: SheetFile | None, now: datetime) -> SignOff:
    published = audited.published
    return SignOff(
        sign_off_id=new_run_id(now),
        time=now,
        by=request.by.strip(),
        user=request.user,
        camera=published.camera,
        footage_id=published.footage_id,
        path=published.video["path"],
        sha256=published.video["sha256"],
        audit_sha256=audited.sha256,
        sheet_sha256=None if sheet is None else sheet.sha256,
        frames_shown=0 if sheet is None else sheet.frames,
        verdict=request.verdict.value,
        note=request.note.strip(),
    )
