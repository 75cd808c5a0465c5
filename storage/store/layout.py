"""Names of the folders and files of a store.

::

    _store.json                                         versions of the layout and of the tables
    TABLE/camera=ID/date=YYYY-MM-DD/UNIT-FINGERPRINT-NONCE.parquet
    TABLE/camera=ID/date=YYYY-MM-DD/day-NONCE.parquet   merged by compaction, as is
    TABLE/camera=ID/month=YYYY-MM/month-NONCE.parquet
    anonymized/camera=ID/date=YYYY-MM-DD/NAME.mp4       published video
    _pending/anonymized/camera=ID/...                   published video that awaits its sign-off, same name below
    _parts/camera=ID/date=YYYY-MM-DD/...mp4             anonymized segments that are not merged yet
    depth_files/camera=ID/date=YYYY-MM-DD/...zip        depth of a segment's frames, storage/rasters.py
    _receipts/OP/CAMERA/DATE/UNIT-FINGERPRINT.json      units committed since the last compaction, receipts.py
    _manifest/                                          units committed before it, manifest.py
    _runs/, _quarantine/                                journal.py
    _run_logs/                                          run_log.py
    _claims/                                            storage/coordination.py
    _lost_workers/                                      lost_workers.py
    _nights/                                            nights.py
    _tombstones/                                        storage/maintenance/tombstones.py
    _exports/                                           storage/exports/export_records.py
    _sign_offs/                                         storage/exports/sign_off_records.py
    _interaction_reviews/                               storage/exports/review_records.py
    _holds/placed/, _holds/released/                    storage/maintenance/holds.py
    _layers/files/, _layers/records/                    storage/store/layer_versions.py
"""

import re
import secrets

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES, Privacy
from storage.blobs.names import leads_out
from storage.files import safe_name

PARTS_FOLDER = "_parts"
PENDING_FOLDER = "_pending"
EXPORTS_FOLDER = "_exports"
SIGN_OFFS_FOLDER = "_sign_offs"
REVIEWS_FOLDER = "_interaction_reviews"
HOLDS_FOLDER = "_holds"
NIGHTS_FOLDER = "_nights"
RUN_LOGS_FOLDER = "_run_logs"
LAYER_FILES, LAYER_RECORDS = "_layers/files", "_layers/records"
MANIFEST_FOLDER = "_manifest"
VIDEO_FOLDER = "anonymized"
VIDEO_SUFFIX = ".mp4"
RASTERS_FOLDER = "depth_files"
RASTERS_SUFFIX = ".zip"

PRIVATE_FOLDERS = frozenset(
    {
        *(name for name, spec in TABLES.items() if spec.privacy is Privacy.SENSITIVE),
        PARTS_FOLDER,
        PENDING_FOLDER,
        EXPORTS_FOLDER,
        SIGN_OFFS_FOLDER,
        REVIEWS_FOLDER,
        HOLDS_FOLDER,
        RUN_LOGS_FOLDER,
    }
)
"""Folders that only the store's owner may read: sensitive tables, parts that are not published, records of people."""

FINGERPRINT_DIGITS = 12
"""Digits of the fingerprint in a file name; the receipt has all of them."""

_MONTH_LETTERS = len("2026-03")
_NONCE = re.compile("[0-9a-f]{8}")


def table_file(table: str, camera: str, date: str, unit: str, fingerprint: str) -> str:
    """Returns a new name for the rows of one unit."""
    return f"{folder_of(table, camera, date)}/{_unique_name(unit, fingerprint)}.parquet"


def merged_file(table: str, camera: str, period: str) -> str:
    """Returns a new name for rows of many units; ``period`` is a date or a month."""
    kind = "month" if period == month_of(period) else "day"
    return f"{folder_of(table, camera, period)}/{kind}-{secrets.token_hex(4)}.parquet"


def is_own_file(name: str, table: str, camera: str, date: str, unit: str, fingerprint: str) -> bool:
    """Returns whether a name is one that this store gives to a unit's rows of a table, alone or merged with others."""
    if table not in TABLES or leads_out(name):
        return False
    folder, _, file = name.rpartition("/")
    stem, _, nonce = file.removesuffix(".parquet").rpartition("-")
    if not file.endswith(".parquet") or _NONCE.fullmatch(nonce) is None:
        return False
    if folder == folder_of(table, camera, month_of(date)):
        return stem == "month"
    return folder == folder_of(table, camera, date) and stem in ("day", _unit_stem(unit, fingerprint))


def holds_rows(name: str) -> bool:
    """Returns whether a name is that of a Parquet file of a table or of the manifest."""
    return name.partition("/")[0] in {*TABLES, MANIFEST_FOLDER} and name.endswith(".parquet") and not leads_out(name)


def is_file_of(name: str, camera: str) -> bool:
    """Returns whether a name is one of a camera's files: published video with what lies beside it, parts, rasters."""
    folders = tuple(f"{top}/camera={camera}/" for top in (VIDEO_FOLDER, PARTS_FOLDER, RASTERS_FOLDER))
    return name.startswith(folders) and not name.endswith(".parquet") and not leads_out(name)


def part_file(camera: str, date: str, unit: str, fingerprint: str) -> str:
    """Returns a new name for the video of an anonymized segment."""
    return f"{folder_of(PARTS_FOLDER, camera, date)}/{_unique_name(unit, fingerprint)}{VIDEO_SUFFIX}"


def rasters_file(camera: str, date: str, unit: str, fingerprint: str) -> str:
    """Returns a new name for the rasters of a segment."""
    return f"{folder_of(RASTERS_FOLDER, camera, date)}/{_unique_name(unit, fingerprint)}{RASTERS_SUFFIX}"


def video_file(camera: str, date: str, name: str) -> str:
    """Returns the name of published video; ``name`` must differ where the content does."""
    return f"{folder_of(VIDEO_FOLDER, camera, date)}/{safe_name(name)}{VIDEO_SUFFIX}"


def pending_file(name: str) -> str:
    """Returns where published video lies while it awaits its sign-off; ``name`` is the one that rows give."""
    return f"{PENDING_FOLDER}/{name}"


def folder_of(top: str, camera: str, period: str) -> str:
    """Returns the folder of a camera-day or camera-month; ``period`` is a date or a month."""
    return f"{top}/camera={camera}/{'month' if period == month_of(period) else 'date'}={period}"


def month_of(date: str) -> str:
    """Returns the month ``YYYY-MM`` of a date ``YYYY-MM-DD``."""
    return date[:_MONTH_LETTERS]


def months_of(receipts: pa.Table) -> pa.ChunkedArray:
    """Returns the month of each receipt's date."""
    return pc.utf8_slice_codeunits(receipts["date"], 0, _MONTH_LETTERS)


def _unique_name(unit: str, fingerprint: str) -> str:
    # The nonce keeps two workers apart that compute the same unit: only one of their files gets a receipt.
    return f"{_unit_stem(unit, fingerprint)}-{secrets.token_hex(4)}"


def _unit_stem(unit: str, fingerprint: str) -> str:
    return f"{safe_name(unit)}-{safe_name(fingerprint[:FINGERPRINT_DIGITS])}"
