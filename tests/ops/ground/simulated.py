"""People who walk on level ground before a simulated camera, with the errors of a detector."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ops.ground.people import PeopleBoxes
from ops.ground.pinhole import PinholeGround
from schemas.tables import TABLES
from schemas.values import Float64, Segment
from tests.ops.ground_scene import make_points

STEP_S = 3.0
BODY_M = 0.5


@dataclass(frozen=True)
class Crowd:
    """Who walks: on lines of random direction inside a sector before the camera, at ``nearest_m..farthest_m``."""

    tracks: int = 60
    nearest_m: float = 8.0
    farthest_m: float = 30.0
    stature_m: float = 1.70
    stature_sigma_m: float = 0.09
    speed_m_s: float = 1.3
    speed_sigma: float = 0.2
    noise_px: float = 3.0
    moves: bool = True


def simulate_people(camera: PinholeGround, crowd: Crowd, seed: int = 1) -> PeopleBoxes:
    """Returns five boxes of each person, and the steps between them, as far as the camera sees them whole."""
    random = np.random.default_rng(seed)
    boxes, tracks, steps, step_tracks = [], [], [], []
    wide = 0.8 * np.arctan(camera.size_px[0] / 2 / camera.focal_px)
    for track in range(crowd.tracks):
        away, aside = random.uniform(crowd.nearest_m, crowd.farthest_m), random.uniform(-wide, wide)
        turn, speed = random.uniform(0, 2 * np.pi), crowd.speed_m_s * np.exp(random.normal(0, crowd.speed_sigma))
        stature = random.normal(crowd.stature_m, crowd.stature_sigma_m)
        start = away * np.array([np.sin(aside), np.cos(aside)])
        way = np.array([np.sin(turn), np.cos(turn)]) * speed * STEP_S * crowd.moves
        feet = start + np.arange(5)[:, None] * way
        box = boxes_at(camera, feet, stature)
        box[:, 1::2] += random.normal(0, crowd.noise_px, (5, 2))
        low, high = np.zeros(2), np.array(camera.size_px)
        seen = np.isfinite(box).all(axis=1) & (box[:, :2] > low).all(axis=1) & (box[:, 2:] < high).all(axis=1)
        seen &= box[:, 3] - box[:, 1] > 16
        boxes.append(box[seen])
        tracks += [track] * int(seen.sum())
        foot = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]])
        both = seen[1:] & seen[:-1]
        steps.append(np.stack([foot[:-1], foot[1:]], axis=1)[both])
        step_tracks += [track] * int(both.sum())
    count = len(step_tracks)
    sigma_px = np.full(count, max(crowd.noise_px, 1.0))
    step, box = np.concatenate(steps), np.concatenate(boxes)
    numbers, step_numbers = np.array(tracks, np.int64), np.array(step_tracks, np.int64)
    return PeopleBoxes(camera.size_px, box, numbers, step, np.full(count, STEP_S), sigma_px, step_numbers)


def boxes_at(camera: PinholeGround, feet_m: Float64, stature_m: float) -> Float64:
    """Returns boxes ``(N, 4)`` of people half a metre wide, whose feet are at these places."""
    foot = camera.project(np.column_stack([feet_m, np.zeros(len(feet_m))]))
    head = camera.project(np.column_stack([feet_m, np.full(len(feet_m), stature_m)]))
    half = BODY_M / 2 / stature_m * np.linalg.norm(foot - head, axis=1)
    middle = (foot[:, 0] + head[:, 0]) / 2
    return np.column_stack([middle - half, head[:, 1], middle + half, foot[:, 1]])


def simulate_track_points(camera: PinholeGround, segment: Segment, crowd: Crowd, seed: int = 1) -> pa.Table:
    """Returns ``track_points`` at two frames a second of the same kind of people, each for as long as it is seen."""
    random = np.random.default_rng([seed, 7])
    tables = []
    wide = 0.8 * np.arctan(camera.size_px[0] / 2 / camera.focal_px)
    for track in range(crowd.tracks):
        away, aside = random.uniform(crowd.nearest_m, crowd.farthest_m), random.uniform(-wide, wide)
        turn, speed = random.uniform(0, 2 * np.pi), crowd.speed_m_s * np.exp(random.normal(0, crowd.speed_sigma))
        times_s = np.arange(24) / 2
        way = np.array([np.sin(turn), np.cos(turn)]) * speed * crowd.moves
        feet = away * np.array([np.sin(aside), np.cos(aside)]) + (times_s[:, None] - 6) * way
        box = boxes_at(camera, feet, random.normal(crowd.stature_m, crowd.stature_sigma_m))
        box = box + random.normal(0, crowd.noise_px / 2, box.shape)
        seen = np.isfinite(box).all(axis=1) & (box[:, :2] > 0).all(axis=1)
        seen &= (box[:, 2:] < np.array(camera.size_px)).all(axis=1)
        tables.append(_points_of(segment, f"t{track}", track * 3 + times_s[seen], box[seen]))
    return TABLES["track_points"].conform(pa.concat_tables(tables))


def _points_of(segment: Segment, track: str, times_s: Float64, box: Float64) -> pa.Table:
    foot = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]])
    table = make_points(segment, times_s, foot, track)
    for number, name in enumerate(("x1", "y1", "x2", "y2")):
        table = table.set_column(
            table.schema.get_field_index(name), table.schema.field(name), pa.array(box[:, number].astype(np.float32))
        )
    return table


def film_track_points(
    camera: PinholeGround, segment: Segment, local_m: Mapping[str, Float64], stature_m: Mapping[str, float], seed: int
) -> pa.Table:
    """Returns ``track_points`` of people whose places ``(N, 2)`` in the camera's local frame are known twice a second.

    Everybody starts three seconds after the one before.
    """
    random = np.random.default_rng([seed, 11])
    tables = []
    for number, (name, places) in enumerate(local_m.items()):
        box = boxes_at(camera, places, stature_m[name])
        box = box + random.normal(0, 1.5, box.shape)
        seen = (places[:, 1] > 2) & np.isfinite(box).all(axis=1) & (box[:, :2] > 0).all(axis=1)
        seen &= (box[:, 2:] < np.array(camera.size_px)).all(axis=1)
        times_s = number * 3 + np.arange(len(places)) / 2
        tables.append(_points_of(segment, name, times_s[seen], box[seen]))
    return TABLES["track_points"].conform(pa.concat_tables(tables))
