"""Compares the tables of a run on the sample site with the truth.

``compare`` covers the readable footage, and matches tracks to people by overlap of boxes alone;
``ops/tracking/scores.py`` has the measures that papers use.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from ops.boxes import iou_matrix
from ops.tracking.scores import MATCH_IOU
from sample_site.truth import CLEARLY_VISIBLE, TrueBoxes, Truth, microseconds, within
from schemas.tables import TABLES
from schemas.values import Float64, Int64

_READ = (
    "track_points",
    "positions",
    "flows",
    "zone_events",
    "interactions",
    "site_tracks",
    "segments",
    "observed_frames",
)
_ABANDONED_S = 20.0
"""Shortest time alone, within the footage, after which a suitcase counts as abandoned."""
_PAUSE_US = 1_000_000
"""Largest gap between observed frames. Frames in longer gaps count as well, since a person could be missed there."""


class Connection(Protocol):
    """A DuckDB connection to the store."""

    def execute(self, query: str, /) -> Any:
        """Runs a query."""


@dataclass(frozen=True)
class Row:
    """One figure; ``measured`` is None where nothing was matched."""

    what: str
    measured: float | None
    true: float
    unit: str

    @property
    def error(self) -> float | None:
        """Measured minus true."""
        return None if self.measured is None else self.measured - self.true


@dataclass(frozen=True)
class Comparison:
    """Figures, measured and true, one row for each figure and camera."""

    rows: tuple[Row, ...]

    def as_rows(self) -> list[list[object]]:
        """Returns lists of ``[what, measured, true, error, unit]``, rounded for display."""
        return [[row.what, _short(row.measured), _short(row.true), _short(row.error), row.unit] for row in self.rows]

    def find(self, what: str) -> Row:
        """Returns the row of a name.

        Raises:
            KeyError: no row has this name.
        """
        for row in self.rows:
            if row.what == what:
                return row
        raise KeyError(what)


def compare(truth: Truth, measured: Connection | Mapping[str, pa.Table]) -> Comparison:
    """Compares the tables of a run with the truth.

    Args:
        truth: of the sample site.
        measured: a connection to the store, or tables by name (``track_points``, ``positions``, ``flows``,
            ``zone_events``, ``interactions``, ``site_tracks``; ``segments`` and ``observed_frames`` say what was
            processed). A missing table counts as empty, but without ``segments`` all readable footage counts as
            processed, and without ``observed_frames`` every frame as observed.
    """
    tables = dict(measured) if isinstance(measured, Mapping) else _fetch(measured)
    cameras = [_CameraComparison(truth, tables, camera) for camera in truth.cameras]
    return Comparison((*(row for camera in cameras for row in camera.rows()), _site_people(truth, cameras)))


def _site_people(truth: Truth, cameras: "Sequence[_CameraComparison]") -> Row:
    """Compares the people on the whole site, each counted once."""
    measured = {name for each in cameras for name in each.read("site_tracks", label=True)["site_track_id"].to_pylist()}
    true = {person for each in cameras for person in truth.people_seen(each.camera, each.spans_us)}
    return Row("site: people", len(measured), len(true), "people")


def _fetch(connection: Connection) -> dict[str, pa.Table]:
    # A column by name: views also have the partition's date.
    queries = {name: f"SELECT {', '.join(_quoted(TABLES[name].schema.names))} FROM {name}" for name in _READ}
    return {name: connection.execute(query).to_arrow_table() for name, query in queries.items()}


def _quoted(names: list[str]) -> list[str]:
    return [f'"{name}"' for name in names]


class _CameraComparison:
    """One camera's rows of every table, and the part of the truth that lies in the processed footage."""

    def __init__(self, truth: Truth, tables: Mapping[str, pa.Table], camera: str) -> None:
        self.truth = truth
        self.camera = camera
        self._tables = tables
        self.spans_us = self._processed_spans()

    def rows(self) -> list[Row]:
        """Returns all figures of this camera."""
        rows = [self._people(), *self._crossings(), *self._entries(), self._meetings(), self._abandoned()]
        rows += _TrackMatcher(self).rows()
        return [Row(f"{self.camera}: {row.what}", row.measured, row.true, row.unit) for row in rows]

    def read(self, table: str, label: bool = False) -> pa.Table:
        """Returns this camera's rows of a table; with ``label`` those of people only."""
        rows = self._tables.get(table)
        if rows is None:
            return TABLES[table].empty()
        mask = np.array([camera == self.camera for camera in rows["camera"].to_pylist()], np.bool_)
        if label:
            mask &= np.array([name == "person" for name in rows["label"].to_pylist()], np.bool_)
        return rows.filter(pa.array(mask))

    def _processed_spans(self) -> Int64:
        readable = self.truth.readable_us(self.camera)
        if "segments" not in self._tables:
            return readable
        segments = self.read("segments")
        spans = np.column_stack([times_us(segments, "start_time"), times_us(segments, "end_time")])
        both = [(max(a, c), min(b, d)) for a, b in spans.tolist() for c, d in readable.tolist()]
        return np.array([span for span in both if span[0] < span[1]], np.int64).reshape(-1, 2)

    def _happened(self, events: tuple[Any, ...], when: Callable[[Any], Any]) -> list[Any]:
        """Returns the events of this camera whose time lies in the processed footage."""
        mine = [event for event in events if event.camera == self.camera]
        times = np.array([microseconds(when(event)) for event in mine], np.int64)
        return [event for event, inside in zip(mine, within(times, self.spans_us), strict=True) if inside]

    def _people(self) -> Row:
        tracks = set(self.read("track_points", label=True)["track_id"].to_pylist())
        return Row("people", len(tracks), self.truth.distinct_people(self.camera, self.spans_us), "people")

    def _crossings(self) -> list[Row]:
        true = Counter((c.line, c.direction) for c in self._happened(self.truth.crossings, lambda c: c.time))
        flows = self.read("flows", label=True)
        found: Counter[tuple[str, str]] = Counter()
        for row in flows.select(["line", "direction", "crossings"]).to_pylist():
            found[row["line"], row["direction"]] += row["crossings"]
        lines = sorted({crossing.line for crossing in self.truth.crossings})
        keys = [(line, way) for line in lines for way in ("left_to_right", "right_to_left")]
        return [Row(f"{line}, {way.replace('_', ' ')}", found[line, way], true[line, way], "crossings")
                for line, way in keys]  # fmt: skip

    def _entries(self) -> list[Row]:
        true = Counter(stay.zone for stay in self._happened(self.truth.stays, lambda s: s.start_time))
        events = self.read("zone_events", label=True).select(["feature", "kind"]).to_pylist()
        found = Counter(event["feature"] for event in events if event["kind"] == "enter")
        zones = sorted({stay.zone for stay in self.truth.stays})
        return [Row(f"{zone}, entered", found[zone], true[zone], "times") for zone in zones]

    def _verbs(self, verb: str) -> int:
        return sum(found == verb for found in self.read("interactions")["verb"].to_pylist())

    def _meetings(self) -> Row:
        return Row("meetings", self._verbs("meets"), len(self._happened(self.truth.meetings, lambda m: m.end_time)), "")

    def _abandoned(self) -> Row:
        last_us = int(self.spans_us.max()) if len(self.spans_us) else 0
        bags = self._happened(self.truth.bags, lambda bag: bag.owner_gone_time)
        long_alone = [bag for bag in bags if last_us - microseconds(bag.owner_gone_time) >= _ABANDONED_S * 1e6]
        return Row("objects abandoned", self._verbs("abandons"), len(long_alone), "")


