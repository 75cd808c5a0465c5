"""The script of the sample site: who walks where and when, the cameras, and how their files are cut.

Places are metres of the floor plan (x east, y north), times are seconds from the start of the footage.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from sample_site.geometry import Pinhole, Point
from sample_site.play import Play
from schemas.values import Float64

TIMEZONE = "Europe/Amsterdam"
CRS = "EPSG:28992"
ORIGIN_M = (121000.0, 486000.0)
"""The floor plan's origin in the site's CRS."""
_STEP_SIDE_M = 0.48  # sideways distance of a rolled suitcase from its owner
_FOCAL_OF_WIDTH = 1.0


Params = Mapping[str, Mapping[str, float | str]]
"""Parameters of ops in ``site.toml``, by op and name."""


@dataclass(frozen=True)
class CameraSpec:
    """One camera and its files.

    Attributes:
        place_m: east, north, height of the lens on the floor plan.
        target_m: the point in the middle of its picture.
        files: files per round, each of ``SampleSpec.file_s`` seconds.
        last_file_kept: share of its last file's bytes that a power failure leaves.
    """

    camera: str
    name: str
    place_m: tuple[float, float, float]
    target_m: tuple[float, float, float]
    files: int = 2
    last_file_kept: float = 1.0

    def lens(self, size_px: tuple[int, int]) -> Pinhole:
        """Returns the camera model for a picture size; its field of view is 53 degrees wide."""
        return Pinhole(size_px, size_px[0] * _FOCAL_OF_WIDTH, self.place_m, self.target_m)


@dataclass(frozen=True)
class Route:
    """One person's route through the hall.

    Attributes:
        person: id in the truth; one route is one person.
        appearance: index of one of the ``people.APPEARANCES`` appearances.
        waypoints_m: corners of the path; the first is entered at ``start_s``.
        pauses_s: stops, by the index of the corner.
        suitcase_left_at: index of the corner where a rolled suitcase is left behind.
    """

    person: str
    appearance: int
    height_m: float
    start_s: float
    waypoints_m: tuple[Point, ...]
    speed_m_s: float = 1.25
    pauses_s: dict[int, float] = field(default_factory=dict)
    suitcase_left_at: int | None = None

    @cached_property
    def _course(self) -> Float64:
        """``(4, N)``: time, x, y and distance walked at every corner, twice where there is a pause."""
        rows = [(self.start_s, *self.waypoints_m[0], 0.0)]
        for number, (x, y) in enumerate(self.waypoints_m):
            time_s, before_x, before_y, walked_m = rows[-1]
            step_m = float(np.hypot(x - before_x, y - before_y))
            rows.append((time_s + step_m / self.speed_m_s, x, y, walked_m + step_m))
            if number in self.pauses_s:
                rows.append((rows[-1][0] + self.pauses_s[number], x, y, walked_m + step_m))
        return np.array(rows[1:]).T

    @property
    def end_s(self) -> float:
        """Time at which the last corner is reached."""
        return float(self._course[0, -1])

    def places(self, times_s: Float64) -> Float64:
        """Returns ``(N, 3)`` x, y and distance walked, metres, at times ``(N,)``; NaN before and after the route."""
        time_s, *columns = self._course
        return np.column_stack([np.interp(times_s, time_s, values, np.nan, np.nan) for values in columns])

    def corner_s(self, number: int) -> float:
        """Returns the time at which corner ``number`` is left."""
        x, y = self.waypoints_m[number]
        course = self._course
        return float(course[0, (course[1] == x) & (course[2] == y)].max())

    @property
    def suitcase_place_m(self) -> Point:
        """Ground position where the suitcase is left."""
        if self.suitcase_left_at is None:
            raise ValueError(f"{self.person} has no suitcase")
        return self._beside(self.waypoints_m[self.suitcase_left_at], self.waypoints_m[self.suitcase_left_at - 1])

    def suitcase_at(self, time_s: float) -> Point | None:
        """Returns the suitcase's position, or None before it appears. Once left behind it stays."""
        if self.suitcase_left_at is None or time_s < self.start_s:
            return None
        if time_s >= self.corner_s(self.suitcase_left_at):
            return self.suitcase_place_m
        here, before = self.places(np.array([time_s, max(self.start_s, time_s - 0.4)]))[:, :2]
        if np.allclose(here, before):
            return self.suitcase_place_m if time_s > self.start_s + 1 else None
        return self._beside((float(here[0]), float(here[1])), (float(before[0]), float(before[1])))

    @staticmethod
    def _beside(here: Point, before: Point) -> Point:
        ahead = np.subtract(here, before)
        ahead = ahead / np.hypot(*ahead)
        side = np.array([ahead[1], -ahead[0]])
        x, y = np.array(here) + _STEP_SIDE_M * side - 0.2 * ahead
        return float(x), float(y)


