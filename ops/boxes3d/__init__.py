"""Op ``boxes3d``: the cuboid around each tracked thing, on the ground, with its size, its heading and their errors.

Size comes from class priors and from all boxes of a track; the heading from how it moves; the place from where the
cuboid must be to show as the box. A person's place is that of the feet, as in ``positions``; the lower edge of a
vehicle's box is its nearest corner, metres before its middle.

Cuboids are given in the site's CRS and in KITTI's convention, in levelled camera coordinates (see
``ops.ground.camera_matrix``).

Decision: docs/decisions/0057-real-space-relations.md.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ops.arrays import find_rows, float_column, float_columns, run_starts
from ops.boxes import size
from ops.boxes3d.fit import Cuboids, Looks, fit_cuboids, fit_parked
from ops.boxes3d.headings import SOURCES, Headings, headings
from ops.boxes3d.shapes import image_boxes, silhouette
from ops.ground.camera_matrix import CameraMatrix, camera_matrix, observation_angle, wrapped
from ops.ground.class_sizes import CLASS_SIZES
from ops.ground.feet import EDGE_PX, GROUND_LABELS, frame_sizes_px, pixel_scale
from ops.ground.homography import GroundPlane
from ops.ground.occlusion import hidden_shares
from ops.ground.places import known_ground, known_places
from ops.ground.project import covariance, largest_sigma_m, to_pixels
from ops.ground.smooth import local_line
from ops.trajectories import Trajectories
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import Bools, Float64, Int64, UnitContext

_STIFF = ("bicycle", "car", "motorcycle", "bus", "truck")
"""Classes that do not turn without moving."""

_PARTLY, _LARGELY = 0.1, 0.5
"""Hidden shares from which KITTI's ``occluded`` is 1 and 2; KITTI's labellers had no numbers."""

_LOOK_S, _MOST_LOOKS = 3.0, 5.0
"""Errors of boxes persist: seconds after which a look counts again for the size, and the most looks that count."""

_POSTURE_SHARE = 0.12
"""Standard deviation of a person's upper edge by posture, share of the box's height; assumed."""

_FOOT_SIGMA_M = 3.0
_MOVEMENT = ("heading_deg", "speed_m_s", "speed_sigma_m_s")
_POSITION = ("track_id", "time", "x_m", "y_m", *_MOVEMENT)


@dataclass(frozen=True)
class Boxes3dParams:
    """Parameters of ``boxes3d``."""

    labels: tuple[str, ...] = param(GROUND_LABELS, "classes that get boxes")
    every_s: float = param(0.2, "time between two boxes of a track, seconds; 0: at each of its points")
    smooth_s: float = param(0.5, "time to each side over which the edges of boxes are smoothed, seconds")
    edge_sigma_share: float = param(
        0.05, "standard deviation of an edge, share of the box's height, or of its area's root if larger"
    )
    floor_px: float = param(1.0, "least standard deviation of an edge, pixels of image_size")
    least_speed_m_s: float = param(0.5, "least speed that tells a heading, metres per second")
    max_sigma_m: float = param(25.0, "largest standard deviation of a place; other boxes are left out, metres")


class Boxes3d(TableOp):
    """Fits cuboids to tracks."""

    spec = OpSpec(
        name="boxes3d",
        version=3,
        summary="The 3D box of each tracked thing on the ground: place, size, heading, in KITTI's convention too.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("track_points"),
            Read("tracks", columns=("track_id", "confidence")),
            Read("positions", columns=_POSITION),
            Read("local_positions", required=False, columns=_POSITION),
            Read("ground_models", required=False),
        ),
        writes=("boxes3d",),
        params=Boxes3dParams,
        uses=("calibration",),
        memory_mb=2000,
    )
    params: Boxes3dParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``boxes3d``; none for a camera whose ground nobody knows, or that looks straight down."""
        ground = known_ground(unit.camera, inputs)
        camera = None if ground is None else camera_matrix(ground.plane)
        scene = None if ground is None or camera is None else self._scene(unit, ground.plane, inputs)
        if ground is None or camera is None or scene is None:
            return {"boxes3d": TABLES["boxes3d"].empty()}
        cuboids, source = self._fit(camera, scene)
        cuboids.covariance[:, :2, :2] += _calibration_spread(ground.plane, cuboids.centre_m)
        frame = "site" if ground.on_map else "local"
        return {"boxes3d": self._rows(camera, frame, scene, cuboids, source, inputs["tracks"])}

    def _scene(self, unit: UnitContext, plane: GroundPlane, inputs: Tables) -> "_Scene | None":
        """Returns what is known of the points that get a box, by track and then by time; None if there are none.

        KITTI's convention knows no distortion: boxes are those of a straight picture.
        """
        points, positions = inputs["track_points"], known_places(inputs)
        labels = pa.array([each for each in self.params.labels if each in CLASS_SIZES], pa.string())
        points = points.filter(pa.compute.is_in(points["label"], labels))
        if not points.num_rows or not positions.num_rows:
            return None
        trajectories = Trajectories.from_table(points)
        frame = frame_sizes_px(points, unit.segments)[trajectories.row]
        scale = pixel_scale(frame, replace(unit.camera, image_size_px=plane.size_px))
        box = trajectories.columns(points, "x1", "y1", "x2", "y2")
        added = np.nan_to_num(trajectories.column(points, "interpolation_sigma_px")) * scale[:, 1]
        cut = np.concatenate([box[:, :2] < EDGE_PX, box[:, 2:] > frame - EDGE_PX], axis=1)
        bent = box * np.tile(scale, 2)
        seen = bent if plane.lens is None else plane.lens.straighten_boxes(bent)
        extent = np.maximum(size(seen)[:, 1], np.sqrt(size(seen).prod(axis=1)))
        own = np.maximum(self.params.edge_sigma_share * extent, self.params.floor_px)
        sigma = np.hypot(own, added)
        stoops = np.isin(np.array(trajectories.labels)[trajectories.label], "person")
        smooth = local_line(trajectories.time_us, seen, sigma**-2.0, trajectories.track, self.params.smooth_s).value
        place = find_rows(positions, points)[trajectories.row]
        kept = np.flatnonzero((place >= 0) & self._chosen(trajectories))
        if not len(kept):
            return None
        rows = positions.take(pa.array(place[kept]))
        heading, speed, speed_sigma = float_columns(rows, _MOVEMENT).T
        names = np.array(trajectories.labels)[trajectories.label[kept]]
        faced = headings(
            heading, speed, speed_sigma, trajectories.track[kept], np.isin(names, _STIFF), self.params.least_speed_m_s
        )
        return _Scene(
            points.take(pa.array(trajectories.row[kept])),
            trajectories.track[kept],
            trajectories.time_us[kept],
            names,
            smooth[kept],
            np.where(cut, np.inf, _edge_sigmas(seen, sigma, stoops))[kept],
            float_columns(rows, ("x_m", "y_m")),
            faced,
        )

    def _chosen(self, trajectories: Trajectories) -> Bools:
        """Marks the points of the first frame of each ``every_s``."""
        if not self.params.every_s:
            return np.ones(len(trajectories), np.bool_)
        moments, moment = np.unique(trajectories.time_us, return_inverse=True)
        return np.asarray(run_starts(moments // round(self.params.every_s * 1e6))[moment])

    def _fit(self, camera: CameraMatrix, scene: "_Scene") -> tuple[Cuboids, Int64]:
        """Returns the cuboids of all points, and how their headings are known."""
        count = len(scene.track)
        found = Cuboids(*(np.zeros((count, *shape)) for shape in ((2,), (), (3,), (3, 3), (3,), ())))
        source = scene.headings.source.copy()
        for label in sorted(set(scene.label.tolist())):
            unknown = scene.headings.source == SOURCES.index("none")
            for parked in (False, True):
                rows = np.flatnonzero((scene.label == label) & (unknown == parked))
                if not len(rows):
                    continue
                fit = fit_parked if parked and label in _STIFF else fit_cuboids
                cuboids = fit(camera, self._looks(camera, scene, rows), label, CLASS_SIZES[label])
                for name in Cuboids.__dataclass_fields__:
                    getattr(found, name)[rows] = getattr(cuboids, name)
                if fit is fit_parked:
                    source[rows] = SOURCES.index("box")
        return found, source

    def _looks(self, camera: CameraMatrix, scene: "_Scene", rows: Int64) -> Looks:
        track = np.unique(scene.track[rows], return_inverse=True)[1]
        sigma = scene.headings.sigma_rad[rows]
        known = np.isfinite(sigma)
        # Who has no heading faces to the right, fixed: the picture of a person is the same from all sides.
        yaw = np.where(known, scene.headings.yaw_rad[rows], camera.ahead_rad + np.pi / 2)
        return Looks(
            track,
            scene.box[rows],
            scene.sigma_px[rows],
            scene.foot_m[rows],
            np.full(len(rows), _FOOT_SIGMA_M),
            yaw,
            np.where(known, sigma, np.pi),
            _shares(track, scene.time_us[rows]),
        )

    def _rows(
        self, camera: CameraMatrix, frame: str, scene: "_Scene", cuboids: Cuboids, source: Int64, tracks: pa.Table
    ) -> pa.Table:
        spread = cuboids.covariance[:, :2, :2]
        kept = np.flatnonzero(largest_sigma_m(spread) <= self.params.max_sigma_m)
        location = camera.to_level(cuboids.centre_m)
        unknown = source == SOURCES.index("none")
        rotation = np.where(unknown, 0.0, camera.rotation_y(cuboids.yaw_rad))
        hidden = _hidden(scene, location)
        heading = np.degrees(wrapped(cuboids.yaw_rad)).astype(np.float32) % np.float32(360)
        sigma_deg = np.minimum(np.degrees(np.sqrt(cuboids.covariance[:, 2, 2])), 180.0)
        score = float_column(tracks, "confidence")
        own = pa.compute.index_in(scene.points["track_id"], tracks["track_id"].combine_chunks())
        figures = {
            "x_m": cuboids.centre_m[:, 0],
            "y_m": cuboids.centre_m[:, 1],
            "var_x_m2": spread[:, 0, 0],
            "cov_xy_m2": spread[:, 0, 1],
            "var_y_m2": spread[:, 1, 1],
            "heading_deg": np.where(unknown, np.nan, np.where(heading == 360, 0, heading)),
            "heading_sigma_deg": np.where(unknown, np.nan, sigma_deg),
            **{name: cuboids.size_m[:, i] for i, name in enumerate(("height_m", "width_m", "length_m"))},
            **{f"{name}_sigma_m": cuboids.size_sigma_m[:, i] for i, name in enumerate(("height", "width", "length"))},
            **{f"location_{axis}_m": location[:, i] for i, axis in enumerate("xyz")},
            "rotation_y": rotation,
            "alpha": observation_angle(rotation, location),
            "truncated": self._truncated(camera, scene, cuboids),
            "hidden_share": hidden,
            "score": score[own.to_numpy()],
        }
        interpolated = pa.compute.equal(scene.points["state"], "interpolated").to_numpy()
        occluded = np.select([hidden >= _LARGELY, hidden >= _PARTLY, interpolated], [2, 1, 3], 0)
        rows = scene.points.select(["camera", "track_id", "time", "label", "x1", "y1", "x2", "y2"]).take(pa.array(kept))
        return TABLES["boxes3d"].conform(
            {name: rows[name] for name in rows.column_names}
            | {name: pa.array(values[kept], from_pandas=True) for name, values in figures.items()}
            | {"occluded": occluded[kept], "heading_source": np.array(SOURCES)[source[kept]].tolist()}
            | {"frame": [frame] * len(kept)}
        )

    def _truncated(self, camera: CameraMatrix, scene: "_Scene", cuboids: Cuboids) -> Float64:
        """Returns the share of each cuboid's picture that is outside the frame."""
        box = np.zeros((len(scene.track), 4))
        for label in set(scene.label.tolist()):
            rows = np.flatnonzero(scene.label == label)
            box[rows], _ = image_boxes(
                camera, cuboids.centre_m[rows], cuboids.yaw_rad[rows], cuboids.size_m[rows], silhouette(label)
            )
        frame = np.array(camera.size_px)
        inside = np.clip(np.minimum(box[:, 2:], frame) - np.maximum(box[:, :2], 0), 0, None).prod(axis=1)
        return np.asarray(1 - inside / np.maximum(size(box).prod(axis=1), 1e-9))


@dataclass(frozen=True, eq=False)
class _Scene:
    """Points that get a box, ``(N,)`` by track and then by time; boxes and their sigmas in the camera's pixels."""

    points: pa.Table
    track: Int64
    time_us: Int64
    label: "np.ndarray[tuple[int], np.dtype[np.str_]]"
    box: Float64
    sigma_px: Float64
    foot_m: Float64
    headings: Headings


def _calibration_spread(plane: GroundPlane, places_m: Float64) -> Float64:
    """Returns the covariance ``(N, 2, 2)`` of places by the calibration alone, as ``positions`` has it."""
    return covariance(plane, to_pixels(plane, places_m), np.zeros((len(places_m), 2)))


def _edge_sigmas(box: Float64, sigma_px: Float64, stoops: Bools) -> Float64:
    """Returns standard deviations ``(N, 4)`` of the edges: who bends down or sits has a lower upper edge."""
    posture = np.where(stoops, _POSTURE_SHARE * size(box)[:, 1], 0.0)
    upper = np.hypot(sigma_px, posture)
    return np.column_stack([sigma_px, upper, sigma_px, sigma_px])


def _shares(track: Int64, time_us: Int64) -> Float64:
    """Returns by how much of a look each point of a track counts."""
    count = np.bincount(track)
    first = np.searchsorted(track, np.arange(len(count)))
    duration_s = (time_us[first + count - 1] - time_us[first]) / 1e6
    looks = np.minimum(np.minimum(1 + duration_s / _LOOK_S, _MOST_LOOKS), count)
    return np.asarray((looks / count)[track])


def _hidden(scene: _Scene, location: Float64) -> Float64:
    order = np.argsort(scene.time_us, kind="stable")
    found = np.zeros(len(order))
    found[order] = hidden_shares(scene.time_us[order], scene.box[order], np.linalg.norm(location, axis=1)[order])
    return found
