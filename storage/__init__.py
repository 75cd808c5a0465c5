"""Where bytes live: video containers, Parquet, receipts, DuckDB, GIS files, model weights."""

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
