"""The macros of table ``motion`` say which tiles a row names, and when something changed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import QueryError
from schemas.tables import TABLES
from schemas.tables.motion import TILE_GRID, pack_tiles
from storage.sql.changes import ZONE_TILES
from storage.sql.connection import open_sql
from storage.store.store import Store
from tests.storage.rows import put
from tests.storage.sql_site import make_site, rows_of

START = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)


def packed(*cells: tuple[int, int]) -> bytes:
    tiles = np.zeros(TILE_GRID[::-1], np.bool_)
    for column, row in cells:
        tiles[row, column] = True
    return pack_tiles(tiles)


def motion_rows(*rows: tuple[int, str, bytes], camera: str = "cam1", segment: str = "s1") -> pa.Table:
    """Rows at seconds after ``START``."""
    return TABLES["motion"].conform(
        {
            "camera": [camera] * len(rows),
            "segment_id": [segment] * len(rows),
            "time": [START + timedelta(seconds=second) for second, _, _ in rows],
            "kind": [kind for _, kind, _ in rows],
            "tiles": [tiles for _, _, tiles in rows],
            "share": [0.1] * len(rows),
        }
    )


DOOR, WINDOW, BOTH = packed((2, 3), (3, 3)), packed((20, 3)), packed((2, 3), (20, 3))
EVERYWHERE = pack_tiles(np.ones(TILE_GRID[::-1], np.bool_))


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    files = make_site(tmp_path_factory.mktemp("site"))
    store = Store.create(files.store)
    first = motion_rows(
        (0, "motion", DOOR),
        (1, "motion", BOTH),
        (4, "motion", WINDOW),
        (11, "motion", WINDOW),
        (12, "light", EVERYWHERE),
    )
    # The next segment begins within a second.
    second = motion_rows((12, "motion", DOOR), (7300, "motion", WINDOW), segment="s2")
    put(store, "motion", first, unit="s1")
    put(store, "motion", second, unit="s2")
    put(store, "motion", motion_rows((0, "motion", DOOR), camera="cam2"), camera="cam2")
    zones = pa.table([["cam1", "cam1"], ["door", "hidden"], [DOOR, packed()]], schema=ZONE_TILES)
    with open_sql(store, files, zone_tiles=lambda: zones) as connection:
        yield connection


def intervals(con: duckdb.DuckDBPyConnection, arguments: str) -> list[tuple[int, int, object, object, object]]:
    """Kind, first and last second, seconds and peak share of each interval."""
    rows = rows_of(con, f"SELECT start_time, end_time, kind, seconds, peak_share FROM changes_in({arguments})")
    seconds = [[(time - START) // timedelta(seconds=1) for time in row[:2]] for row in rows]  # type: ignore[operator]
    return [(*span, *row[2:]) for span, row in zip(seconds, rows, strict=True)]  # type: ignore[misc]


def test_seconds_are_merged_over_short_gaps_by_kind(con: duckdb.DuckDBPyConnection) -> None:
    assert intervals(con, "'cam1'") == [
        (0, 5, "motion", 3, 2 / 384),
        (11, 13, "motion", 2, 2 / 384),
        (12, 13, "light", 1, 1.0),
        (7300, 7301, "motion", 1, 1 / 384),
    ]
    assert intervals(con, "'cam1', gap_s := 6")[0] == (0, 13, "motion", 5, 2 / 384)
    assert [row[:2] for row in intervals(con, "'cam1', gap_s := 0")][:3] == [(0, 2), (4, 5), (11, 13)]


def test_a_zone_has_only_what_changes_in_it(con: duckdb.DuckDBPyConnection) -> None:
    assert intervals(con, "'cam1', zone_id := 'door'") == [
        (0, 2, "motion", 2, 1.0),
        (12, 13, "light", 1, 1.0),
        (12, 13, "motion", 1, 1.0),
    ]
    assert intervals(con, "'cam1', zone_id := 'hidden'") == []


def test_a_time_cuts_what_is_searched(con: duckdb.DuckDBPyConnection) -> None:
    at = "TIMESTAMPTZ '2026-03-02 22:00:{}+00'"
    assert intervals(con, f"'cam1', since := {at.format('11.5')}, until := {at.format('12')}") == [
        (11, 12, "motion", 1, 1 / 384)
    ], "a second that has begun counts"
    assert intervals(con, f"'cam1', until := {at.format('00')}") == []


def test_a_zone_that_the_camera_lacks_is_an_error(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError, match="camera cam2 has no zone door: see the table zone_tiles"):
        intervals(con, "'cam2', zone_id := 'door'")


def test_rows_can_be_chosen_by_tiles(con: duckdb.DuckDBPyConnection) -> None:
    door = "(SELECT tiles FROM zone_tiles WHERE zone = 'door')"
    assert rows_of(con, f"SELECT count(*) FROM motion WHERE camera = 'cam1' AND in_tiles(tiles, {door})") == [(4,)]
    found = rows_of(con, "SELECT tiles_of(tiles) FROM motion WHERE camera = 'cam1' ORDER BY time LIMIT 2")
    assert found == [
        ([{"column": 2, "row": 3}, {"column": 3, "row": 3}],),
        ([{"column": 2, "row": 3}, {"column": 20, "row": 3}],),
    ]


def test_the_date_of_a_row_is_local(con: duckdb.DuckDBPyConnection) -> None:
    """The store's day begins at 23:00 UTC: the last row is of the next one."""
    dates = rows_of(con, "SELECT date::VARCHAR, count(*) FROM motion WHERE camera = 'cam1' GROUP BY 1 ORDER BY 1")
    assert dates == [("2026-03-02", 6), ("2026-03-03", 1)]


def test_a_query_need_not_name_the_table_that_changes_are_read_from(tmp_path: Path) -> None:
    store = Store.create(tmp_path)
    put(store, "motion", motion_rows((0, "motion", DOOR)))
    query = "SELECT kind, seconds FROM changes_in('cam1')"
    with open_sql(store, query=query) as con:
        assert rows_of(con, query) == [("motion", 1)]


def test_a_store_without_a_site_has_no_zones(tmp_path: Path) -> None:
    with open_sql(Store.create(tmp_path)) as con:
        assert rows_of(con, "FROM changes_in('cam1')") == []
        assert rows_of(con, "FROM zone_tiles") == []
