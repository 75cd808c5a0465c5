"""Makes rows of ``counts``, ``flows``, ``zone_events`` and ``stays`` from what tracks do in zones and at lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry

from ops.bins import Bins, Stays, find_stays, occupancy
from ops.ground.homography import GroundPlane
from ops.ground.project import to_ground
from ops.lines import Crossings
from ops.trajectories import PlanarTrajectories, Trajectories
from ops.zones import Visits
from schemas.tables import TABLES
from schemas.values import Feature, Float64, Int64

DIRECTIONS = ("left_to_right", "right_to_left")
TABLE_NAMES = ("counts", "flows", "zone_events", "stays")


@dataclass(frozen=True, eq=False)
class Day:
    """What the rows of a day share: each of ``labels`` gets a row in every bin, also where nobody is there."""

    camera: str
    labels: tuple[str, ...]
    bins: Bins


@dataclass(frozen=True, eq=False)
class SpaceTracks:
    """All tracks of a day in one space.

    Attributes:
        planar: metres, or pixels with the second axis turned up, so that left is left in both.
        end_us: ``(N,)``, until when each point represents its track.
        margin: in the units of ``planar``.
        plane: of the camera; None where it is not on the map.
        scale: ``(2,)``, from pixels to those of ``plane``: people are measured in frames, zones drawn in image_size.
    """

    trajectories: Trajectories
    planar: PlanarTrajectories
    end_us: Int64
    margin: float
    turned: bool
    plane: GroundPlane | None
    scale: Float64

    def upright(self, feature: Feature) -> BaseGeometry:
        """Returns a feature's geometry in the units of ``planar``."""
        return shapely.transform(feature.geometry, turned_up) if self.turned else feature.geometry

    def everywhere(self) -> Visits:
        """Returns the visits of the zone that is all of the space."""
        points = np.arange(len(self.trajectories))
        return Visits(range(1), np.zeros_like(points), points, self.planar, np.ones(len(points), dtype=np.bool_))

    def on_ground(self, at: Float64) -> Float64:
        """Returns places ``(K, 2)`` in the site's CRS of points in the units of ``planar``; NaN where unknown."""
        if not self.turned:
            return at
        return np.full_like(at, np.nan) if self.plane is None else to_ground(self.plane, turned_up(at) * self.scale)

    def labels(self, names: tuple[str, ...], point: Int64) -> Int64:
        """Returns the index of each point's label among ``names``."""
        number = np.array([names.index(label) for label in self.trajectories.labels], dtype=np.int64)
        return number[self.trajectories.label[point]]


def turned_up(points: Float64) -> Float64:
    """Returns pixels ``(N, 2)`` with the second axis up, or turns them back."""
    return np.asarray(points * np.array([1.0, -1.0]))