class _TrackMatcher:
    """Matches tracks to people frame by frame, and measures their distance on the ground."""

    def __init__(self, comparison: _CameraComparison) -> None:
        self._fps = comparison.truth.fps
        boxes = comparison.truth.boxes
        here = (boxes.camera == comparison.camera) & within(boxes.time_us, comparison.spans_us)
        self._true = boxes.take(here)
        points = comparison.read("track_points", label=True)
        self._time_us = times_us(points, "time")
        self._track = np.array(points["track_id"].to_pylist(), np.str_)
        sides = [points[side].to_numpy().astype(np.float64) for side in ("x1", "y1", "x2", "y2")]
        self._box = np.column_stack(sides) if len(points) else np.empty((0, 4))
        places = comparison.read("positions", label=True)
        keys = zip(places["track_id"].to_pylist(), self._numbers(times_us(places, "time")).tolist(), strict=True)
        metres = zip(places["x_m"].to_pylist(), places["y_m"].to_pylist(), strict=True)
        self._places = dict(zip(keys, metres, strict=True))
        self._frames = self._observed_frames(comparison)
        self._last_track: dict[str, str] = {}
        self.clear = self.matched = self.counted = self.right = self.switches = 0
        self.count_errors: list[int] = []
        self.distances_m: list[float] = []
        self._match_frames()

    def rows(self) -> list[Row]:
        """Returns the figures of the matching."""
        far = np.array(self.distances_m)
        return [
            Row("people per frame, mean absolute error", _mean(self.count_errors), 0.0, "people"),
            Row("recall of people", _share(self.matched, self.clear), 1.0, "share of boxes"),
            Row("precision of people", _share(self.right, self.counted), 1.0, "share of boxes"),
            Row("identity switches", self.switches, 0.0, "times"),
            Row("position error, median", float(np.median(far)) if len(far) else None, 0.0, "m"),
            Row("position error, 90 %", float(np.quantile(far, 0.9)) if len(far) else None, 0.0, "m"),
        ]

    def _numbers(self, time_us: Int64) -> Int64:
        return np.asarray(np.rint(time_us * (self._fps / 1e6)), np.int64)

    def _observed_frames(self, comparison: _CameraComparison) -> list[int]:
        """Returns the numbers of the frames that are compared."""
        step_us = 1e6 / self._fps
        spans = comparison.spans_us.tolist()
        every = np.concatenate([np.arange(a, b - step_us / 2, step_us) for a, b in spans]) if spans else np.empty(0)
        numbers = self._numbers(every.astype(np.int64))
        observed = np.sort(self._numbers(times_us(comparison.read("observed_frames"), "time")))
        if len(observed):
            after = np.clip(np.searchsorted(observed, numbers), 0, len(observed) - 1)
            before = np.maximum(after - 1, 0)
            gap = np.minimum(np.abs(numbers - observed[after]), np.abs(numbers - observed[before]))
            numbers = numbers[(gap == 0) | (gap * step_us > _PAUSE_US)]
        return [int(number) for number in np.unique(numbers)]

    def _match_frames(self) -> None:
        true_at, found_at = self._numbers(self._true.time_us), self._numbers(self._time_us)
        for number in self._frames:
            self._match_frame(number, self._true.take(true_at == number), np.flatnonzero(found_at == number))

    def _match_frame(self, number: int, true: TrueBoxes, found: Int64) -> None:
        from scipy.optimize import linear_sum_assignment

        overlap = iou_matrix(true.box, self._box[found])
        good = np.where(overlap >= MATCH_IOU, overlap, 0.0)
        # One to one, as CLEAR MOT matches; pairs below the overlap score 0 and are dropped.
        rows, columns = linear_sum_assignment(good, maximize=True)
        pairs = [(r, c) for r, c in zip(rows.tolist(), columns.tolist(), strict=True) if good[r, c] > 0]
        clear = true.visible_share >= CLEARLY_VISIBLE
        matched = [(r, c) for r, c in pairs if clear[r]]
        # A track on a person who is hardly visible is neither right nor wrong.
        counted = len(found) - (len(pairs) - len(matched))
        self.clear += int(clear.sum())
        self.matched += len(matched)
        self.counted += counted
        self.right += len(matched)
        self.count_errors.append(abs(counted - int(clear.sum())))
        for row, column in matched:
            self._record_match(number, true, row, str(self._track[found[column]]))

    def _record_match(self, number: int, true: TrueBoxes, row: int, track: str) -> None:
        person = str(true.person[row])
        self.switches += self._last_track.setdefault(person, track) != track
        self._last_track[person] = track
        place = self._places.get((track, number))
        if place is not None and true.feet_seen[row]:
            self.distances_m.append(float(np.hypot(*(np.array(place) - true.place_m[row]))))


def times_us(table: pa.Table, column: str) -> Int64:
    """Returns a time column as microseconds since 1970 UTC, ``(N,)``."""
    times: Int64 = table[column].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    return times


def _mean(values: list[int] | Float64) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _short(value: float | None) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    return int(value) if value == int(value) else round(value, 3)
