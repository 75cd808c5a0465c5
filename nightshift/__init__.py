"""The front door for Python programs: open a site or a store, run the work, read the results.

    import nightshift

    nightshift.run("yard", cameras=["hall"], first="2026-03-02")
    with nightshift.open_store("yard") as store:
        counts = store.df("counts")  # pandas DataFrame
        positions = store.geo("positions")  # GeoDataFrame
        store.sql("SELECT label, count(*) FROM tracks GROUP BY label").show()  # DuckDB

Errors that a caller can act on are ``schemas.errors.NightshiftError``; a wrong argument is its subclass ``UserError``.
"""

from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.commands.run import RunSummary
    from nightshift.site import Site
    from storage.store.reader import StoreReader

__all__ = ["__version__", "open_site", "open_store", "run"]

__version__ = version("nightshift")

# Every function imports what it needs: DuckDB, Ray, PyTorch and OpenCV take seconds to load, and a program that only
# reads a table needs one of them.


def open_site(path: "str | Path") -> "Site":
    """Opens a site: the folder that holds its ``site.toml``.

        site = nightshift.open_site("yard")
        print(site.plan().unit_counts())
        site.run(max_hours=2)
        site.export("positions", "tracks.gpkg", lines=True)

    Raises:
        SiteError: site.toml is missing or wrong, or the store has a format that this version does not read.
    """
    from jobs.site import open_site as open_handle
    from nightshift.site import Site

    handle = open_handle(Path(path))
    return Site(handle.files, handle.store, handle.journal)


def open_store(path: "str | Path", *, as_of: str | None = None, unsafe: bool = False) -> "StoreReader":
    """Opens the results of a site for reading.

        with nightshift.open_store("yard") as store:
            counts = store.df("SELECT * FROM counts WHERE label = 'person'")
            positions = store.geo("positions")

    Args:
        path: folder of a site or of a store, or an object store's ``s3://bucket/prefix``. A store alone has neither
            the time zones of its cameras, nor the site's zones and CRS.
        as_of: show the tables as this run left them; None for now.
        unsafe: let queries also read and write other files, attach databases, and change settings.

    Raises:
        SiteError: there is neither a site nor a store.
        SelectionError: there is no such run.
    """
    from storage.store.reader import open_store as open_reader

    return open_reader(path, as_of=as_of, unsafe=unsafe)


def run(
    site: "str | Path | Site",
    *,
    cameras: Iterable[str] = (),
    first: date | str | None = None,
    last: date | str | None = None,
    ops: Iterable[str] = (),
    workers: int | None = 0,
    max_hours: float | None = None,
    retry: bool = False,
) -> "RunSummary":
    """Scans the archive of a site, plans, and runs what is missing or stale. An unchanged second run does nothing.

        summary = nightshift.run("yard", cameras=["hall"], first="2026-03-02", ops=["counts"], workers=4)
        print(summary.record.units_done, summary.report.state)

    Args:
        site: its folder, or what ``open_site`` returned.
        cameras: ids of cameras; empty for all.
        first: first local date, as a ``date`` or ``"YYYY-MM-DD"``; None for no limit.
        last: last local date, included; None for no limit.
        ops: names of ops, which run together with what they need; empty for all.
        workers: worker processes, started by Ray; 0 for one per CPU; None to work in this process, without Ray.
        max_hours: stop after this many hours; the next run continues.
        retry: try what is in quarantine again.

    Returns:
        The state of the run, its row of the table ``runs``, and what was quarantined.

    Warns:
        UserWarning: something reduces the quality of the results, such as missing weights.

    Raises:
        UserError: the selection or the site is not as described, or the store cannot be written.
        StoreFull: no space is left; what is committed stays.
    """
    opened = open_site(site) if isinstance(site, str | Path) else site
    return opened.run(
        cameras=cameras, first=first, last=last, ops=ops, workers=workers, max_hours=max_hours, retry=retry
    )
