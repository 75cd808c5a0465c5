"""Watches an archive: runs a selection whenever recorders have finished files, through the same planner as a night."""

import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jobs.commands.run import RunSummary, run_site
from jobs.engine.driver import Progress
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import Site, open_site
from schemas.errors import NightshiftError
from storage.archive.watching import ArchiveWatch, finished_files, reason_not_watched, reason_to_poll
from storage.blobs import open_blobs
from storage.site.file import SITE_FILE, SiteFiles
from storage.site.tuned import TUNED_FOLDER

POLL_S = 60.0
"""Seconds between listings of an archive whose changes nobody tells of."""

LOOK_AGAIN_S = 600.0
"""Seconds between listings of one whose changes the system tells of: it loses some when very many come at once."""

LISTING_SHARE = 0.1
"""Share of the time that may go into listing: a listing of a million files takes seconds, on a share minutes."""

RETRY_S = (5.0, 300.0)
"""Delay after the first error, which doubles with each further one, and the longest delay."""

_STEP_S = 0.25


@dataclass(frozen=True)
class WatchOptions:
    """How an archive is watched.

    Attributes:
        run: of each run; its end (``until``, ``max_hours``) is that of the watch as a whole.
        poll_s: seconds between listings; None lets the system tell of changes where it can, and lists every
            ``POLL_S`` where it cannot.
    """

    run: RunOptions
    poll_s: float | None = None


@dataclass(frozen=True)
class WatchEvents:
    """What a watch tells meanwhile.

    Attributes:
        on_run: called when a run has ended.
        on_progress, on_warning: as for ``run_site``; a warning that the run before gave is not repeated.
    """

    on_run: Callable[[RunSummary], None]
    on_progress: Callable[[Progress], None] = lambda _: None
    on_warning: Callable[[str], None] = lambda _: None


def watch_site(
    folder: Path, selection: Selection, options: WatchOptions, tell: WatchEvents, stop: threading.Event
) -> None:
    """Runs a selection now and whenever files are completed, or ``site.toml``, a file that it names, a profile or a
    model of the site changes.

    Returns when it is stopped or at its deadline. Problems that arise later do not end it: an archive that is not
    mounted, a mistake in ``site.toml`` and a full store are one warning each, and the run is tried again after a while.

    Args:
        folder: of the site; its ``site.toml`` is read again before each run.
        stop: once set, units in flight are finished and the watch ends.

    Raises:
        NightshiftError: the first run cannot begin: ``run_site`` names the reasons.
    """
    config = open_site(folder).files.config
    deadline = options.run.deadline(ZoneInfo(config.timezone), datetime.now(UTC))
    changed = threading.Event()
    with ExitStack() as stack:
        poll_s = options.poll_s or _told_of_changes(stack, folder, changed, tell.on_warning)
        watch = _Watch(folder, selection, options.run, tell, stop, deadline)
        while not stop.is_set() and (left_s := _left_s(deadline)) > 0:
            changed.clear()
            pause_s, wait_s = watch.look()
            _wait(stop, pause_s, left_s)
            _wait(stop, min(wait_s, poll_s, left_s) - pause_s, left_s - pause_s, changed)


def _told_of_changes(
    stack: ExitStack, folder: Path, changed: threading.Event, on_warning: Callable[[str], None]
) -> float:
    """Lets the system set ``changed`` where it can, until the stack closes. Returns the seconds between listings."""
    archive = open_site(folder).files.archive
    reason = reason_to_poll(archive)
    if reason is None:
        try:
            stack.enter_context(ArchiveWatch(Path(archive), changed))
            return LOOK_AGAIN_S
        except OSError as error:
            reason = reason_not_watched(error)
    on_warning(f"{archive} is listed every {POLL_S:.0f} s (change it with --poll): {reason}")
    return POLL_S


def _left_s(deadline: datetime | None) -> float:
    return math.inf if deadline is None else (deadline - datetime.now(UTC)).total_seconds()


def _wait(stop: threading.Event, at_most_s: float, left_s: float, changed: threading.Event | None = None) -> None:
    """Waits, until it is stopped or something changed."""
    end_s = time.monotonic() + min(at_most_s, left_s)
    while (rest_s := end_s - time.monotonic()) > 0 and not (changed and changed.is_set()):
        if stop.wait(min(rest_s, _STEP_S)):
            return


class _Watch:
    """The looks at one site, and what was there when it was last run."""

    def __init__(
        self,
        folder: Path,
        selection: Selection,
        options: RunOptions,
        tell: WatchEvents,
        stop: threading.Event,
        deadline: datetime | None,
    ) -> None:
        self._folder, self._selection, self._options = folder, selection, options
        self._tell, self._stop, self._deadline = tell, stop, deadline
        self._done: tuple[frozenset[int], frozenset[int]] | None = None
        self._problems: list[str] = []
        self._warnings: set[str] = set()

    def look(self) -> tuple[float, float]:
        """Looks at the archive, and runs the selection if there is something new.

        Returns:
            Seconds until the next look, at least and at most.
        """
        try:
            return self._look()
        except NightshiftError as error:
            if self._done is None:
                raise
            if str(error) not in self._problems:
                self._tell.on_warning(str(error))
            delay_s = min(RETRY_S[0] * 2 ** min(len(self._problems), 9), RETRY_S[1])
            self._problems.append(str(error))
            return delay_s, delay_s

    def _look(self) -> tuple[float, float]:
        site = open_site(self._folder)
        began_s = time.monotonic()
        found = finished_files(open_blobs(site.files.archive), site.files.config, datetime.now(UTC))
        listing_s = time.monotonic() - began_s
        now = (found.states, _inputs(site.files))
        is_new = self._done is None or bool(now[0] - self._done[0]) or now[1] != self._done[1]
        if is_new:
            self._run(site)
            self._done = now
        if self._problems:
            self._problems.clear()
            self._tell.on_warning("what was wrong is right again")
        if not is_new:
            return listing_s / LISTING_SHARE, math.inf if found.next_s is None else found.next_s
        # With many cameras some file is complete at any time. One run a minute costs one plan a minute.
        pause_s = min(site.files.config.settle_s, POLL_S)
        return pause_s, pause_s

    def _run(self, site: Site) -> None:
        left_s = _left_s(self._deadline)
        options = replace(self._options, until=None, max_hours=None if left_s == math.inf else max(left_s, 0.0) / 3600)
        before, self._warnings = self._warnings, set()

        def warn(text: str) -> None:
            self._warnings.add(text)
            if text not in before:
                self._tell.on_warning(text)

        self._tell.on_run(run_site(site, self._selection, options, self._tell.on_progress, warn, self._stop))


def _inputs(site: SiteFiles) -> frozenset[int]:
    """Returns a number for the state of each file besides footage that results depend on, wherever it lies."""
    config, root = site.config, site.root
    named = [*(layer.file for layer in config.layers), *(file for pair in config.stereo for file in pair.calibration)]
    # A shapefile has others beside it.
    beside = (file for name in named for file in (root / name).parent.glob(f"{(root / name).stem}.*"))
    states = set()
    for file in {root / SITE_FILE, *(root / TUNED_FOLDER).glob("*"), *site.models.rglob("*"), *beside}:
        try:
            status = file.stat()
        except OSError:
            continue  # it is gone, or may not be read: a run that needs it says so
        states.add(hash((str(file), status.st_size, status.st_mtime_ns)))
    return frozenset(states)
