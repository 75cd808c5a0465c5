"""What each mode leaves of a clip: for those who count people in it, and for those who want to know who they are."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from bench.anonymized_site import Params, build_site, run_ops
from bench.paired import Pair, frames_of, paired
from bench.pets import TICKS_A_FRAME
from bench.real_clips import first_frames
from bench.reid import Embedder, attacks, choose_samples, count_faces
from jobs import api, reading
from sample_site.evaluate import MotRows, evaluate, rows_of
from schemas.values import Uint8

Figures = dict[str, float | None]
OF_EACH = 12
"""Crops of a person in the queries, and in the gallery."""

FACE_FRAMES = 36
"""Frames of a clip in which faces are looked for, about."""


def usefulness(root: Path, camera: str, truth: MotRows, last: int) -> Figures:
    """How well a night's tracker follows people in a camera's clip, of frames 1 to ``last``; None for no share at all.

    Args:
        root: a site that has been run up to ``link``.
    """
    points = reading.query(
        api.open_site(root),
        f"""SELECT pts // {TICKS_A_FRAME} + 1 AS frame, track_id, x1, y1, x2, y2 FROM track_points
            WHERE camera = '{camera}' AND label = 'person' AND pts // {TICKS_A_FRAME} < {last}
            ORDER BY frame, track_id""",
    )
    boxes = np.column_stack([points[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(np.float64)
    identity = np.unique(points["track_id"].to_numpy(), return_inverse=True)[1]
    scores = evaluate(truth.take(truth.frame <= last), rows_of(points["frame"].to_numpy(), identity, boxes))
    names = ("recall", "precision", "idf1", "count_mae")
    found = {name: float(getattr(scores, name)) for name in names}
    return {name: round(value, 4) if np.isfinite(value) else None for name, value in found.items()}


def usefulness_by_mode(
    root: Path,
    shown: Mapping[str, Path],
    truth: MotRows,
    last: int,
    models: Sequence[Path],
    ops: Params,
    workers: int | None,
) -> dict[str, Figures]:
    """The same of anonymized videos, by mode.

    Args:
        root: where a site of them is built.
        shown: the anonymized video of each mode.
        models, ops, workers: weights, parameters and processes of that site.
    """
    cuts = root.with_name(root.name + "-cuts")
    cuts.mkdir()
    clips = {mode: first_frames(video, cuts / f"{mode}.mp4", last) for mode, video in shown.items()}
    run_ops(build_site(root, clips, models, ops), ("link",), workers)
    return {mode: usefulness(root, mode, truth, last) for mode in clips}


class Recognizer:
    """One who has the original clip and wants to know who is in the anonymized ones.

    Args:
        clip: the original.
        truth: true boxes of it.
        last: frames 1 to ``last`` are used; the first half gives the queries, the second the gallery.
        osnet: weights.
    """

    def __init__(self, clip: Path, truth: MotRows, last: int, osnet: Path) -> None:
        height, width = next(frames_of(clip)).image.shape[:2]
        self._clip = clip
        self._last = last
        self._embed = Embedder(osnet)
        self._samples = choose_samples(truth, (width, height), last // 2, last, OF_EACH)

    @property
    def chance(self) -> float:
        """Rank-1 of one who guesses."""
        return round(self._samples.chance, 4)

    def try_on(self, shown: Path, by_order: bool = False) -> Figures:
        """Rank-1 of an anonymized video's people, in the original and in itself."""
        original: dict[int, Uint8] = {}
        covered: dict[int, Uint8] = {}
        for pair in _until(paired(self._clip, shown, "order" if by_order else "time"), self._last):
            if pair.number in self._samples.frames:
                original[pair.number], covered[pair.number] = pair.original, pair.shown
        found = attacks(self._embed, original, covered, self._samples)
        return {name: round(value, 4) for name, value in found.items()}


def faces_in(video: Path, yunet: Path, last: int) -> int:
    """Faces that are found in ``FACE_FRAMES`` of the frames 1 to ``last``, or in all if they are fewer."""
    step = max(1, last // FACE_FRAMES)
    return count_faces(yunet, (frame.image for frame in islice(frames_of(video), 0, last, step)))


def _until(pairs: Iterator[Pair], last: int) -> Iterator[Pair]:
    for pair in pairs:
        if pair.number > last:
            return
        yield pair
