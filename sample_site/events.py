"""The truth about a film: boxes, lines crossed, zones entered, meetings and what was left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, groupby

import numpy as np
from shapely import Point as ShapelyPoint
from shapely import Polygon

from sample_site.film import SUITCASE, Shot
from sample_site.geometry import Point
from sample_site.picture import Painter, Sighting
from sample_site.script import ORIGIN_M, SampleSpec, Visit
from sample_site.true_events import (
    CLEARLY_VISIBLE,
    TrueBag,
    TrueBoxes,
    TrueCrossing,
    TrueFile,
    TrueMeeting,
    TruePerson,
    TrueStay,
    Truth,
)
from schemas.values import Float64

ZONES: Mapping[str, tuple[Point, ...]] = {
    "entrance": ((6.2, 5.7), (9.8, 5.7), (9.8, 8.0), (6.2, 8.0)),
    "hall_centre": ((5.4, 2.0), (10.6, 2.0), (10.6, 5.2), (5.4, 5.2)),
}
"""Polygons on the floor plan, metres."""
LINES: Mapping[str, tuple[Point, Point]] = {"doorway": ((6.4, 6.9), (9.6, 6.9))}
"""Drawn from west to east: whoever comes in through the doorway goes from left to right."""
_STEP_S = 0.02
_NEAR_M = 1.0
_SHORTEST_MEETING_S = 3.0


@dataclass(frozen=True)
class _View:
    """One camera's shots, and who is clearly visible in them."""

    camera: str
    painter: Painter
    shots: Sequence[Shot]
    fps: int

    def sees(self, person: str, time_s: float) -> bool:
        shot = self.shots[min(round(time_s * self.fps), len(self.shots) - 1)]
        return time_s < self.shots[-1].time_s + 1 / self.fps and any(
            s.name == person and s.visible_share >= CLEARLY_VISIBLE for s in shot.sightings
        )


def truth_of(
    spec: SampleSpec,
    visits: Sequence[Visit],
    files: Sequence[TrueFile],
    painters: Mapping[str, Painter],
    shots: Mapping[str, Sequence[Shot]],
) -> Truth:
    """Everything that is true about the films of all cameras."""
    views = [_View(camera, painters[camera], shots[camera], spec.fps) for camera in sorted(painters)]
    clock = _Clock(spec)
    people = (TruePerson(v.person, v.height_m, clock.at(v.start_s), clock.at(v.end_s)) for v in visits)
    return Truth(
        fps=spec.fps,
        files=tuple(files),
        people=tuple(people),
        crossings=tuple(c for view in views for visit in visits for c in _crossings(view, visit, clock)),
        stays=tuple(s for view in views for visit in visits for s in _stays(view, visit, clock)),
        meetings=tuple(m for view in views for pair in combinations(visits, 2) for m in _meetings(view, pair, clock)),
        bags=tuple(b for view in views for visit in visits for b in _bags(view, visit, clock)),
        boxes=_boxes(views, visits, clock),
    )


@dataclass(frozen=True)
class _Clock:
    spec: SampleSpec

    def at(self, time_s: float) -> datetime:
        return self.spec.start + timedelta(milliseconds=round(time_s * 1000))

    def at_us(self, time_s: float) -> int:
        return round(self.spec.start.timestamp()) * 1_000_000 + round(time_s * 1_000_000)


def _moments(visit: Visit) -> tuple[Float64, Float64]:
    times_s = np.arange(visit.start_s, visit.end_s, _STEP_S)
    return times_s, visit.places(times_s)[:, :2]


def _crossings(view: _View, visit: Visit, clock: _Clock) -> list[TrueCrossing]:
    times_s, places = _moments(visit)
    found = []
    for line, (start, end) in LINES.items():
        along = np.subtract(end, start)
        offset = places - start
        # Left of the drawing direction is positive.
        side = along[0] * offset[:, 1] - along[1] * offset[:, 0]
        share = offset @ along / (along @ along)
        turns = np.flatnonzero((side[:-1] > 0) != (side[1:] > 0))
        for turn in turns[(share[turns] >= 0) & (share[turns] <= 1)]:
            if view.sees(visit.person, times_s[turn]):
                way = "left_to_right" if side[turn] > 0 else "right_to_left"
                found.append(TrueCrossing(view.camera, visit.person, line, clock.at(times_s[turn]), way))
    return found


