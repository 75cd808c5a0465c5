"""Op ``relations``: how tracks near each other stand to each other on the ground, and who is in front of whom.

Distance, bearing, closing speed and time to collision are of the places on the ground, with first-order standard
deviations. Errors of two places in one picture are taken as independent.

People who walk beside each other for a while are a group (``ops/ground/walking_groups.py``).

Of two whose boxes overlap, the one whose feet are nearer to the lens is in front. Where the uncertainty of the places
leaves that open, the row does not say.

Decisions: docs/decisions/0057-real-space-relations.md, docs/decisions/0061-counts-in-areas.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, connected, encode_column, find_rows, float_column, float_columns, run_starts, times_us
from ops.boxes import shared_areas, size
from ops.ground.class_sizes import CLASS_SIZES
from ops.ground.near_pairs import near_pairs
from ops.ground.occlusion import front_probability, lens_distance
from ops.ground.places import KnownGround, known_ground, known_places
from ops.ground.relative_motion import Movers, RelativeMotion, relative_motion
from ops.ground.walking_groups import Companions, WalkingLimits, find_companions
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import CameraView, Float64, Int64, UnitContext

PERSON = "person"
LABELS = (PERSON, "bicycle", "car", "motorcycle", "bus", "truck")
_MOVEMENT = ("speed_m_s", "speed_sigma_m_s", "heading_deg")
_POSITION = ("track_id", "time", "label", "x_m", "y_m", "var_x_m2", "cov_xy_m2", "var_y_m2", *_MOVEMENT)


@dataclass(frozen=True)
class RelationsParams:
    """Parameters of ``relations``."""

    labels: tuple[str, ...] = param(LABELS, "classes that are compared")
    reach_m: float = param(5.0, "greatest distance of a pair, metres")
    every_s: float = param(0.5, "time between two moments that are compared, seconds")
    neighbours: int = param(6, "pairs of one track at one moment at most, those with the nearest")
    most_collision_s: float = param(10.0, "later collisions are not foretold, seconds")
    group_ahead_m: float = param(1.4, "who is farther ahead does not walk beside somebody, metres")
    group_aside_m: float = param(1.3, "who is farther to the side does not walk beside somebody, metres")
    group_speed_m_s: float = param(0.7, "whose speed differs more does not walk with somebody, metres per second")
    group_s: float = param(2.0, "least time that two of a walking group are beside each other, seconds")
    front_probability: float = param(0.8, "probability from which somebody is said to be in front")


class Relations(TableOp):
    """Compares tracks that are near each other."""

    spec = OpSpec(
        name="relations",
        version=4,
        summary="How tracks near each other stand to each other: distance, closing speed, who is in front, groups.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("track_points", columns=("track_id", "time", "x1", "y1", "x2", "y2")),
            Read("positions", columns=_POSITION),
            Read("local_positions", required=False, columns=_POSITION),
            Read("ground_models", required=False),
        ),
        writes=("relations", "walking_groups"),
        params=RelationsParams,
        uses=("calibration",),
        memory_mb=2000,
    )
    params: RelationsParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``relations`` and ``walking_groups``; none for a camera whose ground nobody knows: no positions."""
        positions = self._sampled(known_places(inputs))
        ground = known_ground(unit.camera, inputs)
        one, other = near_pairs(
            times_us(positions), float_columns(positions, ("x_m", "y_m")), self.params.reach_m, self.params.neighbours
        )
        if ground is None or not len(one):
            return {name: TABLES[name].empty() for name in self.spec.writes}
        return {
            "relations": self._rows(unit.camera, ground, positions, inputs["track_points"], one, other),
            "walking_groups": self._walking_groups(unit.camera, positions, one, other),
        }

    def _sampled(self, positions: pa.Table) -> pa.Table:
        """Returns the rows of the first frame of each ``every_s``, by time and track."""
        ours = positions.filter(pc.is_in(positions["label"], pa.array(self.params.labels, pa.string())))
        moments, moment = np.unique(times_us(ours), return_inverse=True)
        chosen = run_starts(moments // round(self.params.every_s * 1e6))
        return ours.filter(pa.array(chosen[moment])).sort_by([("time", "ascending"), ("track_id", "ascending")])

    def _rows(
        self, view: CameraView, ground: KnownGround, positions: pa.Table, points: pa.Table, one: Int64, other: Int64
    ) -> pa.Table:
        movers = movers_of(positions)
        labels, label = encode_column(positions, "label")
        radius = np.array([CLASS_SIZES[name].width / 2 if name in CLASS_SIZES else 0.0 for name in labels])[label]
        motion = relative_motion(movers.take(one), movers.take(other), radius[one] + radius[other])
        box = boxes_of(points.take(pa.array(find_rows(points, positions))))
        sides = (("a", one), ("b", other))
        named = {
            f"{key}_{side}": positions[column].take(pa.array(rows))
            for side, rows in sides
            for key, column in (("track", "track_id"), ("label", "label"))
        }
        return TABLES["relations"].conform(
            {"camera": [view.camera] * len(one), "time": positions["time"].take(pa.array(one))}
            | {"frame": ["site" if ground.on_map else "local"] * len(one)}
            | named
            | self._motion(motion)
            | self._order(ground.lens_m(view), movers, box, one, other)
        )

    def _walking_groups(self, view: CameraView, positions: pa.Table, one: Int64, other: Int64) -> pa.Table:
        names, track = encode_column(positions, "track_id")
        labels, label = encode_column(positions, "label")
        people = np.array([name == PERSON for name in labels])[label]
        both = people[one] & people[other]
        limits = WalkingLimits(
            self.params.group_ahead_m, self.params.group_aside_m, self.params.group_speed_m_s, self.params.group_s
        )
        pairs = (one[both], other[both])
        found = find_companions(movers_of(positions), track, times_us(positions), pairs, self.params.every_s, limits)
        return _group_rows(view.camera, names, found, self.params.every_s)

    def _motion(self, motion: RelativeMotion) -> dict[str, pa.Array]:
        soon = motion.collision_s <= self.params.most_collision_s
        figures = {
            "distance_m": motion.distance_m,
            "distance_sigma_m": motion.distance_sigma_m,
            "bearing_deg": motion.bearing_deg.astype(np.float32) % np.float32(360),
            "bearing_sigma_deg": np.nan_to_num(motion.bearing_sigma_deg, nan=180.0),
            "closing_speed_m_s": motion.closing_speed_m_s,
            "closing_speed_sigma_m_s": motion.closing_sigma_m_s,
            "time_to_collision_s": np.where(soon, motion.collision_s, np.nan),
            "time_to_collision_sigma_s": np.where(soon, motion.collision_sigma_s, np.nan),
        }
        return {name: pa.array(values, from_pandas=True) for name, values in figures.items()}

    def _order(
        self, lens_m: Float64 | None, movers: Movers, box: Float64, one: Int64, other: Int64
    ) -> dict[str, pa.Array]:
        """Returns who is in front; null if nobody can place the lens, as of a camera that looks straight down."""
        if lens_m is None:
            return {}
        away_m, sigma_m = lens_distance(lens_m, movers.place_m, movers.covariance_m2)
        probability = front_probability(away_m[one], sigma_m[one], away_m[other], sigma_m[other])
        shared = shared_areas(box[one], box[other])
        farther = np.where((probability >= 0.5)[:, None], box[other], box[one])
        sure = (shared > 0) & (np.maximum(probability, 1 - probability) >= self.params.front_probability)
        front = np.where(probability >= 0.5, "a", "b")
        return {
            "front_probability": pa.array(probability),
            "in_front": pa.array(front, mask=~sure),
            "hidden_share": pa.array(np.minimum(shared / size(farther).prod(axis=1), 1.0)),
        }


def _group_rows(camera: str, names: Sequence[str], found: Companions, every_s: float) -> pa.Table:
    """Returns a row for each person of a group, with figures of the pairs that they are of."""
    rows = []
    for group in connected(found.one, found.other, len(names)):
        for member in group:
            own = np.flatnonzero((found.one == member) | (found.other == member))
            nearest = own[found.apart_m[own].argmin()]
            rows.append(
                {
                    "camera": camera,
                    "group_id": names[group[0]],
                    "track_id": names[member],
                    "start_time": int(found.first_us[own].min()),
                    "end_time": int(found.last_us[own].max()),
                    "members": len(group),
                    "together_s": float(found.together[own].max()) * every_s,
                    "apart_m": float(found.apart_m[nearest]),
                    "apart_sigma_m": float(found.apart_sigma_m[nearest]),
                }
            )
    spec = TABLES["walking_groups"]
    return spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})


def movers_of(positions: pa.Table) -> Movers:
    """Returns the rows of ``positions``; who is too slow for a heading does not move, give or take its speed."""
    speed, sigma, heading = float_columns(positions, _MOVEMENT).T
    angle = np.radians(np.nan_to_num(heading))
    slow = np.isnan(heading)
    velocity = np.where(slow, 0.0, speed)[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    x, xy, y = (float_column(positions, name) for name in ("var_x_m2", "cov_xy_m2", "var_y_m2"))
    return Movers(
        float_columns(positions, ("x_m", "y_m")),
        np.stack([np.stack([x, xy], axis=1), np.stack([xy, y], axis=1)], axis=1),
        np.where(np.isnan(speed)[:, None], np.nan, velocity),
        np.where(slow, np.hypot(speed, sigma), sigma),
    )
