"""Derives the truth from the script: boxes, lines crossed, zones entered, meetings and suitcases left behind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, groupby
from typing import Protocol

import numpy as np
from shapely import Polygon, contains_xy

from sample_site.film import SUITCASE, TrueFrame
from sample_site.geometry import Point
from sample_site.play import Play, ScriptedInteraction
from sample_site.renderer import Renderer, VisibleFigure
from sample_site.script import ORIGIN_M, Route, SampleSpec
from sample_site.truth import (
    CLEARLY_VISIBLE,
    TrueBag,
    TrueBoxes,
    TrueCrossing,
    TrueFile,
    TrueInteraction,
    TrueMeeting,
    TruePerson,
    TrueStay,
    TrueThing,
    Truth,
)
from schemas.values import Float64

ZONES: Mapping[str, tuple[Point, ...]] = {
    "entrance": ((6.2, 5.7), (9.8, 5.7), (9.8, 8.0), (6.2, 8.0)),
    "hall_centre": ((5.4, 2.0), (10.6, 2.0), (10.6, 5.2), (5.4, 5.2)),
}
"""Polygons on the floor plan, metres."""
LINES: Mapping[str, tuple[Point, Point]] = {"doorway": ((6.4, 6.9), (9.6, 6.9))}
"""Drawn from west to east: people who come in through the doorway cross it from left to right."""
_STEP_S = 0.02
_NEAR_M = 1.0
_SHORTEST_MEETING_S = 3.0
_LEAST_SEEN = 0.5
BETWEEN_PEOPLE = ("meets", "walks_with", "follows")
"""Verbs whose object is a person."""

MOVING_A_THING = ("carries", "pushes", "rides")


PlacesAt = Callable[[Float64], Float64]
"""Returns x and y in the first columns, metres, at times ``(N,)``."""


class Course(Protocol):
    """Somebody's way: a route, or a player's."""

    @property
    def person(self) -> str:
        """Id in the truth."""

    @property
    def height_m(self) -> float:
        """Body height."""

    @property
    def start_s(self) -> float:
        """Time at the first place."""

    @property
    def end_s(self) -> float:
        """Time at the last place."""

    def places(self, times_s: Float64, /) -> Float64:
        """Returns ``(N, 3)`` x, y and distance walked at times ``(N,)``; NaN before and after."""


@dataclass(frozen=True)
class View:
    """One camera's true frames."""

    camera: str
    renderer: Renderer
    true_frames: Sequence[TrueFrame]
    fps: int

    def sees_clearly(self, person: str, time_s: float) -> bool:
        """Returns whether a person is clearly visible at a time; never after the end of the footage."""
        frame = self.true_frames[min(round(time_s * self.fps), len(self.true_frames) - 1)]
        return time_s < self.true_frames[-1].time_s + 1 / self.fps and any(
            s.name == person and s.visible_share >= CLEARLY_VISIBLE for s in frame.visible_figures
        )


def derive_truth(
    spec: SampleSpec,
    routes: Sequence[Route],
    play: Play,
    files: Sequence[TrueFile],
    renderers: Mapping[str, Renderer],
    true_frames: Mapping[str, Sequence[TrueFrame]],
) -> Truth:
    """Returns the truth about the footage of all cameras."""
    views = [View(camera, renderers[camera], true_frames[camera], spec.fps) for camera in sorted(renderers)]
    clock = Clock(spec)
    walks: list[Course] = [*routes, *play.players]
    people = (TruePerson(v.person, v.height_m, clock.at(v.start_s), clock.at(v.end_s)) for v in walks)
    return Truth(
        fps=spec.fps,
        files=tuple(files),
        people=tuple(people),
        crossings=tuple(c for view in views for walk in walks for c in _crossings(view, walk, clock)),
        stays=tuple(s for view in views for walk in walks for s in _stays(view, walk, clock)),
        meetings=tuple(m for view in views for pair in combinations(walks, 2) for m in _meetings(view, pair, clock)),
        bags=tuple(b for view in views for route in routes for b in _bags(view, route, clock)),
        boxes=true_boxes(views, {walk.person: walk.places for walk in walks}, clock),
        things=tuple(TrueThing(prop.name, prop.label) for prop in play.props),
        interactions=tuple(each for view in views for each in true_interactions(view, play, clock)),
        thing_boxes=true_boxes(views, {prop.name: prop.places for prop in play.props}, clock),
    )


