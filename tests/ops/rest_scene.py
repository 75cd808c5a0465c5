"""A synthetic street with objects at rest over several segments, and the backgrounds that the op makes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from ops.background import Background, BackgroundParams
from ops.statics import Statics, StaticsParams
from schemas.op import Tables
from schemas.tables import TABLES
from schemas.values import CameraView, Segment, Uint8
from tests.ops.people import TimedBox, late_tables
from tests.ops.walkabout import Box, street
from tests.support.fakes import START, FakeServices, make_batch, make_segment, make_unit

FPS = 1.0
SEGMENT_S = 24.0
CASE = (200, 150, 224, 170)
CAR = (60, 100, 130, 140)


@dataclass(frozen=True)
class Thing:
    """A rectangle with a dark window that is there from one second to another."""

    box: Box = CASE
    came_s: float = -1.0
    left_s: float = 1e9
    colour: tuple[int, int, int] = (215, 215, 205)
    label: str | None = None
    """What the detector takes it for."""

    def paint(self, picture: Uint8) -> None:
        x1, y1, x2, y2 = self.box
        picture[y1:y2, x1:x2] = self.colour
        picture[y1 + 3 : y1 + 8, x1 + 4 : x2 - 4] = 40


@dataclass(frozen=True)
class Walker:
    """A grey figure that walks from left to right, at a foot height, and that the detector sees."""

    start_s: float
    foot_y: int = 200
    speed_px_s: float = 24.0

    def box(self, second: float) -> Box | None:
        left = round((second - self.start_s) * self.speed_px_s) - 24
        return (left, self.foot_y - 70, left + 28, self.foot_y) if -24 <= left < 320 else None


@dataclass(frozen=True)
class Scene:
    """What is filmed: things, people, the light of each second, and the view."""

    things: Sequence[Thing] = ()
    walkers: Sequence[Walker] = ()
    light: Callable[[float], float] = lambda _: 1.0
    view: Callable[[float], Uint8] = lambda _: street()
    detected: Callable[[Thing, float], bool] = lambda _thing, _second: True

    def frame(self, second: float, rng: np.random.Generator) -> Uint8:
        picture = self.view(second).copy()
        for thing in self.things:
            if thing.came_s <= second < thing.left_s:
                thing.paint(picture)
        for box in (walker.box(second) for walker in self.walkers):
            if box is not None:
                picture[box[1] : box[3], max(0, box[0]) : max(0, box[2])] = (60, 50, 70)
        return np.clip(picture * self.light(second) + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)

    def boxes(self, first_s: float) -> list[TimedBox]:
        """What the detector finds in a segment, five times a second; times from the segment's start."""
        found = []
        for time_s in np.arange(0, SEGMENT_S, 0.2).tolist():
            second = first_s + time_s
            for thing in self.things:
                if thing.label and thing.came_s <= second < thing.left_s and self.detected(thing, second):
                    found.append(TimedBox(time_s, thing.box, 0.7, thing.label))
            for box in (walker.box(second) for walker in self.walkers):
                if box is not None:
                    found.append(TimedBox(time_s, box, 0.8))
        return found


def segments_of(count: int, start: datetime = START) -> list[Segment]:
    return [make_segment(index, SEGMENT_S, FPS, start=start) for index in range(count)]


def backgrounds_of(scene: Scene, segments: Sequence[Segment], origin: datetime = START) -> dict[str, pa.Table]:
    """The tables of ``background`` for segments; the scene's seconds count from ``origin``."""
    parts: dict[str, list[pa.Table]] = {name: [] for name in Background.spec.writes}
    for segment in segments:
        first_s = (segment.start - origin).total_seconds()
        rng = np.random.default_rng(round(first_s))
        times = np.arange(round(SEGMENT_S * FPS)) / FPS
        frames = np.stack([scene.frame(first_s + float(time), rng) for time in times])
        session = Background(BackgroundParams()).start(make_unit([segment]), {}, FakeServices())
        session.feed(make_batch(frames, segment, 0, FPS))
        for name, table in session.finish(late_tables(segment, scene.boxes(first_s))).items():
            parts[name].append(table)
    return {name: pa.concat_tables(tables) for name, tables in parts.items()}


def find(
    inputs: Tables,
    segments: Sequence[Segment],
    day_before: Tables | None = None,
    camera: CameraView | None = None,
    **params: float,
) -> tuple[list[dict[str, object]], Tables]:
    """Rows of ``static_objects``, and all tables."""
    given = {**inputs, **{f"previous_day.{name}": table for name, table in (day_before or {}).items()}}
    unit = make_unit(segments, camera, unit="day")
    tables = Statics(StaticsParams(**params)).run(unit, given, FakeServices())
    for name, table in tables.items():
        assert table.schema.equals(TABLES[name].schema, check_metadata=True)
    return tables["static_objects"].to_pylist(), tables


def stand(scene: Scene, count: int, **params: float) -> list[dict[str, object]]:
    """Rows of a scene of some segments."""
    segments = segments_of(count)
    return find(backgrounds_of(scene, segments), segments, **params)[0]


def second(moment: object) -> float:
    assert isinstance(moment, datetime)
    return (moment - START) / timedelta(seconds=1)


def edges_off(row: dict[str, object], box: Box) -> float:
    return max(abs(float(str(row[name])) - edge) for name, edge in zip(("x1", "y1", "x2", "y2"), box, strict=True))
