"""What ``bench.identity`` compares: our tracker Ultralytics' ByteTrack, and perfect association."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.optimize import linear_sum_assignment

from bench.identity_material import CUT_TABLES, DetectedSequence, People, boxes_of, moments
from ops.boxes import iou_matrix
from ops.link import Link, LinkParams
from ops.track import Track, TrackParams
from ops.tracking.detections import Detections
from ops.tracking.interpolate import interpolate
from schemas.frame_boxes import FrameBoxes
from schemas.op import Tables
from schemas.tables import TABLES
from schemas.values import Int64, Segment
from storage.sql.query import run_query
from storage.sql.tracks import POINTS_READ, create_track_macros
from tests.support.fakes import START, FakeServices, make_segment, make_unit

SAME_IOU = 0.5
"""Least intersection over union of a detection with the true box of the person whom it shows."""

NOBODY = -1
"""Identity of a detection that shows nobody of the truth."""


def ours(detected: DetectedSequence, params: TrackParams | None = None, cuts_s: tuple[float, ...] = ()) -> FrameBoxes:
    """Runs the ops ``track`` and ``link``, and returns people at every frame, also between looks.

    Args:
        detected: the footage.
        params: of ``track``; None for the defaults.
        cuts_s: times at which the footage is cut into segments, whose tracks are linked again.
    """
    return at_every_frame(detected, track_points(detected, params, cuts_s))


def track_points(
    detected: DetectedSequence, params: TrackParams | None = None, cuts_s: tuple[float, ...] = ()
) -> pa.Table:
    """Returns the table ``track_points``; arguments as for ``ours``."""
    pieces = list(cut(detected, cuts_s))
    tracked = []
    for (segment, tables), after in zip(pieces, [*pieces[1:], None], strict=True):
        inputs = dict(tables) | ({} if after is None else {f"next.{name}": table for name, table in after[1].items()})
        tracked.append(Track(params or TrackParams()).run(make_unit([segment]), inputs, FakeServices()))
    day = {name: pa.concat_tables([tables[name] for tables in tracked]) for name in tracked[0]}
    unit = make_unit([segment for segment, _ in pieces], unit="day")
    return Link(LinkParams()).run(unit, day, FakeServices())["track_points"]


def at_every_frame(detected: DetectedSequence, points: pa.Table) -> FrameBoxes:
    """Returns the people of ``track_points`` at every frame, as ``nightshift eval`` reads them: by ``track_boxes``."""
    numbers = np.arange(1, detected.segment.frames + 1)
    _, times_us = moments(detected.segment, detected.fps, numbers)
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register(POINTS_READ, points)
        create_track_macros(connection)
        rows = run_query(
            connection,
            "SELECT track_id, epoch_us(time) AS time_us, x1, y1, x2, y2 FROM track_boxes("
            f"'{detected.segment.camera}', list_transform({times_us.tolist()}, lambda us: make_timestamptz(us))) "
            "WHERE label = 'person' ORDER BY time, track_id",
        )
    identity = np.unique(np.array(rows["track_id"].to_pylist(), np.str_), return_inverse=True)[1]
    frame = numbers[np.searchsorted(times_us, rows["time_us"].to_numpy())]
    return FrameBoxes.of(frame, np.asarray(identity, np.int64), boxes_of(rows))


def cut(detected: DetectedSequence, cuts_s: tuple[float, ...]) -> Iterator[tuple[Segment, Tables]]:
    """Splits the detections at the cuts, as if the footage had these segments."""
    edges = [detected.segment.start, *(START + timedelta(seconds=at) for at in cuts_s), detected.segment.end]
    for index, (start, end) in enumerate(pairwise(edges)):
        name = make_segment(index).segment_id
        yield (
            replace(detected.segment, segment_id=name, index=index, start=start, end=end),
            {table: part(detected.tables[table], name, start, end, table) for table in CUT_TABLES},
        )


def part(rows: pa.Table, segment_id: str, start: datetime, end: datetime, table: str) -> pa.Table:
    """Returns a table's rows of one segment."""
    times = rows["time"]
    first, last = (pa.scalar(each, times.type) for each in (start, end))
    chosen = rows.filter(pc.and_(pc.greater_equal(times, first), pc.less(times, last)))
    columns: Mapping[str, Any] = {name: chosen[name] for name in chosen.column_names}
    return TABLES[table].conform({**columns, "segment_id": [segment_id] * len(chosen)})