@dataclass(frozen=True)
class Clock:
    """Converts seconds of the script to times."""

    spec: SampleSpec

    def at(self, time_s: float) -> datetime:
        """Converts seconds since the start of the footage to a time, rounded to milliseconds."""
        return self.spec.start + timedelta(milliseconds=round(time_s * 1000))

    def at_us(self, time_s: float) -> int:
        """Converts seconds since the start of the footage to microseconds since 1970 UTC."""
        return round(self.spec.start.timestamp()) * 1_000_000 + round(time_s * 1_000_000)


def _moments(route: Course) -> tuple[Float64, Float64]:
    times_s = np.arange(route.start_s, route.end_s, _STEP_S)
    return times_s, route.places(times_s)[:, :2]


def _crossings(view: View, route: Course, clock: Clock) -> list[TrueCrossing]:
    times_s, places = _moments(route)
    found = []
    for line, (start, end) in LINES.items():
        along = np.subtract(end, start)
        offset = places - start
        # The sign of the cross product: positive left of the drawing direction.
        side = along[0] * offset[:, 1] - along[1] * offset[:, 0]
        share = offset @ along / (along @ along)
        turns = np.flatnonzero((side[:-1] > 0) != (side[1:] > 0))
        for turn in turns[(share[turns] >= 0) & (share[turns] <= 1)]:
            if view.sees_clearly(route.person, times_s[turn]):
                way = "left_to_right" if side[turn] > 0 else "right_to_left"
                found.append(TrueCrossing(view.camera, route.person, line, clock.at(times_s[turn]), way))
    return found


def _stays(view: View, route: Course, clock: Clock) -> list[TrueStay]:
    times_s, places = _moments(route)
    found = []
    for zone, corners in ZONES.items():
        inside = contains_xy(Polygon(corners), places).tolist()
        visible = [here and view.sees_clearly(route.person, t) for here, t in zip(inside, times_s, strict=True)]
        if any(visible):
            when = times_s[np.flatnonzero(visible)]
            found.append(TrueStay(view.camera, route.person, zone, clock.at(when[0]), clock.at(when[-1])))
    return found


