"""The site that faults happen to: built once, run once undisturbed, and copied for every case."""

import os
import shutil
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path

from jobs.site import open_site
from sample_site import TINY, build_sample_site
from schemas.errors import NightshiftError
from storage.maintenance.verify import audit
from tests.support.faults.contents import Contents, contents_of, published_files
from tests.support.faults.programs import Ended, Job, do, night

SPEC = replace(TINY, cameras=TINY.cameras[:1], size_px=(320, 180), file_s=6, segment_s=3, fps=8)
"""One camera, two files, four segments: somebody crosses the border of the files, and every op gives rows."""

_LONG_PAST = 1_700_000_000.0
_SHOWN = 300


@dataclass(frozen=True)
class Tally:
    """What was done to a store, and what came of it.

    Attributes:
        kills: processes that were ended by ``kill -9`` while they were at work.
        enospc_points: writes at which no space was left.
        torn_receipts: receipts, and heads of the manifest, that were cut off, emptied or overwritten.
        races: units of work that were done twice, by two workers or by two runs, and commits that came late.
        clock_changes: runs by a clock that had been set back.
        rows_lost, rows_doubled, rows_altered: see ``contents.Difference``.
        units_astray, videos_astray: units of work and published files that are not those of the undisturbed night.
        files_wrong: files that the audit of a finished store finds damaged, or missing.
        wrong_ends: processes that ended otherwise than they should.
        notes: what went wrong, in words.
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
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def sound(self) -> bool:
        """Whether nothing came of it."""
        return not any(
            (
                self.rows_lost,
                self.rows_doubled,
                self.rows_altered,
                self.units_astray,
                self.videos_astray,
                self.files_wrong,
                self.wrong_ends,
            )
        )


@dataclass(frozen=True)
class Scene:
    """A small site before and after its night.

    Attributes:
        folder: for copies.
        built, done: the site before its night, and after one that nobody disturbed. Not to be changed.
        right: what readers see after it.
        usual_s: how long it took.
    """

    folder: Path
    built: Path
    done: Path
    right: Contents
    usual_s: float

    def fresh(self, name: str) -> Path:
        """A copy of the site before its night."""
        return Path(shutil.copytree(self.built, self.folder / name, symlinks=True))

    def used(self, name: str) -> Path:
        """A copy of the site after its night."""
        return Path(shutil.copytree(self.done, self.folder / name, symlinks=True))

    def finish(self, site: Path, right: Contents | None = None) -> Tally:
        """Runs a site's night undisturbed, and tells what is wrong then."""
        return ending(do(night(site), log_of(site)), 0) + self.check(site, right)

    def check(self, site: Path, right: Contents | None = None) -> Tally:
        """What is wrong with a site whose night is done."""
        faults = audit(open_site(site).store).faults
        notes = tuple(f"{site.name}: {finding.fault} {finding.name}: {finding.detail}" for finding in faults)
        return self.check_rows(site, right) + Tally(files_wrong=len(faults), notes=notes)

    def check_rows(self, site: Path, right: Contents | None = None) -> Tally:
        """What readers see that is wrong, of a site whose night is done."""
        right = right or self.right
        try:
            mine = contents_of(site)
        except NightshiftError as error:
            every = sum(rows.total() for rows in right.rows.values())
            return Tally(rows_lost=every, notes=(f"{site.name}: readers see nothing: {error}",))
        difference = mine.difference(right)
        strays = published_files(site) ^ set(mine.videos)
        notes = [f"{site.name}: {difference}"] if difference else []
        notes += [f"{site.name}: {path} is not both published and named" for path in sorted(strays)]
        return Tally(
            rows_lost=difference.rows_lost,
            rows_doubled=difference.rows_doubled,
            rows_altered=difference.rows_altered,
            units_astray=difference.units,
            videos_astray=difference.videos + len(strays),
            notes=tuple(notes),
        )

    def check_part(self, site: Path) -> Tally:
        """What is wrong with a site whose night is not done: of what is there, nothing may be there twice."""
        doubled = contents_of(site).doubled_beside(self.right)
        return Tally(rows_doubled=doubled, notes=(f"{site.name}: rows doubled while not done",) if doubled else ())


def make_scene(folder: Path) -> Scene:
    """Builds the site, and runs its night."""
    built, done = folder / "built", folder / "done"
    build_sample_site(built, spec=SPEC)
    for file in (built / "archive").rglob("*.mp4"):
        os.utime(file, (_LONG_PAST, _LONG_PAST))  # else it might still be growing
    shutil.copytree(built, done)
    ended = do(night(done), log_of(done))
    if ended.code:
        raise RuntimeError(f"the undisturbed night ended with {ended.code}: {ended.err}")
    again = Path(shutil.copytree(built, folder / "again"))
    began = time.monotonic()  # the first one may have had to wait until the libraries were loaded
    do(night(again), log_of(again))
    usual_s = time.monotonic() - began
    right = contents_of(done)
    if contents_of(again).difference(right):
        raise RuntimeError("two undisturbed nights differ: there is nothing to compare with")
    return Scene(folder, built, done, right, usual_s)


def log_of(site: Path) -> Path:
    """Where a site's processes print to, without suffix."""
    return site.with_name(f"{site.name}-log")


def ending(ended: Ended, code: int, said: str = "") -> Tally:
    """Whether a process ended as it should: with this code and, where something is to be said, one line that says it.

    A process that was killed (``code`` below zero) says nothing.
    """
    told = [line for line in ended.err.splitlines() if line.startswith("nightshift: ")]
    wrong = ended.code != code or "Traceback" in ended.err or (said and (len(told) != 1 or said not in told[0]))
    if not wrong:
        return Tally()
    return Tally(wrong_ends=1, notes=(f"ended with {ended.code}, not {code}: {ended.err.strip()[-_SHOWN:]}",))


def finish_job(job: Job, site: Path) -> Tally:
    """Runs a job undisturbed; it must end well."""
    return ending(do(job, log_of(site)), 0)
