"""Table macros say where everybody is at given times, and cut tracks at links that are not sure enough."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from schemas.tables import TABLES
from storage.sql.connection import open_sql
from storage.store.store import Store
from tests.storage.rows import put
from tests.storage.sql_site import make_site, rows_of

START = datetime(2026, 3, 2, 22, 59, 59, 900_000, tzinfo=UTC)  # just before midnight in Berlin
AT = "TIMESTAMPTZ '2026-03-02 22:59:59.9+00'"


def points(
    track: str, *rows: tuple[float, float, float | None], camera: str = "cam1", links: dict[int, float] | None = None
) -> pa.Table:
    """Returns points: seconds after ``START``, left edge and confidence; and link probabilities by row."""
    return TABLES["track_points"].conform(
        {
            "camera": [camera] * len(rows),
            "track_id": [track] * len(rows),
            "time": [START + timedelta(seconds=at_s) for at_s, _, _ in rows],
            "pts": [round(at_s * 1000) for at_s, _, _ in rows],
            "segment_id": ["s1"] * len(rows),
            "label": ["person"] * len(rows),
            "x1": [left for _, left, _ in rows],
            "y1": [10.0] * len(rows),
            "x2": [left + 20 for _, left, _ in rows],
            "y2": [60.0] * len(rows),
            "confidence": [confidence for _, _, confidence in rows],
            "link_probability": [(links or {}).get(number) for number in range(len(rows))],
            "state": ["interpolated" if confidence is None else "observed" for _, _, confidence in rows],
        }
    )


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    files = make_site(tmp_path_factory.mktemp("site"))
    store = Store.create(files.store)
    first = points("a", (0.0, 0.0, 0.9), (0.1, 10.0, None))
    put(store, "track_points", pa.concat_tables([first, points("b", (0.1, 300.0, 0.5))]), date="2026-03-02")
    # The track goes on in the next day's unit.
    put(store, "track_points", points("a", (0.3, 50.0, 0.8)), date="2026-03-03")
    route = [(at_s, 10 * at_s, 0.9) for at_s in (0.0, 0.1, 0.2, 2.0, 2.1)]
    linked = points("c", *route, camera="cam2", links={1: 0.9, 3: 0.6})
    put(store, "track_points", linked, camera="cam2")
    with open_sql(store, files, query="SELECT FROM track_boxes, track_parts") as connection:
        yield connection


def boxes(con: duckdb.DuckDBPyConnection, times: str, columns: str = "track_id, x1, x2, state") -> list[object]:
    after_ms = f"epoch_us(time - {AT}) // 1000"
    return list(rows_of(con, f"SELECT {after_ms}, {columns} FROM track_boxes('cam1', {times})"))


def test_a_box_between_two_points_is_interpolated(con: duckdb.DuckDBPyConnection) -> None:
    # From 10 to 50 px between .1 and .3 s, across midnight and two units.
    assert boxes(con, f"[{AT} + INTERVAL 150 MILLISECONDS]") == [(150, "a", 20.0, 40.0, "interpolated")]


def test_at_a_points_own_time_the_box_is_the_points(con: duckdb.DuckDBPyConnection) -> None:
    found = boxes(con, f"[{AT}, {AT} + INTERVAL 300 MILLISECONDS]", "track_id, x1, confidence::DECIMAL(2, 1), state")
    assert [row[:3] for row in found] == [(0, "a", 0.0), (300, "a", 50.0)]  # type: ignore[index]
    assert [row[4] for row in found] == ["observed"] * 2  # type: ignore[index]
    assert [float(row[3]) for row in found] == [0.9, 0.8]  # type: ignore[index]


def test_an_interpolated_point_stays_so(con: duckdb.DuckDBPyConnection) -> None:
    found = boxes(con, f"[{AT} + INTERVAL 100 MILLISECONDS]", "track_id, state")
    assert found == [(100, "a", "interpolated"), (100, "b", "observed")]


def test_nobody_is_there_before_and_after_a_track(con: duckdb.DuckDBPyConnection) -> None:
    assert boxes(con, f"[{AT} - INTERVAL 1 MILLISECOND, {AT} + INTERVAL 301 MILLISECONDS]") == []
    assert boxes(con, "[]") == []


def test_times_may_be_a_range_and_come_twice(con: duckdb.DuckDBPyConnection) -> None:
    every = f"range({AT}, {AT} + INTERVAL 301 MILLISECONDS, INTERVAL 50 MILLISECONDS)"
    found = boxes(con, f"list_concat({every}, {every})", "x1")
    assert found == [(0, 0.0), (50, 5.0), (100, 10.0), (100, 300.0), (150, 20.0), (200, 30.0), (250, 40.0), (300, 50.0)]


def test_nobody_is_shown_while_they_were_out_of_view(con: duckdb.DuckDBPyConnection) -> None:
    # A link without points between: from .2 to 2 s. The link at .1 s bridges nothing.
    every = f"range({AT}, {AT} + INTERVAL 2200 MILLISECONDS, INTERVAL 50 MILLISECONDS)"
    found = rows_of(con, f"SELECT epoch_us(time - {AT}) // 1000 FROM track_boxes('cam2', {every})")
    assert [row[0] for row in found] == [0, 50, 100, 150, 200, 2000, 2050, 2100]  # type: ignore[index]


@pytest.mark.parametrize(
    ("least", "parts"),
    [(0, [(5, 0.54)]), (0.6, [(5, 0.54)]), (0.7, [(3, 0.9), (2, 1.0)]), (0.95, [(1, 1.0), (2, 1.0), (2, 1.0)])],
)
def test_tracks_are_cut_at_links_that_are_less_sure(
    con: duckdb.DuckDBPyConnection, least: float, parts: list[tuple[int, float]]
) -> None:
    sql = f"SELECT part, points, round(link_probability, 3) FROM track_parts({least}) WHERE camera = 'cam2'"
    found = rows_of(con, sql)
    assert found == [(part, *each) for part, each in enumerate(parts)]


def test_a_track_without_links_is_one_part(con: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(con, "SELECT track_id, part, points, observed FROM track_parts(1) WHERE camera = 'cam1'")
    assert found == [("a", 0, 3, 2), ("b", 0, 1, 1)]
