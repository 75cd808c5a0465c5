"""Starts pyarrow without pandas, for commands that are to answer at once."""

import sys
from importlib.abc import MetaPathFinder

import pyarrow as pa


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ImportError("not now")


def start_without_pandas() -> None:
    """Lets pyarrow load pandas only for a data frame.

    Else pyarrow imports it with the first array, to recognize data frames: 0.3 s and 65 MB, which a query or an export
    does not need.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])  # pyarrow looks for pandas once, and again only where it cannot do without
    finally:
        sys.meta_path.remove(finder)