def peer(people: People) -> FrameBoxes:
    """Runs Ultralytics' ByteTrack with its own settings on every look."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    from ultralytics.engine.results import Boxes
    from ultralytics.trackers import BYTETracker
    from ultralytics.utils import YAML
    from ultralytics.utils.checks import check_yaml

    settings = SimpleNamespace(**YAML.load(check_yaml("bytetrack.yaml")))  # type: ignore[no-untyped-call]
    tracker = BYTETracker(settings)  # type: ignore[no-untyped-call]
    tracker.reset_id()  # type: ignore[no-untyped-call]
    rows = np.column_stack([people.box, people.confidence, np.zeros(len(people.frame))]).astype(np.float32)
    tracked = [np.empty((0, 6))]
    for number in people.looks.tolist():
        found = np.reshape(tracker.update(Boxes(rows[people.frame == number], people.size_px[::-1])), (-1, 8))
        tracked.append(np.column_stack([np.full(len(found), number), found[:, 4], found[:, :4]]))
    every = np.concatenate(tracked)
    return FrameBoxes.of(every[:, 0].astype(np.int64), every[:, 1].astype(np.int64), every[:, 2:].astype(np.float64))


def oracle(people: People, truth: FrameBoxes) -> FrameBoxes:
    """Returns perfect association: detections that show somebody get the identity that the truth gives.

    Gaps that ours might join are filled, and boxes smoothed, as ours are. So it says what is left to gain by
    association alone.
    """
    params = TrackParams()
    detections = Detections(
        frame_s=(people.looks - 1) / people.fps,
        frame=np.searchsorted(people.looks, people.frame),
        box=people.box,
        confidence=people.confidence,
        size_px=people.size_px,
    )
    identity = true_identities(people, truth)
    found = []
    for person in np.unique(identity[identity != NOBODY]):
        (rows,) = np.nonzero(identity == person)
        for piece in np.split(rows, np.flatnonzero(np.diff(detections.time_s[rows]) > params.alike_gap_s) + 1):
            looks, boxes = interpolate(detections, piece, params.smooth_s)[:2]
            found.append(FrameBoxes.of(people.looks[looks], np.full(len(looks), person), boxes))
    return between_looks(together(found), people.looks)


def true_identities(people: People, truth: FrameBoxes) -> Int64:
    """Returns the true identity of each detection ``(N,)``, matched one to one in each frame; else ``NOBODY``."""
    identity = np.full(len(people.frame), NOBODY)
    for number in np.unique(people.frame):
        (found,), (known,) = np.nonzero(people.frame == number), np.nonzero(truth.frame == number)
        overlap = iou_matrix(people.box[found], truth.box[known])
        rows, columns = linear_sum_assignment(overlap, maximize=True)
        same = overlap[rows, columns] >= SAME_IOU
        identity[found[rows[same]]] = truth.identity[known[columns[same]]]
    return identity


def together(parts: list[FrameBoxes]) -> FrameBoxes:
    """Returns all boxes, sorted by frame."""
    nothing = FrameBoxes.of(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4)))
    columns = [[getattr(part, name) for part in (nothing, *parts)] for name in ("frame", "identity", "box", "counts")]
    return FrameBoxes(*map(np.concatenate, columns)).by_frame()


def between_looks(found: FrameBoxes, looks: Int64) -> FrameBoxes:
    """Returns boxes also between two neighbouring looks that found somebody, in a straight line, sorted by frame.

    Args:
        found: boxes at looks.
        looks: ``(L,)`` numbers of all frames that were looked at, rising.
    """
    after_look = dict(pairwise(looks.tolist()))
    parts = [found]
    for identity in np.unique(found.identity):
        mine = found.take(found.identity == identity).by_frame()
        for before, after in pairwise(mine.frame.tolist()):
            if after_look[before] == after:
                gap = np.arange(before + 1, after)
                boxes = np.column_stack([np.interp(gap, mine.frame, edge) for edge in mine.box.T])
                parts.append(FrameBoxes.of(gap, np.full(len(gap), identity), boxes))
    return together(parts)
