"""The store: tables as Parquet files that exist for readers only once a receipt names them."""

import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from schemas.errors import SiteError
from schemas.tables import TABLES
from schemas.values import Receipt
from storage.files import atomic_file, put_if_absent, safe_name, sync_folder, temporary_path, write_atomic
from storage.parquet import checked_rows, first_line, read_parquet, write_parquet
from storage.receipts import RECEIPTS_FOLDER, from_json, receipt_path, to_json

PRINT_DIGITS = 12
"""Digits of a fingerprint in the name of a file; the receipt has all of them."""

PARTS_FOLDER = "_parts"
VIDEO_FOLDER = "anonymized"
VIDEO_SUFFIX = ".mp4"
_VIDEO_TABLES = ("anonymized_segments", "anonymized")
"""Tables whose column ``path`` names a video below the store."""


class Store:
    """A store in a folder.

    ::

        TABLE/camera=ID/date=YYYY-MM-DD/UNIT-FINGERPRINT-NONCE.parquet
        anonymized/camera=ID/date=YYYY-MM-DD/NAME.mp4    published video
        _parts/camera=ID/date=YYYY-MM-DD/...mp4          covered segments, until they are joined
        _receipts/OP/CAMERA/DATE/UNIT-FINGERPRINT.json   what is committed
        _runs/, _quarantine/                             see storage/journal.py

    Attributes:
        problems: of the last call of ``receipts``, one line each receipt file that it could not read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: tuple[str, ...] = ()

    @classmethod
    def create(cls, root: Path) -> "Store":
        """A store in ``root``, whose folder is made if it is not there.

        Raises:
            SiteError: the folder cannot be made, or is not a folder.
        """
        try:
            (root / RECEIPTS_FOLDER).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise SiteError(f"store {root} is not a folder: name another one in site.toml") from error
        except OSError as error:
            raise SiteError(f"store {root} cannot be made: {error.strerror}; make it, or let it be written") from error
        return cls(root)

    def relative(self, path: Path) -> str:
        """A path below the store, as receipts and tables name it."""
        return path.relative_to(self.root).as_posix()

    def free_bytes(self) -> int:
        """Space left for new files."""
        return shutil.disk_usage(self.root).free

    # Tables

    def write_table(self, name: str, table: pa.Table, *, camera: str, date: str, unit: str, fingerprint: str) -> str:
        """Writes rows of one unit to a new file, which nobody reads until ``commit`` of a receipt that names it.

        Args:
            name: name of the table.
            table: its rows, in the columns and types of ``TABLES[name]``.
            date: local date at which the unit starts, ``YYYY-MM-DD``.
            unit: segment id, footage id, ``day``, or a path.

        Returns:
            The path below the store; an empty text, and no file, when there are no rows.

        Raises:
            ValueError: the table's columns or types are wrong, or it has rows of another camera.
            StoreFull: no space is left.
        """
        rows = checked_rows(TABLES[name], table, camera)
        if not rows.num_rows:
            return ""
        path = self._folder(name, camera, date) / _unique_name(unit, fingerprint, ".parquet")
        with atomic_file(path) as file:
            write_parquet(rows, file, TABLES[name])
        return self.relative(path)

    def read_tables(self, name: str, files: Sequence[str], columns: Sequence[str] = ()) -> pa.Table:
        """Rows of several files, in the table's sort order.

        Args:
            files: paths below the store, as receipts name them; empty ones are skipped.
            columns: the columns wanted, all if empty.

        Raises:
            NightshiftError: a file is missing or torn.
        """
        spec = TABLES[name]
        wanted = list(columns) or [field.name for field in spec.columns]
        order = [(column, "ascending") for column in spec.order]
        # Rows are sorted by columns that may not be asked for.
        needed = list(dict.fromkeys([*wanted, *spec.order]))
        parts = [read_parquet(self.root / file, spec, needed) for file in files if file]
        if not parts:
            return spec.empty().select(wanted)
        table = parts[0] if len(parts) == 1 else pa.concat_tables(parts).sort_by(order)
        return table.select(wanted)

    # Receipts

    def commit(self, receipt: Receipt) -> Receipt:
        """Makes a unit's files visible, all at once, unless the same work is committed already.

        Returns:
            The receipt that stands. If it is another worker's, the files that only ``receipt`` named are removed.

        Raises:
            StoreFull: no space is left; nothing is committed.
        """
        path = self.root / receipt_path(receipt)
        content = to_json(receipt)
        while not put_if_absent(path, content):
            winner = _read_receipt(path)
            if winner is not None:
                self._drop(set(receipt.files.values()) - set(winner.files.values()))
                return winner
            _clear_torn(path)
        return receipt

    def reaffirm(self, receipt: Receipt, run_id: str) -> Receipt:
        """Makes a committed unit the newest again, as when a changed parameter is set back: its files are still good.

        Returns:
            The receipt as it stands now, committed by ``run_id``.

        Raises:
            StoreFull: no space is left; the receipt stands as it was.
        """
        again = replace(receipt, committed=datetime.now(UTC), run_id=run_id)
        write_atomic(self.root / receipt_path(again), to_json(again))
        return again

    def receipts(self, ops: Collection[str] | None = None) -> list[Receipt]:
        """Every receipt, of these ops or of all, ordered by path; what cannot be read stands in ``problems``."""
        receipts, problems = [], []
        folders = [safe_name(op) for op in sorted(set(ops))] if ops is not None else [""]
        for folder in folders:
            for entry in _files_below(str(self.root / RECEIPTS_FOLDER / folder)):
                try:
                    receipts.append(from_json(_content(entry.path)))
                except FileNotFoundError:
                    continue  # cleared by another process while this one looked
                except (OSError, ValueError) as error:
                    problems.append(f"receipt {entry.path}: {first_line(error)}; ignored, its unit runs again")
        self.problems = tuple(problems)
        return receipts

    # Video

    def part_path(self, camera: str, date: str, unit: str, fingerprint: str) -> Path:
        """A new name for a covered segment, before it is joined."""
        return self._folder(PARTS_FOLDER, camera, date) / _unique_name(unit, fingerprint, VIDEO_SUFFIX)

    def video_path(self, camera: str, date: str, name: str) -> Path:
        """Where published video stands; ``name`` has no suffix and must differ where the content does."""
        return self._folder(VIDEO_FOLDER, camera, date) / f"{safe_name(name)}{VIDEO_SUFFIX}"

    # Upkeep

    def sweep(self, older_than_h: float = 24.0) -> list[str]:
        """Removes what killed workers left: hidden temporaries, and tables and video that no receipt names.

        Nothing younger than ``older_than_h`` hours goes, since a worker may be about to commit it. While a receipt is
        unreadable only temporaries go: it may name the rest.

        Returns:
            Paths below the store that were removed, sorted.
        """
        oldest = time.time() - older_than_h * 3600
        # Files first, receipts second: what is committed in between is found in the receipts.
        old = [path for path in _every_file(self.root) if _mtime(path) < oldest]
        doomed = {self.relative(path) for path in old if path.name.startswith(".")}
        candidates = {self.relative(path) for path in old if path.suffix in (".parquet", VIDEO_SUFFIX)} - doomed
        candidates = {path for path in candidates if path.split("/")[0] in (*TABLES, PARTS_FOLDER)}
        if candidates:
            receipts = self.receipts()
            if not self.problems:
                doomed |= candidates - self._named(receipts, any(map(_is_video, candidates)))
        self._drop(doomed)
        return sorted(doomed)

    def _named(self, receipts: Iterable[Receipt], with_video: bool) -> set[str]:
        """Every path that receipts, or the rows of video tables, name."""
        receipts = list(receipts)
        named = {file for receipt in receipts for file in receipt.files.values()}
        for name in _VIDEO_TABLES if with_video else ():
            files = [receipt.files.get(name, "") for receipt in receipts]
            named |= set(self.read_tables(name, files, ["path"])["path"].to_pylist())
        return named

    def _drop(self, paths: Iterable[str]) -> None:
        for path in sorted(paths):
            if path:
                (self.root / path).unlink(missing_ok=True)

    def _folder(self, top: str, camera: str, date: str) -> Path:
        return self.root / top / f"camera={camera}" / f"date={date}"


def _unique_name(unit: str, fingerprint: str, suffix: str) -> str:
    return f"{safe_name(unit)}-{safe_name(fingerprint[:PRINT_DIGITS])}-{secrets.token_hex(4)}{suffix}"


def _read_receipt(path: Path) -> Receipt | None:
    """The receipt that stands at ``path``; None if it is torn or gone."""
    try:
        return from_json(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _clear_torn(path: Path) -> None:
    """Takes a torn receipt away; one that another worker has just put in its place is put back."""
    aside = temporary_path(path)
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    whole = _read_receipt(aside)
    if whole is not None:
        put_if_absent(path, to_json(whole))
    aside.unlink()
    sync_folder(path.parent)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123  a Path each is most of the time of reading 100,000 receipts
        return file.read()


def _files_below(folder: str) -> Iterator["os.DirEntry[str]"]:
    """Files below a folder, in order, without hidden ones and temporaries; none if there is no such folder."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path)
        elif entry.name.endswith(".json"):
            yield entry


def _every_file(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _is_video(path: str) -> bool:
    return path.endswith(VIDEO_SUFFIX)
