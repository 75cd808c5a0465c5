"""Measures what each mode preserves: tracking and counting of people, and how well they can be recognized."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from bench.anonymized_site import Params, build_site, run_ops
from bench.frame_pairs import Pair, pair_frames, read_frames
from bench.pets import TICKS_A_FRAME
from bench.real_clips import first_frames
from bench.reid import (
    Embed,
    attacks,
    choose_samples,
    count_faces,
    crops_of,
    only_covered,
    rank_1,
    roc_auc,
)
from bench.reid_attacker import median_frame
from jobs.commands.results import query
from jobs.site import open_site
from ops.boxes import pad
from ops.tracking.scores import score_tracks
from schemas.frame_boxes import FrameBoxes
from schemas.values import Uint8

Figures = dict[str, float | None]
OF_EACH = 12
"""Crops per person in the queries, and in the gallery."""

EMPTY_STEP = 10
"""Every so many frames, one counts for the picture of the empty scene."""

WIDE = 0.4
"""Share of its size by which a box is grown on every side, so that the whole cover is in the crop."""

FACE_FRAMES = 36
"""Approximate number of frames of a clip in which faces are detected."""


def tracking_utility(root: Path, camera: str, truth: FrameBoxes, last: int) -> Figures:
    """Scores the tracker on frames 1 to ``last`` of a camera's clip; undefined shares are None.

    Args:
        root: a site on which ``link`` has run.
    """
    points = query(
        open_site(root),
        f"""SELECT pts // {TICKS_A_FRAME} + 1 AS frame, track_id, x1, y1, x2, y2 FROM track_points
            WHERE camera = '{camera}' AND label = 'person' AND pts // {TICKS_A_FRAME} < {last}
            ORDER BY frame, track_id""",
    )
    boxes = np.column_stack([points[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(np.float64)
    identity = np.unique(points["track_id"].to_numpy(), return_inverse=True)[1]
    scores = score_tracks(truth.take(truth.frame <= last), FrameBoxes.of(points["frame"].to_numpy(), identity, boxes))
    names = ("recall", "precision", "idf1", "count_mae")
    found = {name: float(getattr(scores, name)) for name in names}
    return {name: round(value, 4) if np.isfinite(value) else None for name, value in found.items()}


def tracking_utility_by_mode(
    root: Path,
    anonymized: Mapping[str, Path],
    truth: FrameBoxes,
    last: int,
    models: Sequence[Path],
    ops: Params,
    workers: int | None,
) -> dict[str, Figures]:
    """Scores the tracker on anonymized videos, by mode.

    Args:
        root: folder of a new site for the videos.
        anonymized: the anonymized video of each mode.
        models, ops, workers: weights, parameters and processes of that site.
    """
    cuts = root.with_name(root.name + "-cuts")
    cuts.mkdir()
    clips = {mode: first_frames(video, cuts / f"{mode}.mp4", last) for mode, video in anonymized.items()}
    run_ops(build_site(root, clips, models, ops), ("link",), workers)
    return {mode: tracking_utility(root, mode, truth, last) for mode in clips}


class Recognizer:
    """An attacker who has the original clip and tries to recognize people in anonymized ones.

    Args:
        clip: the original.
        truth: its true boxes.
        last: frames 1 to ``last`` are used; the first half gives the queries, the second the gallery.
        embed: the attacker's network.
    """

    def __init__(self, clip: Path, truth: FrameBoxes, last: int, embed: Embed) -> None:
        height, width = next(read_frames(clip)).image.shape[:2]
        self._clip = clip
        self._last = last
        self._embed = embed
        self._samples = choose_samples(truth, (width, height), last // 2, last, OF_EACH)

    @property
    def chance(self) -> float:
        """Rank-1 of a random guess."""
        return round(self._samples.chance, 4)

    def rank_1_scores(self, anonymized: Path, by_order: bool = False) -> Figures:
        """Returns rank-1 of an anonymized video's people, in galleries of the original and of the video itself."""
        original, covered = self._frames(anonymized, by_order)
        found = attacks(self._embed, original, covered, self._samples)
        return {name: round(value, 4) for name, value in found.items()}

    def scores_with_controls(self, anonymized: Path) -> Figures:
        """Returns rank-1 of an anonymized video's people, and what of it comes from the cover and from the scene.

        ``as_filmed`` is against a gallery of the original, ``alike`` against one of the video itself, which
        ``only_cover`` repeats with all grey that is not covered, ``only_scene`` with crops of the empty scene, and
        ``wide`` with crops that show the outline of covers larger than the true box, ``wide_scene`` with such crops of
        the empty scene; ``auc`` is that of ``alike``.
        """
        original, covered = self._frames(anonymized)
        empty = median_frame(frame.image for frame in islice(read_frames(self._clip), 0, self._last, EMPTY_STEP))
        scene = dict.fromkeys(covered, empty)
        cover = {number: only_covered(original[number], frame) for number, frame in covered.items()}
        queries, gallery = self._samples.queries, self._samples.gallery
        wide = [replace(rows, box=pad(rows.box, WIDE, 0.0)) for rows in (queries, gallery)]
        embedded = [
            [
                *(self._embed(crops_of(frames, rows)) for frames in (original, covered, cover, scene)),
                *(self._embed(crops_of(frames, wider)) for frames in (covered, scene)),
            ]
            for rows, wider in zip((queries, gallery), wide, strict=True)
        ]
        pairs = {"as_filmed": (1, 0), "alike": (1, 1), "only_cover": (2, 2), "only_scene": (3, 3)}
        pairs |= {"wide": (4, 4), "wide_scene": (5, 5)}
        found = {
            name: rank_1(embedded[0][q], embedded[1][g], queries.identity, gallery.identity)
            for name, (q, g) in pairs.items()
        }
        found["auc"] = roc_auc(embedded[0][1], embedded[1][1], queries.identity, gallery.identity)
        return {name: round(value, 4) for name, value in (found | {"chance": self.chance}).items()}

    def _frames(self, anonymized: Path, by_order: bool = False) -> tuple[dict[int, Uint8], dict[int, Uint8]]:
        """Returns the frames that samples are of, by number: as filmed, and anonymized."""
        original: dict[int, Uint8] = {}
        covered: dict[int, Uint8] = {}
        for pair in _first_pairs(pair_frames(self._clip, anonymized, "order" if by_order else "time"), self._last):
            if pair.number in self._samples.frames:
                original[pair.number], covered[pair.number] = pair.original, pair.anonymized
        return original, covered


def faces_in(video: Path, yunet: Path, last: int) -> int:
    """Counts the faces found in about ``FACE_FRAMES`` of the frames 1 to ``last``."""
    step = max(1, last // FACE_FRAMES)
    return count_faces(yunet, (frame.image for frame in islice(read_frames(video), 0, last, step)))


def _first_pairs(pairs: Iterator[Pair], last: int) -> Iterator[Pair]:
    for pair in pairs:
        if pair.number > last:
            return
        yield pair
