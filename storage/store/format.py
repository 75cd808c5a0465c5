"""The format of a store: written when it is made, checked whenever it is opened.

A store of another format is refused, not converted: results can always be made again from the footage.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from schemas.errors import SiteError
from schemas.tables import TABLES
from storage.blobs import Blobs
from storage.store.receipts import RECEIPTS_FOLDER, format_of
from storage.store.records import record_names

STORE_FILE = "_store.json"
FORMAT = 3
"""Version of the layout.

1 had no manifest and no unit tags; 2 had other names of tables and columns.
"""

_RECEIPTS_TRIED = 8  # some may be torn


def check_format(blobs: Blobs) -> None:
    """Checks that this version of Nightshift can read a store, which may be empty.

    Raises:
        SiteError: another version of Nightshift wrote it, or ``_store.json`` is torn.
    """
    found = _read(blobs)
    layout = found.get("format", FORMAT)
    if layout < FORMAT:
        raise SiteError(
            f"store {blobs.url} has the format of an earlier Nightshift ({layout}, this one has {FORMAT}): "
            "name a new store in site.toml and run again; the footage is untouched"
        )
    newer = [
        f"table {name} {version}, here {TABLES[name].version}"
        for name, version in found.get("tables", {}).items()
        if name in TABLES and version > TABLES[name].version
    ]
    if layout > FORMAT:
        newer.insert(0, f"format {layout}, here {FORMAT}")
    if newer:
        raise SiteError(f"store {blobs.url} was written by a newer Nightshift ({'; '.join(newer)}): upgrade Nightshift")


def write_format(blobs: Blobs) -> None:
    """Writes the format of this version of Nightshift, unless the store already has it."""
    versions = {"format": FORMAT, "tables": {name: spec.version for name, spec in TABLES.items()}}
    if _read(blobs) != versions:
        blobs.write(STORE_FILE, json.dumps(versions, indent=1, sort_keys=True).encode())


def _read(blobs: Blobs) -> Mapping[str, Any]:
    try:
        return _parse(blobs.read(STORE_FILE))
    except FileNotFoundError:
        # Format 1 had no such file; its receipts give it away.
        return {"format": 1} if any(_formats(blobs)) else {}
    except ValueError as error:
        raise SiteError(f"{blobs.url}/{STORE_FILE} is torn: {error}; remove it and run again") from error


def _formats(blobs: Blobs) -> Iterator[bool]:
    """Yields of some receipts whether they are of format 1."""
    for name in islice(record_names(blobs, RECEIPTS_FOLDER), _RECEIPTS_TRIED):
        try:
            yield format_of(blobs.read(name)) == 1
        except FileNotFoundError:
            continue  # a compaction moved it meanwhile, and format 1 had none


def _parse(content: bytes) -> Mapping[str, Any]:
    found = json.loads(content)
    match found:
        case {"format": int(), **rest} if isinstance(tables := rest.get("tables", {}), dict):
            if all(isinstance(version, int) for version in tables.values()):
                return dict(found)
    raise ValueError("it names no versions")
