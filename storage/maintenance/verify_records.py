"""Verification of the records that people rely on: holds and their releases, sign-offs, reviews, exports, layers.

Nothing names these records, so only a backup can replace one. A record that cannot be read is therefore named and
never deleted: what it holds would be purged, or what it rejects handed out.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from storage.exports.export_records import ExportRecord, parse_export_record
from storage.exports.review_records import Review, parse_review
from storage.exports.sign_off_records import SignOff, parse_sign_off
from storage.files import first_line
from storage.maintenance.holds import PLACED, RELEASED, Hold, Release, parse_hold, parse_release
from storage.maintenance.problems import Problem, ProblemKind, no_access
from storage.store.layer_versions import LayerRecord, parse_layer_record
from storage.store.layout import EXPORTS_FOLDER, LAYER_RECORDS, REVIEWS_FOLDER, SIGN_OFFS_FOLDER
from storage.store.store import Store

_AnyRecord = Hold | Release | SignOff | ExportRecord | Review | LayerRecord
_CLOCKS_DIFFER = timedelta(days=1)

_PARSERS: Mapping[str, tuple[str, Callable[[str, bytes], _AnyRecord], str]] = {
    PLACED: ("a hold", parse_hold, "nothing is purged until it is restored from a backup"),
    RELEASED: ("the end of a hold", parse_release, "nothing is purged until it is restored from a backup"),
    SIGN_OFFS_FOLDER: ("a sign-off", parse_sign_off, "restore it from a backup, or sign the file off again"),
    REVIEWS_FOLDER: ("a review", parse_review, "restore it from a backup, or delete it and review again"),
    LAYER_RECORDS: ("a site's layers", parse_layer_record, "restore it from a backup, or delete it"),
    EXPORTS_FOLDER: ("an export", parse_export_record, "restore it from a backup"),
}
"""By folder: what a record is of, how it is read, and what to do about one that cannot be read."""


def find_record_problems(store: Store, now: datetime) -> list[Problem]:
    """Returns a problem for each record that is refused, was made in the future, or releases what was never held."""
    problems: list[Problem] = []
    read: dict[str, dict[str, _AnyRecord]] = {folder: {} for folder in _PARSERS}
    for folder in sorted(_PARSERS):
        for blob in store.blobs.list(folder):
            what, parse, advice = _PARSERS[folder]
            try:
                read[folder][blob.name] = parse(blob.name, store.blobs.read(blob.name))
            except PermissionError as error:
                raise no_access(store.blobs, blob.name) from error
            except (OSError, ValueError) as error:
                detail = f"the record of {what} that cannot be read: {first_line(error)}; {advice}"
                problems.append(Problem(ProblemKind.TORN, blob.name, detail))
    placed = {blob.name.removeprefix(PLACED) for blob in store.blobs.list(PLACED)}
    for name in read[RELEASED]:
        if name.removeprefix(RELEASED) not in placed:
            detail = "this release has no record of its hold: restore the hold's record from a backup"
            problems.append(Problem(ProblemKind.TORN, name, detail))
    return [*problems, *_made_in_future(read, now)]


def _made_in_future(read: Mapping[str, Mapping[str, _AnyRecord]], now: datetime) -> Iterator[Problem]:
    for records in read.values():
        for name, record in records.items():
            if record.time > now + _CLOCKS_DIFFER:
                detail = f"made in the future, on {record.time:%Y-%m-%d}; set the clock of this machine right"
                yield Problem(ProblemKind.FUTURE, name, detail)
