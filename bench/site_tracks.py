"""Measures how well tracks of several cameras are joined into people, beside nearest-first matching.

    python -m bench.site_tracks [--json]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets). Real walks on the ground are seen by two or
three virtual cameras whose places, clocks and tracks have errors of the sizes that are named. The peer joins each pair
of cameras one to one by the least mean distance on the ground while both see somebody, up to ``PEER_REACH_M``
(Hungarian), as systems with a calibration usually do.

A pair of tracks counts if they share a second or more. ``reliability``: of the tracks that were joined, what the op
said of them (``link_probability``), and how many were right.
"""

import argparse
import json
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import linear_sum_assignment

from bench.material import require_assets
from bench.site_walkers import WALKS, CameraErrors, SeenWalks, film_walks
from ops.ground.shared_paths import Agreement, SamePlaceParams, compare_paths
from ops.site_tracks import SiteTracks, read_paths
from schemas.values import CameraView, Int64, UnitContext
from tests.support.fakes import FakeServices

CASES = {
    "usual errors": (CameraErrors(), 2),
    "large errors": (CameraErrors(person_m=0.35, slow_m=0.3), 2),
    "late clocks": (CameraErrors(clock_s=0.5), 2),
    "very late clocks": (CameraErrors(clock_s=1.2), 2),
    "three cameras": (CameraErrors(), 3),
}
PEER_REACH_M = 1.5
LEAST_SHARED_S = 1.0
SEEDS = (0, 1, 2)
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)


@dataclass
class Pairs:
    """Pairs of tracks: joined rightly, wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def count(self, joined: bool, same: bool) -> None:
        """Counts a pair."""
        self.right += joined and same
        self.wrong += joined and not same
        self.missed += same and not joined

    @property
    def f1(self) -> float:
        """Returns the harmonic mean of precision and recall."""
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)

    @property
    def precision(self) -> float:
        """Returns the share of joined pairs that are right."""
        return self.right / max(self.right + self.wrong, 1)


@dataclass
class Figures:
    """What is counted of one kind of walk.

    Attributes:
        said: of each joined track its probability, and whether it was right.
        clock_errors_s: of each camera but the first, how far off the op puts its clock.
    """

    ours: Pairs = field(default_factory=Pairs)
    peer: Pairs = field(default_factory=Pairs)
    people: int = 0
    site_tracks: int = 0
    tracks: int = 0
    said: list[tuple[float, bool]] = field(default_factory=list)
    clock_errors_s: list[float] = field(default_factory=list)


def main() -> None:
    """Measures, and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    require_assets()
    found = measure()
    if args.json:
        print(json.dumps(found, indent=1))
        return
    for name, walks in found["walks"].items():
        for case, figures in walks.items():
            print(
                f"{name}, {case}: F1 {figures['f1']:.3f} (peer {figures['f1_peer']:.3f}), precision "
                f"{figures['precision']:.3f} ({figures['precision_peer']:.3f}); {figures['people']:.0f} people, "
                f"{figures['tracks']:.0f} tracks, {figures['site_tracks']:.0f} site tracks; "
                f"largest error of a clock {figures['clock_error_s']:.2f} s"
            )
    for said in found["reliability"]:
        print(f"said {said['said']:.3f}, right {said['right']:.3f} of {said['tracks']} tracks")


def measure() -> dict[str, Any]:
    """Returns the figures of all walks and cases, means over seeds."""
    walks: dict[str, dict[str, dict[str, float]]] = {}
    said: list[tuple[float, bool]] = []
    for name in WALKS:
        walks[name] = {}
        for case, (errors, cameras) in CASES.items():
            figures = Figures()
            for seed in SEEDS:
                score(film_walks(name, errors, seed, cameras), figures)
            said += figures.said
            walks[name][case] = {
                "f1": figures.ours.f1,
                "f1_peer": figures.peer.f1,
                "clock_error_s": max(figures.clock_errors_s),
                "precision": figures.ours.precision,
                "precision_peer": figures.peer.precision,
                **{each: getattr(figures, each) / len(SEEDS) for each in ("people", "tracks", "site_tracks")},
            }
    return {"walks": walks, "reliability": reliability(said)}


