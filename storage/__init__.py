"""Where bytes live: video containers, Parquet, receipts, DuckDB, GIS files, model weights.

The files of this folder are the store: rows, receipts, manifest, and what of them readers see. ``archive`` finds
footage, ``video`` reads and writes it, ``site`` and ``weights`` are what a user gives, ``blobs`` is where files stand,
``sql`` asks the store, ``exports`` is what leaves it, and ``upkeep`` keeps it sound.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.opened import OpenedStore, open_store

__all__ = ["OpenedStore", "open_store"]


def __getattr__(name: str) -> Any:
    # Looked up when asked for: a worker that only writes video need not load DuckDB and the GIS libraries.
    if name in __all__:
        from storage import opened

        return getattr(opened, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
