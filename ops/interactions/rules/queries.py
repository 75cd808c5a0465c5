"""Interactions of the user's own that a SQL query finds in the tables of a camera's day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from ops.arrays import datetime_us
from ops.interactions.params import UserQuery
from ops.interactions.rules.scene import PERSON, Evidence, Interaction, Scene
from schemas.errors import SiteError
from schemas.op import Tables

SEEN = ("track_points", "positions", "local_positions", "zone_events", "static_objects", "static_object_tracks")
"""Tables that a query sees, beside ``interactions``."""

NEEDED = ("subject", "start_time")
MEMORY_MB = 1000


def find_queried(found: Sequence[Interaction], scene: Scene) -> list[Interaction]:
    """Returns what the site's queries find.

    A query sees the tables ``SEEN`` and, of this op, ``interactions`` with what the rules found. It can read no file.
    Places that it gives are kept only of a camera on the map: those of any other are metres around that camera.

    Raises:
        SiteError: a query fails, or lacks a column; the message names its verb.
    """
    if not scene.params.queries:
        return []
    tables = {name: scene.extra[name] for name in SEEN} | {"interactions": _table(found)}
    return [row for query, result in _results(scene.params.queries, tables) for row in _rows(query, result, scene)]


def check_queries(queries: Sequence[UserQuery], empty: Tables) -> None:
    """Runs the site's queries on empty tables, so that a wrong one is known before a night begins.

    Args:
        empty: the op's input tables, without rows.

    Raises:
        SiteError: a query cannot run, lacks a column, or gives no times with time zone.
    """
    tables = {name: empty[name] for name in SEEN} | {"interactions": _table([])}
    for query, result in _results(queries, tables):
        for name in ("start_time", "end_time"):
            kind = result.schema.field(name).type if name in result.column_names else None
            if kind is not None and not (pa.types.is_timestamp(kind) and kind.tz) and not pa.types.is_null(kind):
                raise _no_time(query, f"a column {name} of type {kind}")


def _results(queries: Sequence[UserQuery], tables: Mapping[str, pa.Table]) -> Iterator[tuple[UserQuery, pa.Table]]:
    """Yields what each query gives.

    Raises:
        SiteError: a query fails, or lacks a column.
    """
    import duckdb

    with duckdb.connect(config={"enable_external_access": False, "memory_limit": f"{MEMORY_MB}MB"}) as connection:
        connection.execute("SET timezone = 'UTC'")
        for name, table in tables.items():
            connection.register(name, table)
        for query in queries:
            try:
                result = connection.execute(query.query).to_arrow_table()
            except duckdb.Error as error:
                raise SiteError(f"[ops.interactions] the query of {query.verb!r} fails: {error}") from error
            lacking = [name for name in NEEDED if name not in result.column_names]
            if lacking:
                raise SiteError(
                    f"[ops.interactions] the query of {query.verb!r} gives no column "
                    f"{' and no column '.join(lacking)}; it gives {', '.join(result.column_names)}"
                )
            yield query, result


def _no_time(query: UserQuery, given: str) -> SiteError:
    return SiteError(
        f"[ops.interactions] the query of {query.verb!r} gives {given} as a time; it must be a timestamp with "
        "time zone, as the tables have"
    )


def _rows(query: UserQuery, result: pa.Table, scene: Scene) -> list[Interaction]:
    labels = dict(zip(scene.trajectories.tracks, scene.labels, strict=True))
    found = []
    for row in result.to_pylist():
        start_us = _moment_us(query, row["start_time"])
        end_us = start_us if row.get("end_time") is None else _moment_us(query, row["end_time"])
        place = row.get("x_m"), row.get("y_m")
        evidence: Evidence = {
            name: float(value)
            for name, value in row.items()
            if isinstance(value, int | float) and name not in ("score", "x_m", "y_m")
        }
        found.append(
            Interaction(
                query.verb,
                str(row["subject"]),
                labels.get(row["subject"], PERSON),
                None if row.get("object") is None else str(row["object"]),
                row.get("object_kind") or ("none" if row.get("object") is None else "track"),
                row.get("object_label"),
                start_us,
                max(start_us, end_us),
                min(max(float(1.0 if row.get("score") is None else row["score"]), 0.0), 1.0),
                evidence,
                f"{query.verb} query",
                (float(place[0]), float(place[1])) if scene.on_map and None not in place else None,
            )
        )
    return found


def _moment_us(query: UserQuery, moment: object) -> int:
    """Returns a time of a query's row.

    Raises:
        SiteError: it is not one, or has no time zone.
    """
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise _no_time(query, repr(moment))
    return datetime_us(moment)


def _table(found: Sequence[Interaction]) -> pa.Table:
    time = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "verb": pa.array([one.verb for one in found], pa.string()),
            "subject": pa.array([one.subject for one in found], pa.string()),
            "object": pa.array([one.object for one in found], pa.string()),
            "object_kind": pa.array([one.object_kind for one in found], pa.string()),
            "object_label": pa.array([one.object_label for one in found], pa.string()),
            "start_time": pa.array([one.start_us for one in found], pa.int64()).cast(time),
            "end_time": pa.array([one.end_us for one in found], pa.int64()).cast(time),
            "score": pa.array([one.score for one in found], pa.float64()),
        }
    )