class DayRows:
    """The rows of a day, while zones and lines are added to them."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._parts: dict[str, list[pa.Table]] = {name: [] for name in TABLE_NAMES}

    def tables(self) -> dict[str, pa.Table]:
        """Returns all rows, each table in its order."""
        return {
            name: TABLES[name].conform(pa.concat_tables(parts)) if parts else TABLES[name].empty()
            for name, parts in self._parts.items()
        }

    def _add(self, name: str, columns: dict[str, Any]) -> None:
        rows = len(next(iter(columns.values())))
        self._parts[name].append(TABLES[name].conform({"camera": [self._day.camera] * rows} | columns))

    def add_presence(self, names: Sequence[str], tracks: SpaceTracks, visits: Visits) -> None:
        """Adds ``counts`` and ``stays`` of zones.

        A gap in a track cuts a stay as the track's end does: nobody saw what happened.

        Args:
            names: of all zones of the space.
            tracks: of the space.
            visits: of some of the zones.
        """
        planar, there = visits.tracks, visits.inside
        stays = find_stays(there, planar, tracks.end_us[visits.point])
        zone, point = visits.zone[stays.point], visits.point[stays.point]
        self._add_counts(names, visits.zones, tracks, stays, zone, point)
        before, after = np.roll(there, 1), np.roll(there, -1)
        self._add(
            "stays",
            {
                "zone": _texts(names, zone),
                "track_id": _texts(tracks.trajectories.tracks, tracks.trajectories.track[point]),
                "label": _texts(tracks.trajectories.labels, tracks.trajectories.label[point]),
                "start_time": stays.start_us,
                "end_time": stays.end_us,
                "dwell_s": (stays.end_us - stays.start_us) / 1e6,
                "cut_start": (planar.first | before)[stays.point],
                "cut_end": (planar.last | after)[stays.last],
            },
        )

    def _add_counts(
        self, names: Sequence[str], zones: range, tracks: SpaceTracks, stays: Stays, zone: Int64, point: Int64
    ) -> None:
        """Adds ``counts``: every zone and label in every bin with footage; ``zone`` and ``point`` are of each stay."""
        bins, labels = self._day.bins, self._day.labels
        groups = len(zones) * len(labels)
        group = (zone - zones.start) * len(labels) + tracks.labels(labels, point)
        found = occupancy(stays, group, tracks.trajectories.track[point], groups, bins)
        observed_s = np.tile(bins.observed_us / 1e6, groups)
        dwell_s = found.dwell_us.ravel() / 1e6
        cell_zone, cell_label = np.divmod(np.repeat(np.arange(groups), len(bins)), len(labels))
        self._add(
            "counts",
            {
                "zone": _texts(names, cell_zone + zones.start),
                "label": _texts(labels, cell_label),
                "bin_start": np.tile(bins.start_us, groups),
                "bin_s": np.full(len(cell_zone), bins.width_us / 1e6),
                "observed_s": observed_s,
                "mean_count": dwell_s / observed_s,
                "max_count": found.most.ravel(),
                "distinct_tracks": found.distinct.ravel(),
                "dwell_s": dwell_s,
            },
        )

    def add_passages(self, names: Sequence[str], tracks: SpaceTracks, visits: Visits) -> None:
        """Adds ``zone_events`` of zones: each change of sides, and the length of the stay that an exit ends."""
        planar, there = visits.tracks, visits.inside
        begins = planar.first | (there != np.roll(there, 1))
        changed = np.flatnonzero(begins & ~planar.first)
        began = np.maximum.accumulate(np.where(begins, np.arange(len(there)), 0))
        entered, time_us = there[changed], planar.time_us[changed]
        dwell_s = (time_us - planar.time_us[began[changed - 1]]) / 1e6
        more = {
            "feature": _texts(names, visits.zone[changed]),
            "kind": _texts(("exit", "enter"), entered.astype(np.int64)),
            "dwell_s": pa.array(np.where(entered, np.nan, dwell_s), from_pandas=True),
        }
        self._add_events(tracks, visits.point[changed], time_us, planar.at[changed], more)

    def add_crossings(self, line: str, tracks: SpaceTracks, crossed: Crossings) -> None:
        """Adds ``flows`` and ``zone_events`` of a line: every label and direction in every bin with footage."""
        bins, labels = self._day.bins, self._day.labels
        # Rows run by label, then by direction, then by bin.
        label, leftwards = tracks.labels(labels, crossed.point), (~crossed.rightwards).astype(np.int64)
        cell = (label * 2 + leftwards) * len(bins) + bins.index_of(crossed.time_us)
        rows = len(labels) * 2 * len(bins)
        group = np.repeat(np.arange(len(labels) * 2), len(bins))
        self._add(
            "flows",
            {
                "line": [line] * rows,
                "label": _texts(labels, group // 2),
                "bin_start": np.tile(bins.start_us, 2 * len(labels)),
                "bin_s": np.full(rows, bins.width_us / 1e6),
                "direction": _texts(DIRECTIONS, group % 2),
                "crossings": np.bincount(cell, minlength=rows),
            },
        )
        more = {
            "feature": [line] * len(leftwards),
            "kind": ["cross"] * len(leftwards),
            "direction": _texts(DIRECTIONS, leftwards),
        }
        self._add_events(tracks, crossed.point, crossed.time_us, crossed.at, more)

    def _add_events(self, tracks: SpaceTracks, point: Int64, time_us: Int64, at: Float64, more: dict[str, Any]) -> None:
        place, trajectories = tracks.on_ground(at), tracks.trajectories
        self._add(
            "zone_events",
            {
                "track_id": _texts(trajectories.tracks, trajectories.track[point]),
                "label": _texts(trajectories.labels, trajectories.label[point]),
                "time": time_us,
                "x_m": pa.array(place[:, 0], from_pandas=True),
                "y_m": pa.array(place[:, 1], from_pandas=True),
                **more,
            },
        )


def _texts(names: Sequence[str], number: Int64) -> pa.Array:
    """Returns names ``(K,)`` by their numbers."""
    return pa.array(names, pa.string()).take(pa.array(number))
