"""The site handle of ``nightshift.open_site``: a ``jobs.site.Site`` with a method for each thing a program wants."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import jobs.site
from schemas.errors import SelectionError

if TYPE_CHECKING:
    from jobs.commands.run import RunSummary
    from jobs.commands.scan import ScanReport
    from jobs.commands.search import Found
    from jobs.commands.status import Status
    from jobs.planning.graph import Selection
    from jobs.planning.plan import Plan
    from storage.store.reader import StoreReader


@dataclass(frozen=True)
class Site(jobs.site.Site):
    """An open site.

    Attributes:
        files: ``site.toml`` and the locations it names.
        store: the site's results; ``open_store`` reads them.
        journal: the store's runs and its quarantine.
    """

    def scan(self) -> "ScanReport":
        """Scans the archive and records what is there; ``run`` does so first.

        Raises:
            SiteError: there is no archive, or the store cannot be written.
        """
        from jobs.commands.scan import scan_archive

        return scan_archive(self)

    def plan(
        self,
        *,
        cameras: Iterable[str] = (),
        first: date | str | None = None,
        last: date | str | None = None,
        ops: Iterable[str] = (),
        retry: bool = False,
    ) -> "Plan":
        """Returns what ``run`` would do with the same arguments, and why. Writes nothing.

            plan = site.plan(cameras=["hall"])
            print(len(plan.to_do), plan.reasons())

        Raises:
            UserError: site.toml is wrong, or the selection names what does not exist.
        """
        from jobs.commands.plan import plan_run

        return plan_run(self, _selection(cameras, first, last, ops), retry=retry)

    def run(
        self,
        *,
        cameras: Iterable[str] = (),
        first: date | str | None = None,
        last: date | str | None = None,
        ops: Iterable[str] = (),
        workers: int | None = 0,
        max_hours: float | None = None,
        retry: bool = False,
    ) -> "RunSummary":
        """Scans the archive, plans, and runs what is missing or stale: see ``nightshift.run``."""
        from jobs.commands.run import run_site
        from jobs.engine.options import RunOptions

        options = RunOptions(workers=workers, max_hours=max_hours, retry=retry)
        selection = _selection(cameras, first, last, ops)
        return run_site(self, selection, options, on_warning=lambda text: warnings.warn(text, stacklevel=2))

    def status(self) -> "Status":
        """Returns past runs, what is done and missing, and what is in quarantine. The archive is not scanned."""
        from jobs.commands.status import read_status

        return read_status(self)

    def search(
        self,
        camera: str,
        *,
        zone: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        gap_s: float = 5.0,
    ) -> "Found":
        """Returns when anything changed in a camera's view, or in a zone of it, without opening footage.

            found = site.search("hall", zone="entrance", since=datetime(2026, 3, 2))
            print(found.intervals.to_pandas(), found.looked_at_s)

        Args:
            camera: its id.
            zone: id of a zone that it sees; None for the whole view.
            since: local time of the camera, or with an offset; None for its first footage.
            until: the same; None for its last footage.
            gap_s: longest pause within an interval.

        Raises:
            SelectionError: there is no such camera, or it sees no such zone.
            UserError: the time ends before it begins, or is no plausible one.
        """
        from jobs.commands.search import SearchRequest, search_changes

        return search_changes(self, SearchRequest(camera, zone, since, until, gap_s))

    def open_store(self, *, as_of: str | None = None, unsafe: bool = False) -> "StoreReader":
        """Opens the results for reading: see ``nightshift.open_store``."""
        from storage.store.reader import open_store

        return open_store(self.files.root, as_of=as_of, unsafe=unsafe)

    def export(
        self,
        table_or_query: str,
        target: str | Path,
        *,
        lines: bool = False,
        as_of: str | None = None,
        least_people: int = 0,
    ) -> int:
        """Writes a table or the result of a query to a file, and returns the number of rows.

            site.export("positions", "tracks.gpkg", lines=True)

        Args:
            target: a file whose suffix selects the format, such as ``.gpkg``, ``.parquet`` or ``.csv``.
            lines: write positions as one line per track instead of points.
            as_of: export the tables as this run left them; None for now.
            least_people: for third parties: without pseudonyms and without rows of fewer people, such as 5; 0 for all.

        Raises:
            SelectionError: the table does not exist or may not leave the site, or there is no such run.
            QueryError: DuckDB refuses the query.
        """
        from jobs.commands.exports import export_result
        from storage.exports.geo import ExportOptions

        options = ExportOptions(as_lines=lines, least_people=least_people)
        return export_result(self, table_or_query, Path(target), options, as_of).rows

    def write_map(
        self,
        target: str | Path,
        *,
        first: date | str | None = None,
        last: date | str | None = None,
        as_of: str | None = None,
    ) -> int:
        """Writes the map page, one HTML file that works offline, and returns the number of positions on it.

            site.write_map("march.html", first="2026-03-01", last="2026-03-31")

        Raises:
            SelectionError: the period has too many positions, or there is no such run.
        """
        from jobs.commands.map_page import MapRequest, write_map_page

        request = MapRequest(Path(target), _day("first", first), _day("last", last), as_of)
        return write_map_page(self, request).positions


def _selection(
    cameras: Iterable[str], first: date | str | None, last: date | str | None, ops: Iterable[str]
) -> "Selection":
    from jobs.planning.graph import Selection

    return Selection(_names(cameras), _day("first", first), _day("last", last), _names(ops))


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """Takes one name for a list of one: a string would be read as a list of letters."""
    return (names,) if isinstance(names, str) else tuple(names)


def _day(name: str, value: date | str | None) -> date | None:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise SelectionError(f"{name}={value!r}: not a day; write it as '2026-03-02'") from error
