"""A site as commands use it: its configuration, its store and its journal, opened together."""

from dataclasses import dataclass
from pathlib import Path

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


def open_site(root: Path) -> Site:
    """Reads ``site.toml`` in the folder ``root`` and opens the store that it names.

    Raises:
        SiteError: site.toml is missing or wrong, or the store has a format that this version does not read.
    """
    files = load_site(root)
    store = Store.open(files.store)
    return Site(files, store, Journal(store.blobs))
