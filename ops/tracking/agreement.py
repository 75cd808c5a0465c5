"""Says how well tracks agree with reference tracks of the same frames: HOTA (Luiten et al., IJCV 2021)."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ops.arrays import boxes_of
from ops.boxes import iou_matrix
from ops.tracking.observations import kind_of
from schemas.op import Tables
from schemas.values import Float64, Int64


class TrackAgreement:
    """Tracks and reference tracks, of one stretch of footage after the other.

    Attributes:
        boxes, tracks: number of those of the reference.
        other_boxes: number of boxes that are compared with them.
    """

    def __init__(self) -> None:
        self.boxes = self.tracks = self.other_boxes = 0
        self._ids: tuple[list[Int64], list[Int64]] = ([], [])
        self._overlaps: list[Float64] = []
        self._most_id = 0

    def add(self, reference: Tables, others: Tables) -> None:
        """Adds a stretch.

        Args:
            reference, others: ``tracklets`` and ``tracklet_points``, at the same frames.
        """
        ours, theirs = (_Rows.of(tables) for tables in (reference, others))
        self.boxes, self.tracks = self.boxes + len(ours.pts), self.tracks + reference["tracklets"].num_rows
        self.other_boxes += len(theirs.pts)
        for pts in np.union1d(ours.pts, theirs.pts).tolist():
            own, other = ours.at(pts), theirs.at(pts)
            overlaps = iou_matrix(ours.box[own], theirs.box[other])
            same_kind = ours.kind[own][:, None] == theirs.kind[other][None]
            self._overlaps.append(np.where(same_kind, overlaps, 0.0))
            for ids, rows, chosen in zip(self._ids, (ours, theirs), (own, other), strict=True):
                ids.append(self._most_id + rows.identity[chosen])
        self._most_id += max(ours.tracks, theirs.tracks)

    @property
    def hota(self) -> float:
        """HOTA, 0..1, over all frames together; 1 where neither has a track."""
        if not self.boxes and not self.other_boxes:
            return 1.0
        from trackers.eval import compute_hota_metrics

        return float(compute_hota_metrics(*self._ids, self._overlaps)["HOTA"])

    @property
    def loss(self) -> float:
        """What HOTA lacks to 1."""
        return 1.0 - self.hota


class _Rows:
    """Boxes of tracks, sorted by frame."""

    def __init__(self, pts: Int64, identity: Int64, box: Float64, kinds: Sequence[str], tracks: int) -> None:
        order = np.argsort(pts, kind="stable")
        self.pts, self.identity, self.box = pts[order], identity[order], box[order]
        self.kind = np.array(kinds, np.str_)[order]
        self.tracks = tracks

    @classmethod
    def of(cls, tables: Tables) -> "_Rows":
        names, labels = (tables["tracklets"][name].to_pylist() for name in ("tracklet_id", "label"))
        numbers = {name: number for number, name in enumerate(names)}
        points: pa.Table = tables["tracklet_points"]
        identity = np.array([numbers[name] for name in points["tracklet_id"].to_pylist()], np.int64)
        kinds = [kind_of(labels[number]) for number in identity.tolist()]
        pts = points["pts"].to_numpy().astype(np.int64)
        return cls(pts, identity, boxes_of(points).astype(np.float64), kinds, len(names))

    def at(self, pts: int) -> slice:
        """Returns the rows of a frame."""
        return slice(*np.searchsorted(self.pts, [pts, pts + 1]).tolist())