@dataclass(frozen=True)
class SampleSpec:
    """A sample site.

    Attributes:
        start: local time of the first frame of every camera.
        size_px: (width, height) of the pictures.
        file_s: length of a file.
        rounds: number of times the script is played; each round adds files and other people on other routes.
        segment_s: ``segment_s`` of ``site.toml``.
        params: parameters of ops that differ from their defaults.
        play: returns what happens besides the routes, of a source of randomness and the end of the footage; it is
            played once, whatever the number of rounds.
    """

    cameras: tuple[CameraSpec, ...]
    routes: tuple[Route, ...]
    start: datetime = datetime(2026, 3, 2, 21, 59, tzinfo=ZoneInfo(TIMEZONE))
    size_px: tuple[int, int] = (640, 360)
    fps: int = 10
    file_s: int = 60
    segment_s: int = 30
    rounds: int = 1
    params: Params = field(default_factory=dict)
    play: Callable[[np.random.Generator, float], Play] | None = None

    @property
    def round_s(self) -> int:
        """Length of one round."""
        return self.file_s * max(camera.files for camera in self.cameras)

    @property
    def minutes(self) -> float:
        """Footage of all cameras together."""
        return self.rounds * self.file_s * sum(camera.files for camera in self.cameras) / 60

    def of_minutes(self, minutes: float) -> "SampleSpec":
        """Returns a spec with enough rounds for at least this many minutes of footage."""
        return replace(self, rounds=max(1, int(np.ceil(minutes / replace(self, rounds=1).minutes - 1e-9))))


def schedule_play(spec: SampleSpec, seed: int) -> Play:
    """Returns the play of a seed; of a spec without one, nothing happens."""
    if spec.play is None:
        return Play()
    return spec.play(np.random.default_rng([seed, 0x91A7]), float(spec.round_s * spec.rounds))


def schedule_routes(spec: SampleSpec, seed: int) -> tuple[Route, ...]:
    """Returns the routes of all rounds; heights, speeds and paths vary with the seed, appearances with the round."""
    random = np.random.default_rng([seed, 0xCA57])
    routes = []
    for number in range(spec.rounds):
        for route in spec.routes:
            sway = random.uniform(-0.1, 0.1, (len(route.waypoints_m), 2))
            height_m, pace = route.height_m + random.uniform(-0.03, 0.03), random.uniform(0.97, 1.03)
            # Paths begin in the corridor, whose walls leave no room to sway.
            way = tuple(
                (x + sx, y + sy) if y < 7.0 else (x, y)
                for (x, y), (sx, sy) in zip(route.waypoints_m, sway, strict=True)
            )
            routes.append(
                replace(
                    route,
                    person=route.person if number == 0 else f"{route.person}-{number + 1}",
                    appearance=route.appearance + number,
                    height_m=round(height_m, 3),
                    start_s=route.start_s + number * spec.round_s,
                    waypoints_m=way,
                    speed_m_s=route.speed_m_s * pace,
                )
            )
    return tuple(routes)


# Doors and ways in: the corridor behind the doorway hides people; so does the south, where no camera appearances.
_WEST_OF_DOOR = ((5.4, 9.4), (7.9, 9.3), (8.0, 7.4))
_EAST_OF_DOOR = ((10.6, 9.4), (8.1, 9.3), (8.0, 7.4))
_HALL = CameraSpec("hall", "Hall, from the south-west", (2.0, -2.5, 4.4), (8.0, 4.9, 0.9))
_GATE = CameraSpec("gate", "Gate, from the south-east", (14.5, -2.0, 4.6), (8.2, 5.1, 0.9), last_file_kept=0.735)
# It keeps 43 s: anonymize wants 30 s for a background, without which it covers whole frames, and the left suitcase is
# alone for 20 s by then.

DEMO = SampleSpec(
    cameras=(_HALL, _GATE),
    routes=(
        Route("ann", 0, 1.72, 3.0, (*_WEST_OF_DOOR, (7.4, 4.8), (9.4, 1.2), (10.4, -5.0)), 1.3),
        Route("bob", 1, 1.84, 9.0, ((5.2, -5.0), (6.6, 2.4), (8.0, 6.0), *_EAST_OF_DOOR[::-1]), 1.2),
        Route("cem", 2, 1.78, 22.5, ((6.0, -5.0), (7.05, 3.65), *_WEST_OF_DOOR[::-1]), 1.3, {1: 7.0}),
        Route("dee", 3, 1.66, 23.0, ((10.4, -5.0), (7.7, 3.85), (9.8, 1.0), (11.0, -5.0)), 1.35, {1: 6.0}),
        Route("eva", 4, 1.70, 52.5, (*_EAST_OF_DOOR, (8.6, 5.4), (6.2, 2.6), (4.8, -5.0)), 1.15),
        Route("fin", 5, 1.88, 57.0, ((11.6, -5.0), (10.6, 2.6), (8.1, 6.2), *_WEST_OF_DOOR[::-1]), 1.35),
        Route(
            "gus",
            1,
            1.80,
            70.0,
            (*_EAST_OF_DOOR, (8.9, 4.6), (9.6, 1.0), (9.8, -5.0)),
            1.2,
            {3: 1.5},
            suitcase_left_at=3,
        ),
    ),
)
"""Two cameras, two minutes each: a run takes a minute or two on two cores."""

TINY = SampleSpec(
    cameras=(_HALL, replace(_GATE, files=1, last_file_kept=0.45)),
    routes=(
        Route("ann", 0, 1.74, 1.0, (*_WEST_OF_DOOR[1:], (7.6, 4.8), (6.4, 2.4), (5.4, -5.0)), 1.15),
        Route("bob", 3, 1.80, 3.0, ((9.6, -2.0), (9.2, 3.0), (8.1, 6.0), *_EAST_OF_DOOR[::-1]), 1.3),
    ),
    size_px=(320, 180),
    file_s=8,
    segment_s=4,
    # Half of a run's time would be HOG's, and a third of the rest the alignment of background samples.
    params={"anonymize": {"verify_model": "none"}, "background": {"samples": 12}, "second_look": {"dense_fps": 1.0}},
)
"""For tests: 24 s of footage, made in about three seconds; a person still crosses the border of two files."""