def score(seen: SeenWalks, figures: Figures) -> None:
    """Joins tracks of virtual cameras, by the op and by the peer, and adds what is right to the figures."""
    rows = [row for camera in seen.tracks for row in run_op(seen, camera).to_pylist()]
    site_track = {row["track_id"]: row["site_track_id"] for row in rows}
    names, cameras, paths = read_paths(pa.concat_tables(seen.positions.values()))
    agreement = compare_paths(paths, SamePlaceParams())
    matched = _matched(agreement, paths.camera, len(cameras))
    for (a, b), shared_s in zip(agreement.pair.tolist(), agreement.shared_s.tolist(), strict=True):
        if shared_s >= LEAST_SHARED_S:
            same = seen.person[names[a]] == seen.person[names[b]]
            figures.ours.count(site_track[names[a]] == site_track[names[b]], same)
            figures.peer.count((a, b) in matched, same)
    members: dict[str, list[str]] = {}
    for track, group in site_track.items():
        members.setdefault(group, []).append(track)
    for row in rows:
        if row["link_probability"] is not None:
            rest = [each for each in members[row["site_track_id"]] if each != row["track_id"]]
            same_person = [seen.person[each] == seen.person[row["track_id"]] for each in rest]
            figures.said.append((row["link_probability"], float(np.mean(same_person)) >= 0.5))
    late_s = {row["camera"]: row["clock_late_s"] for row in rows}
    (first, *others) = sorted(late_s)
    for camera in others:
        true_s = seen.late_s[camera] - seen.late_s[first]
        figures.clock_errors_s.append(abs(late_s[camera] - late_s[first] - true_s))
    figures.people += len(set(seen.person.values()))
    figures.tracks += len(site_track)
    figures.site_tracks += len(members)


def run_op(seen: SeenWalks, camera: str) -> pa.Table:
    """Returns the rows of a virtual camera's unit."""
    others = [table for name, table in seen.positions.items() if name != camera]
    inputs = {
        "tracks": seen.tracks[camera],
        "positions": seen.positions[camera],
        "others.positions": pa.concat_tables(others),
    }
    unit = UnitContext(CameraView(camera, camera, "UTC", True), "2026-03-02", "day", "EPSG:28992", ())
    return SiteTracks().run(unit, inputs, FakeServices())["site_tracks"]


def _matched(agreement: Agreement, camera: Int64, cameras: int) -> set[tuple[int, int]]:
    """Returns the peer's pairs: one to one between two cameras, by mean distance."""
    matched: set[tuple[int, int]] = set()
    for one, other in combinations(range(cameras), 2):
        between = (camera[agreement.pair] == (one, other)).all(axis=1)
        between |= (camera[agreement.pair] == (other, one)).all(axis=1)
        between &= (agreement.shared_s >= LEAST_SHARED_S) & (agreement.apart_m <= PEER_REACH_M)
        pairs = agreement.pair[between]
        pairs = np.where((camera[pairs[:, :1]] == one), pairs, pairs[:, ::-1])
        rows, row = np.unique(pairs[:, 0], return_inverse=True)
        columns, column = np.unique(pairs[:, 1], return_inverse=True)
        cost = np.zeros((len(rows), len(columns)))
        cost[row, column] = agreement.apart_m[between] - PEER_REACH_M
        for a, b in zip(*linear_sum_assignment(cost), strict=True):
            if cost[a, b] < 0:
                low, high = sorted((int(rows[a]), int(columns[b])))
                matched.add((low, high))
    return matched


def reliability(said: list[tuple[float, bool]]) -> list[dict[str, float]]:
    """Returns, by range of the probability that was said, its mean, the share that was right, and the tracks."""
    probability, right = np.array(said, np.float64).reshape(-1, 2).T
    found = np.digitize(probability, BINS)
    figures = []
    for each in np.unique(found):
        inside = found == each
        means = {"said": float(probability[inside].mean()), "right": float(right[inside].mean())}
        figures.append(means | {"tracks": int(inside.sum())})
    return figures


if __name__ == "__main__":
    main()
