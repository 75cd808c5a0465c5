"""Interactions of a camera in the frames of its footage: what labels and system outputs of NIST's ActEV number."""

from typing import Any

import numpy as np

from jobs.footage_frames import FootageFrames
from schemas.activities import ActivityFile, ActivityInstance, FrameRange
from schemas.values import Bools
from storage.arrow_sql import query as arrow_query
from storage.sql.query import run_query
from storage.sql.text import quote_text

INTERACTION_TABLES = "interactions, receipts"
"""What a connection needs."""

_DONE = """
SELECT unit FROM done AS track
SEMI JOIN (FROM done WHERE op = 'link') AS link ON link.date = track.date AND link.committed >= track.committed
SEMI JOIN (FROM done WHERE op = 'interactions') AS day ON day.date = track.date AND day.committed >= track.committed
WHERE track.op = 'track'
"""
"""Segments in whose tracks interactions were looked for: their day was linked and searched after them."""


def watched_file(connection: Any, footage: FootageFrames) -> ActivityFile:
    """Returns the frames, numbered from 1, in which interactions were looked for.

    Args:
        connection: to the store, with ``INTERACTION_TABLES``.
    """
    sql = (
        "SELECT op, date, unit, committed FROM receipts WHERE current "
        f"AND camera = {quote_text(footage.camera)} AND op IN ('track', 'link', 'interactions')"
    )
    done = arrow_query(_DONE, done=run_query(connection, sql))
    return ActivityFile(frame_rate(footage), ranges_of(footage.within(set(done["unit"].to_pylist()))))


def frame_rate(footage: FootageFrames) -> float:
    """Returns the average frames per second; 1 for a single frame."""
    elapsed_us = int(footage.time_us[-1] - footage.time_us[0])
    return (len(footage) - 1) * 1e6 / elapsed_us if elapsed_us else 1.0


def ranges_of(mask: Bools) -> tuple[FrameRange, ...]:
    """Returns the ranges of frames, numbered from 1, that a mask ``(N,)`` of all frames has."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))) + 1
    return tuple(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def interactions_in(connection: Any, footage: FootageFrames, first_id: int = 1) -> tuple[ActivityInstance, ...]:
    """Returns a camera's interactions in a footage file, by start, as far as they are in it.

    One that goes on in another file is cut at the file's end, as NIST's format has it. A momentary one is one frame.

    Args:
        connection: to the store, with ``INTERACTION_TABLES``.
        first_id: number of the first one; those after it count on.
    """
    times_us = footage.time_us
    sql = (
        "SELECT verb, epoch_us(start_time) AS start_us, epoch_us(end_time) AS end_us, score FROM interactions "
        f"WHERE camera = {quote_text(footage.camera)} AND start_time <= make_timestamptz({times_us[-1]}) "
        f"AND end_time >= make_timestamptz({times_us[0]}) ORDER BY start_time, interaction_id"
    )
    rows = run_query(connection, sql)
    starts = np.searchsorted(times_us, rows["start_us"].to_numpy()) + 1
    ends = np.searchsorted(times_us, rows["end_us"].to_numpy(), side="right") + 1
    columns = (rows["verb"].to_pylist(), starts.tolist(), ends.tolist(), rows["score"].to_pylist())
    return tuple(
        ActivityInstance.of(verb, footage.path, start, max(end, start + 1), identity, score)
        for identity, (verb, start, end, score) in enumerate(zip(*columns, strict=True), first_id)
    )