def _meetings(view: View, pair: tuple[Course, ...], clock: Clock) -> list[TrueMeeting]:
    """Returns the times at which two people stand still within ``_NEAR_M``, for ``_SHORTEST_MEETING_S`` or longer."""
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
        if together and long_enough and all(view.sees_clearly(v.person, moments[len(moments) // 2]) for v in pair):
            names = (one.person, other.person)
            found.append(TrueMeeting(view.camera, names, clock.at(moments[0]), clock.at(moments[-1])))
    return found


def _bags(view: View, route: Route, clock: Clock) -> list[TrueBag]:
    if route.suitcase_left_at is None:
        return []
    left_s = route.corner_s(route.suitcase_left_at)
    owner_s = [s.time_s for s in view.true_frames if any(x.name == route.person for x in s.visible_figures)]
    after = [(s.time_s, x) for s in view.true_frames for x in s.visible_figures if x.name == SUITCASE + route.person]
    alone: list[tuple[float, VisibleFigure]] = [(t, x) for t, x in after if owner_s and t > max(owner_s[-1], left_s)]
    if not alone:
        return []
    x, y = _on_map(route.suitcase_place_m)
    box = tuple(float(edge) for edge in alone[0][1].box)
    end_s = alone[-1][0] + 1 / view.fps
    times = clock.at(left_s), clock.at(owner_s[-1]), clock.at(end_s)
    return [TrueBag(view.camera, route.person, *times, box, round(x, 3), round(y, 3))]  # type: ignore[arg-type]


def true_boxes(views: Sequence[View], places: Mapping[str, PlacesAt], clock: Clock) -> TrueBoxes:
    """Returns the visible boxes of people or things; ``places`` gives their places on the floor plan by name."""
    rows = [
        (view, frame.time_s, figure)
        for view in views
        for frame in view.true_frames
        for figure in frame.visible_figures
        if figure.name in places
    ]
    found = [places[s.name](np.array([time_s]))[0, :2] for _, time_s, s in rows]
    return TrueBoxes(
        camera=np.array([view.camera for view, _, _ in rows], np.str_),
        time_us=np.array([clock.at_us(time_s) for _, time_s, _ in rows], np.int64),
        person=np.array([s.name for _, _, s in rows], np.str_),
        box=np.array([s.box for _, _, s in rows], np.float64).reshape(-1, 4),
        visible_share=np.array([s.visible_share for _, _, s in rows], np.float64),
        feet_seen=np.array([_feet_seen(view, p) for (view, _, _), p in zip(rows, found, strict=True)], np.bool_),
        place_m=np.array([_on_map(place) for place in found], np.float64).reshape(-1, 2),
    )


def _feet_seen(view: View, place: Float64) -> bool:
    pixels, depth = view.renderer.lens.project(np.array([[*place, 0.0]]))
    column, row = np.floor(pixels[0]).astype(int)
    width, height = view.renderer.lens.size_px
    inside = 0 <= column < width and 0 <= row < height
    return bool(inside and view.renderer.backdrop.depth_m[row, column] > depth[0] - 0.3)


def _on_map(place: Point | Float64) -> Point:
    return float(place[0]) + ORIGIN_M[0], float(place[1]) + ORIGIN_M[1]


def true_interactions(view: View, play: Play, clock: Clock) -> list[TrueInteraction]:
    """Returns the interactions that a camera sees, each while those are visible whom the verb is about.

    Left out is what is visible for less than half of its time. Optional is the moving of a thing that is hidden for
    more than half of it, as a bag on the far side of a person.
    """
    names = {name for each in play.interactions for name in (*_to_be_seen(each), each.object) if name is not None}
    clear = [
        {each.name for each in frame.visible_figures if each.visible_share >= CLEARLY_VISIBLE}
        for frame in view.true_frames
    ]
    seen = {name: np.array([name in each for each in clear]) for name in names}
    times_s = np.array([frame.time_s for frame in view.true_frames])
    found = []
    for scripted in play.interactions:
        during = (times_s >= scripted.start_s) & (times_s <= scripted.end_s)
        visible = during & np.logical_and.reduce([seen[name] for name in _to_be_seen(scripted)])
        if visible.sum() < max(1.0, _LEAST_SEEN * during.sum()):
            continue
        thing_hidden = scripted.verb in MOVING_A_THING and seen[str(scripted.object)][visible].mean() < _LEAST_SEEN
        start_s, end_s = times_s[visible][[0, -1]].tolist()
        found.append(
            TrueInteraction(
                *(view.camera, scripted.verb, scripted.subject, scripted.object, scripted.partner),
                start_time=clock.at(start_s),
                end_time=clock.at(end_s + 1 / view.fps),
                optional=scripted.optional or bool(thing_hidden),
            )
        )
    return found


def _to_be_seen(scripted: ScriptedInteraction) -> tuple[str, ...]:
    """Returns who or what must be visible: who leaves a thing behind is away."""
    if scripted.verb == "abandons" and scripted.object is not None:
        return (scripted.object,)
    if scripted.verb in BETWEEN_PEOPLE and scripted.object is not None:
        return scripted.subject, scripted.object
    return (scripted.subject,)
