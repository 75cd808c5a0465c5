"""A query pays for what it reads: one that reads nothing of the store takes no snapshot of it."""

from pathlib import Path
from typing import Any

import pytest

import storage.sql.connection
from schemas.errors import QueryError, SelectionError
from storage.sql.connection import open_sql
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.sql_site import make_site, rows_of


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """For every snapshot that is taken, the run at whose end."""
    taken: list[str | None] = []
    take = storage.sql.connection.take_snapshot

    def recorded(store: Store, as_of: str | None = None) -> Any:
        taken.append(as_of)
        return take(store, as_of)

    monkeypatch.setattr(storage.sql.connection, "take_snapshot", recorded)
    return taken


@pytest.mark.parametrize("query", ["SELECT 1", "SHOW TABLES", "SELECT DATE '2026-03-02' + 1"])
def test_a_query_of_nothing_takes_no_snapshot(
    filled: Store, tmp_path: Path, snapshots: list[str | None], query: str
) -> None:
    with open_sql(filled, make_site(tmp_path), query=query) as con:
        run_query(con, query)
        assert snapshots == []
        for name in ("detections", "detections_all", "coverage", "people_by_day"):
            with pytest.raises(QueryError, match="as one word in the query"):
                run_query(con, f"FROM {name}")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM Detections",
        "SELECT count(*) FROM detections_all",
        "SELECT count(*) FROM receipts",
        "SELECT count(*) FROM runs",
        "SELECT count(*) FROM coverage",
        "SELECT timezone_of('cam2')",
        "SELECT LOCAL_DATE('cam2', now())",
        None,
    ],
)
def test_a_query_of_the_store_takes_one(
    filled: Store, tmp_path: Path, snapshots: list[str | None], query: str | None
) -> None:
    with open_sql(filled, make_site(tmp_path), query=query) as con:
        assert snapshots == [None], "taken when the connection opens"
        assert rows_of(con, query or "SELECT count(*) FROM detections") != [(None,)]
        assert snapshots == [None]


def test_a_run_that_is_not_there_is_named_whatever_is_asked(filled: Store, tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="third"):
        open_sql(filled, make_site(tmp_path), as_of="third", query="SELECT 1")
