"""Op ``site_tracks``: which tracks of cameras that see the same ground are of one person, or of one vehicle.

Cameras are compared on the ground, so only those on the map take part; a track that no other camera sees, or that has
no positions, is a site track by itself. Each camera's unit reads the whole group of its day and computes the same
people, then writes the rows of its own tracks; so ids agree between cameras in whatever order they are processed.

Cameras whose clocks differ are set right first, by the people whom they see walking.

A site track has the first, in alphabetical order, of the ids of its tracks: an id that goes on over midnight with it.

Decision: docs/decisions/0043-tracks-across-cameras.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ops.arrays import encode_column, float_columns, times_us
from ops.ground.clocks import late_clocks
from ops.ground.handovers import find_handovers
from ops.ground.one_person import People, find_people
from ops.ground.shared_paths import Agreement, Paths, SamePlaceParams, compare_paths, sample_paths
from ops.tracking.observations import kind_of
from schemas.op import Neighbour, OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import Float64, UnitContext

_POSITION = ("camera", "track_id", "time", "label", "x_m", "y_m", "var_x_m2", "cov_xy_m2", "var_y_m2")


@dataclass(frozen=True)
class SiteTracksParams(SamePlaceParams):
    """Parameters of ``site_tracks``."""


class SiteTracks(TableOp):
    """Joins the tracks of a group of cameras by their places on the ground."""

    spec = OpSpec(
        name="site_tracks",
        version=1,
        summary="Which tracks of cameras that see the same ground are of one person: counted once for the whole site.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("tracks", columns=("track_id", "label", "start_time", "end_time")),
            Read("positions", columns=_POSITION),
            Read("positions", Neighbour.OTHERS, columns=_POSITION, required=False),
        ),
        writes=("site_tracks",),
        params=SiteTracksParams,
        memory_mb=2000,
    )
    params: SiteTracksParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Gives ``site_tracks``, a row per track of this camera."""
        camera = unit.camera.camera
        found: Mapping[str, _Membership] = {}
        late_s = 0.0
        others = inputs.get("others.positions")
        if others is not None and others.num_rows and inputs["positions"].num_rows:
            positions = pa.concat_tables([inputs["positions"], others])
            _, cameras, paths = read_paths(positions)
            late = late_clocks(paths, self.params)
            late_s = float(late[cameras.index(camera)])
            found = self._find(*read_paths(positions, late), camera)
        services.count("joined_tracks", len(found))
        return {"site_tracks": _rows(inputs["tracks"], found, camera, late_s)}

    def _find(
        self, names: tuple[str, ...], cameras: tuple[str, ...], paths: Paths, camera: str
    ) -> "Mapping[str, _Membership]":
        """Returns, by track of this camera, the site track that it shares with others."""
        agreement = compare_paths(paths, self.params)
        agreement += find_handovers(paths, agreement, self.params)
        people = find_people(paths, agreement)
        shared_s, apart_m = _company(people, agreement, len(names))
        found = {}
        for group in people.groups:
            name = min(names[track] for track in group)
            seen_by = len({int(paths.camera[track]) for track in group})
            for track in group if len(group) > 1 else ():
                if cameras[paths.camera[track]] == camera:
                    figures = (float(each[track]) for each in (shared_s, apart_m, people.probability))
                    found[names[track]] = _Membership(name, seen_by, len(group), *figures)
        return found


@dataclass(frozen=True)
class _Membership:
    """A track within a site track: see the columns of the table."""

    site_track_id: str
    cameras: int
    tracks: int
    shared_s: float
    apart_m: float
    link_probability: float


def read_paths(positions: pa.Table, late_s: Float64 | None = None) -> tuple[tuple[str, ...], tuple[str, ...], Paths]:
    """Returns names of tracks and of cameras by number, and the tracks' paths, in whatever order the rows are.

    Args:
        positions: rows of all cameras.
        late_s: how late each camera's clock is, ``(C,)``; None: not at all.
    """
    ids, named = encode_column(positions, "track_id")
    cameras, camera = encode_column(positions, "camera")
    # Two cameras may have the same file, and so tracks of one id.
    codes, track = np.unique(named * len(cameras) + camera, return_inverse=True)
    names = tuple(ids[code] for code in (codes // len(cameras)).tolist())
    labels, label = encode_column(positions, "label")
    time_us = times_us(positions)
    if late_s is not None:
        time_us = time_us - np.round(late_s * 1e6).astype(np.int64)[camera]
    order = np.lexsort((time_us, track))
    track, time_us = track[order], time_us[order]
    first = np.searchsorted(track, np.arange(len(names)))
    last = np.append(first[1:], len(track)) - 1
    kinds = sorted({kind_of(name) for name in labels})
    kind_of_label = np.array([kinds.index(kind_of(name)) for name in labels])
    paths = Paths(
        camera[order][first],
        kind_of_label[label[order][first]],
        np.column_stack([time_us[first], time_us[last]]),
        *sample_paths(track, time_us, float_columns(positions, ("x_m", "y_m"))[order], _covariances(positions)[order]),
    )
    return names, cameras, paths


def _covariances(positions: pa.Table) -> Float64:
    x, xy, y = float_columns(positions, ("var_x_m2", "cov_xy_m2", "var_y_m2")).T
    return np.stack([np.stack([x, xy], axis=1), np.stack([xy, y], axis=1)], axis=1)


def _company(people: People, agreement: Agreement, tracks: int) -> tuple[Float64, Float64]:
    """Returns the longest time ``(tracks,)`` that each shares with one of its group, and the mean distance meanwhile.

    The distance is NaN for a track that shares no time with any of them.
    """
    group_of = np.zeros(tracks, np.int64)
    for number, group in enumerate(people.groups):
        group_of[list(group)] = number
    within = group_of[agreement.pair[:, 0]] == group_of[agreement.pair[:, 1]]
    track = agreement.pair[within].ravel()
    shared_s, apart_m = (np.repeat(each[within], 2) for each in (agreement.shared_s, agreement.apart_m))
    longest_s = np.zeros(tracks)
    np.maximum.at(longest_s, track, shared_s)
    total_s = np.bincount(track, shared_s, tracks)
    mean_m = np.bincount(track, shared_s * apart_m, tracks) / np.where(total_s > 0, total_s, np.nan)
    return longest_s, mean_m


def _rows(tracks: pa.Table, found: Mapping[str, _Membership], camera: str, late_s: float) -> pa.Table:
    names = tracks["track_id"].to_pylist()
    members = [found.get(name) for name in names]
    return TABLES["site_tracks"].conform(
        {name: tracks[name] for name in ("track_id", "label", "start_time", "end_time")}
        | {
            "camera": [camera] * len(names),
            "clock_late_s": [late_s] * len(names),
            "site_track_id": [each.site_track_id if each else name for name, each in zip(names, members, strict=True)],
            "cameras": [each.cameras if each else 1 for each in members],
            "tracks": [each.tracks if each else 1 for each in members],
            "shared_s": [each.shared_s if each else 0.0 for each in members],
            "apart_m": pa.array([each.apart_m if each else np.nan for each in members], from_pandas=True),
            "link_probability": [each and each.link_probability for each in members],
        }
    )