def _stays(view: _View, visit: Visit, clock: _Clock) -> list[TrueStay]:
    times_s, places = _moments(visit)
    found = []
    for zone, corners in ZONES.items():
        polygon = Polygon(corners)
        inside = [polygon.contains(ShapelyPoint(place)) for place in places]
        seen = [here and view.sees(visit.person, t) for here, t in zip(inside, times_s, strict=True)]
        if any(seen):
            when = times_s[np.flatnonzero(seen)]
            found.append(TrueStay(view.camera, visit.person, zone, clock.at(when[0]), clock.at(when[-1])))
    return found


def _meetings(view: _View, pair: tuple[Visit, ...], clock: _Clock) -> list[TrueMeeting]:
    """Both stand still and near, for a while."""
    one, other = pair
    times_s = np.arange(max(one.start_s, other.start_s), min(one.end_s, other.end_s), _STEP_S)
    if len(times_s) < 2:
        return []
    first, second = one.places(times_s), other.places(times_s)
    still = (np.diff(first[:, 2], prepend=-1) == 0) & (np.diff(second[:, 2], prepend=-1) == 0)
    near = still & (np.hypot(*(first - second)[:, :2].T) <= _NEAR_M)
    found = []
    for together, run in groupby(range(len(times_s)), key=lambda i: bool(near[i])):
        moments = times_s[list(run)]
        long_enough = moments[-1] - moments[0] >= _SHORTEST_MEETING_S
        if together and long_enough and all(view.sees(v.person, moments[len(moments) // 2]) for v in pair):
            names = (one.person, other.person)
            found.append(TrueMeeting(view.camera, names, clock.at(moments[0]), clock.at(moments[-1])))
    return found


def _bags(view: _View, visit: Visit, clock: _Clock) -> list[TrueBag]:
    if visit.suitcase_left_at is None:
        return []
    left_s = visit.corner_s(visit.suitcase_left_at)
    owner_s = [s.time_s for s in view.shots if any(x.name == visit.person for x in s.sightings)]
    after = [(s.time_s, x) for s in view.shots for x in s.sightings if x.name == SUITCASE + visit.person]
    alone: list[tuple[float, Sighting]] = [(t, x) for t, x in after if owner_s and t > max(owner_s[-1], left_s)]
    if not alone:
        return []
    x, y = _on_map(visit.suitcase_place_m)
    box = tuple(float(edge) for edge in alone[0][1].box)
    end_s = alone[-1][0] + 1 / view.fps
    times = clock.at(left_s), clock.at(owner_s[-1]), clock.at(end_s)
    return [TrueBag(view.camera, visit.person, *times, box, round(x, 3), round(y, 3))]  # type: ignore[arg-type]


def _boxes(views: Sequence[_View], visits: Sequence[Visit], clock: _Clock) -> TrueBoxes:
    ways = {visit.person: visit for visit in visits}
    rows = [
        (view, shot.time_s, sighting)
        for view in views
        for shot in view.shots
        for sighting in shot.sightings
        if sighting.name in ways
    ]
    places = [ways[s.name].places(np.array([time_s]))[0, :2] for _, time_s, s in rows]
    return TrueBoxes(
        camera=np.array([view.camera for view, _, _ in rows], np.str_),
        time_us=np.array([clock.at_us(time_s) for _, time_s, _ in rows], np.int64),
        person=np.array([s.name for _, _, s in rows], np.str_),
        box=np.array([s.box for _, _, s in rows], np.float64).reshape(-1, 4),
        visible_share=np.array([s.visible_share for _, _, s in rows], np.float64),
        feet_seen=np.array([_feet_seen(view, p) for (view, _, _), p in zip(rows, places, strict=True)], np.bool_),
        place_m=np.array([_on_map(place) for place in places], np.float64).reshape(-1, 2),
    )


def _feet_seen(view: _View, place: Float64) -> bool:
    pixels, depth = view.painter.lens.project(np.array([[*place, 0.0]]))
    column, row = np.floor(pixels[0]).astype(int)
    width, height = view.painter.lens.size_px
    inside = 0 <= column < width and 0 <= row < height
    return bool(inside and view.painter.backdrop.depth_m[row, column] > depth[0] - 0.3)


def _on_map(place: Point | Float64) -> Point:
    return float(place[0]) + ORIGIN_M[0], float(place[1]) + ORIGIN_M[1]
