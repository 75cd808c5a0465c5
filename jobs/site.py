"""A site as commands use it: its configuration, its store and its journal, opened together."""

from dataclasses import dataclass
from pathlib import Path

from schemas.errors import UserError
from storage.site.file import SiteFiles, load_site
from storage.store.journal import Journal
from storage.store.store import Store


@dataclass(frozen=True)
class Site:
    """A site that is open for reading.

    Attributes:
        files: ``site.toml`` and the locations it names.
        store: the site's results; it may not exist yet, and may be read-only.
        journal: the store's runs and its quarantine.
    """

    files: SiteFiles
    store: Store
    journal: Journal


def open_site(root: Path, checks_crs: bool = True) -> Site:
    """Reads ``site.toml`` in the folder ``root`` and opens the store that it names.

    Args:
        root: the site's folder.
        checks_crs: as for ``load_site``; queries check the CRS where they need it.

    Raises:
        SiteError: site.toml is missing or wrong, or the store has a format that this version does not read.
    """
    files = load_site(root, checks_crs)
    store = Store.open(files.store)
    return Site(files, store, Journal(store.blobs))


def refuse_within_site(site: Site, target: Path, option: str) -> None:
    """Checks that a file to write would not lie in the store or the archive.

    Raises:
        UserError: it would.
    """
    for what, location in (("store", site.files.store), ("archive", site.files.archive)):
        if "://" not in location and target.resolve().is_relative_to(Path(location).resolve()):
            raise UserError(f"{option} {target} is in the site's {what}, where no exports belong: give another folder")
