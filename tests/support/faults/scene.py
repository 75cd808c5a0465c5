"""The site that faults strike: built once, run once undisturbed, and copied for every case."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from jobs.site import open_site
from sample_site import build_sample_site
from schemas.errors import NightshiftError
from storage.maintenance.verify import verify
from tests.support.faults.contents import Contents, contents_of, published_files
from tests.support.faults.points import Act, full_disk, kill_9
from tests.support.faults.programs import ExitResult, Job, Nightshift, night, run_job
from tests.support.small_site import SMALLEST

_LONG_PAST = 1_700_000_000.0
_QUOTED_CHARS = 300


@dataclass(frozen=True)
class Tally:
    """The faults that struck a store, and their consequences.

    Attributes:
        kills: processes killed by ``kill -9`` during their work.
        enospc_points: writes that found no space.
        torn_receipts: receipts and manifest heads that were cut off, emptied or overwritten.
        races: batches done twice, by two workers or two runs, and late commits.
        clock_changes: runs with a clock that was behind.
        rows_lost, rows_doubled, rows_altered: see ``contents.Difference``.
        units_astray, videos_astray: units and published files that differ from those of the undisturbed run.
        files_wrong: files that verification of the finished store finds damaged or missing.
        wrong_ends: processes with an unexpected end.
        attacks: doctored receipts, and links that lead out.
        outside_deletes: files outside the store, or not rows, that repairs, compactions and runs deleted or changed.
        purge_outside: files outside the archive that a purge deleted.
        notes: descriptions of what went wrong.
    """

    kills: int = 0
    enospc_points: int = 0
    torn_receipts: int = 0
    races: int = 0
    clock_changes: int = 0
    rows_lost: int = 0
    rows_doubled: int = 0
    rows_altered: int = 0
    units_astray: int = 0
    videos_astray: int = 0
    files_wrong: int = 0
    wrong_ends: int = 0
    attacks: int = 0
    outside_deletes: int = 0
    purge_outside: int = 0
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def sound(self) -> bool:
        """Whether the faults had no consequences."""
        return not any(
            (
                self.rows_lost,
                self.rows_doubled,
                self.rows_altered,
                self.units_astray,
                self.videos_astray,
                self.files_wrong,
                self.wrong_ends,
                self.outside_deletes,
                self.purge_outside,
            )
        )


@dataclass(frozen=True)
class Scene:
    """A small site before and after its run.

    Attributes:
        folder: holds the copies.
        built, done: the site before its run, and after an undisturbed one. They are never changed.
        expected: the contents of the store after it.
        points: write points of a run: for a full disk, and for a kill, which may strike at a deletion as well.
        typical_s: duration of a run, seconds.
    """

    folder: Path
    built: Path
    done: Path
    expected: Contents
    points: tuple[int, int]
    typical_s: float

    def fresh(self, name: str) -> Path:
        """Copies the site before its run."""
        return Path(shutil.copytree(self.built, self.folder / name, symlinks=True))

    def used(self, name: str) -> Path:
        """Copies the site after its run."""
        return Path(shutil.copytree(self.done, self.folder / name, symlinks=True))

    def finish(self, site: Path, expected: Contents | None = None) -> Tally:
        """Runs a site undisturbed, and checks it afterwards."""
        return check_exit(run_job(night(site), log_of(site)), 0) + self.check(site, expected)

    def check(self, site: Path, expected: Contents | None = None) -> Tally:
        """Checks the rows and files of a site whose run is done."""
        faults = verify(open_site(site).store).to_repair
        notes = tuple(f"{site.name}: {finding.kind} {finding.name}: {finding.detail}" for finding in faults)
        return self.check_rows(site, expected) + Tally(files_wrong=len(faults), notes=notes)

    def check_rows(self, site: Path, expected: Contents | None = None) -> Tally:
        """Checks the rows that readers get of a site whose run is done."""
        expected = expected or self.expected
        try:
            mine = contents_of(site)
        except NightshiftError as error:
            every = sum(rows.total() for rows in expected.rows.values())
            return Tally(rows_lost=every, notes=(f"{site.name}: readers fail: {error}",))
        difference = mine.difference(expected)
        strays = published_files(site) ^ set(mine.videos)
        notes = [f"{site.name}: {difference}"] if difference else []
        notes += [f"{site.name}: {path} is either not published or not named by a row" for path in sorted(strays)]
        return Tally(
            rows_lost=difference.rows_lost,
            rows_doubled=difference.rows_doubled,
            rows_altered=difference.rows_altered,
            units_astray=difference.units,
            videos_astray=difference.videos + len(strays),
            notes=tuple(notes),
        )

    def check_part(self, site: Path) -> Tally:
        """Checks a site whose run is not done: no row may be there twice."""
        doubled = contents_of(site).doubled_rows(self.expected)
        return Tally(rows_doubled=doubled, notes=(f"{site.name}: rows doubled while not done",) if doubled else ())


def make_scene(folder: Path) -> Scene:
    """Builds the site, and runs it undisturbed."""
    built, done = folder / "built", folder / "done"
    build_sample_site(built, spec=SMALLEST)  # the suite runs it about a hundred times
    for file in (built / "archive").rglob("*.mp4"):
        os.utime(file, (_LONG_PAST, _LONG_PAST))  # else it might count as still growing
    shutil.copytree(built, done)
    for_full = count_points(night, done, full_disk)
    again = Path(shutil.copytree(built, folder / "again"))
    began = time.monotonic()  # the first run may have waited for the libraries to load
    for_kill = count_points(night, again, kill_9)
    typical_s = time.monotonic() - began
    expected = contents_of(done)
    if contents_of(again).difference(expected):
        raise RuntimeError("two undisturbed runs differ: there is nothing to compare with")
    return Scene(folder, built, done, expected, (for_full, for_kill), typical_s)


def count_points(program: Callable[[Path], Nightshift], site: Path, act: Act) -> int:
    """Runs a program undisturbed, and returns the number of write points at which this fault could strike.

    Raises:
        RuntimeError: it failed.
    """
    number = site.with_name(f"{site.name}-points")
    result = run_job(replace(program(site), act=act, counted=number), log_of(site))
    if result.code:
        raise RuntimeError(f"an undisturbed process ended with {result.code}: {result.err}")
    return int(number.read_text())


def log_of(site: Path) -> Path:
    """Returns the path, without suffix, that a site's processes print to."""
    return site.with_name(f"{site.name}-log")


def check_exit(result: ExitResult, code: int, message: str = "") -> Tally:
    """Checks that a process ended with this code and, if ``message`` is given, printed one message that contains it."""
    messages = [line for line in result.err.splitlines() if line.startswith("nightshift: ")]
    message_missing = bool(message) and (len(messages) != 1 or message not in messages[0])
    wrong = result.code != code or "Traceback" in result.err or message_missing
    if not wrong:
        return Tally()
    return Tally(wrong_ends=1, notes=(f"ended with {result.code}, not {code}: {result.err.strip()[-_QUOTED_CHARS:]}",))


def finish_job(job: Job, site: Path) -> Tally:
    """Runs a job undisturbed; it must succeed."""
    return check_exit(run_job(job, log_of(site)), 0)
