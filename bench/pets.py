"""Scores a run on the PETS clip: tracks, counts and ground positions against the published truth."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from bench.real_site import pets_anchor
from ops.boxes import iou_matrix
from ops.tracking.scores import TrackScores, score_tracks
from schemas.frame_boxes import FrameBoxes
from schemas.values import Float64
from storage.box_files.mot import read_mot

GT_SCALE = 0.625
"""Factor from the ground truth's 768 x 576 pixels to the clip's 480 x 360."""

LAST_FRAME = 400
"""Last frame of the ground truth."""

TICKS_A_FRAME = 1024


class Connection(Protocol):
    """A DuckDB connection to the store."""

    def execute(self, query: str, /) -> Any:
        """Runs a query."""


def pets_truth(assets: Path) -> FrameBoxes:
    """Reads the true boxes of frames 1 to 400, in pixels of the clip."""
    return read_mot(assets / "gt" / "PETS09-S2L1" / "gt.txt").scaled(GT_SCALE, GT_SCALE)


def pets_scores(connection: Connection, assets: Path) -> dict[str, float]:
    """Scores the tables of a run on frames 1 to 400 of PETS."""
    points = connection.execute(
        f"""SELECT pts // {TICKS_A_FRAME} + 1 AS frame, track_id, x1, y1, x2, y2, p.x_m, p.y_m
            FROM track_points t LEFT JOIN positions p USING (camera, track_id, time)
            WHERE camera = 'pets' AND t.label = 'person' AND pts // {TICKS_A_FRAME} < {LAST_FRAME}
            ORDER BY frame, track_id"""
    ).to_arrow_table()
    rows = mot_rows(points)
    scores = score_tracks(pets_truth(assets), rows)
    errors = ground_errors(rows, points, assets)
    return rounded(scores) | {
        "ground_median_m": round(float(np.median(errors)), 4),
        "ground_p90_m": round(float(np.quantile(errors, 0.9)), 4),
    }


def rounded(scores: TrackScores) -> dict[str, float]:
    """Rounds scores to four decimals."""
    return {name: round(value, 4) for name, value in asdict(scores).items()}


def mot_rows(points: pa.Table) -> FrameBoxes:
    """Converts track points to rows for the evaluator."""
    boxes = np.column_stack([points[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(float)
    identity = np.unique(points["track_id"].to_numpy(), return_inverse=True)[1]
    return FrameBoxes.of(points["frame"].to_numpy(), identity, boxes)


def ground_errors(rows: FrameBoxes, points: pa.Table, assets: Path) -> Float64:
    """Returns the distance in metres of each position from that of the person whose box it overlaps by half or more."""
    anchor = pets_anchor(assets)
    raw = np.loadtxt(assets / "gt" / "PETS09-S2L1" / "gt.txt", delimiter=",")
    truth_boxes = np.column_stack([raw[:, 2:4], raw[:, 2:4] + raw[:, 4:6]]) * GT_SCALE
    places = raw[:, 7:9] + [anchor.x0_m, anchor.y0_m]
    found = np.column_stack([points[name].to_numpy(zero_copy_only=False) for name in ("x_m", "y_m")])
    errors = []
    for frame in np.unique(rows.frame):
        mine, theirs = np.flatnonzero(rows.frame == frame), np.flatnonzero(raw[:, 0] == frame)
        if not len(theirs):
            continue
        overlap = iou_matrix(rows.box[mine], truth_boxes[theirs])
        best = overlap.argmax(axis=1)
        hit = overlap[np.arange(len(mine)), best] >= 0.5
        errors.append(np.linalg.norm(found[mine[hit]] - places[theirs[best[hit]]], axis=1))
    every: Float64 = np.concatenate(errors)
    return np.asarray(every[np.isfinite(every)])
