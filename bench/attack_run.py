"""Runs one attack: a site of one clip, its published video, and what that video shows of people."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from bench.anonymized_site import LAST_OPS, Params, build_site, published_videos, run_ops
from bench.attack_footage import Footage
from bench.auditor import Auditor
from bench.frame_pairs import Pair, fit_to_shape, pair_frames, read_frames
from jobs.commands.run import RunSummary
from ops.anonymize.params import AnonymizeParams
from ops.boxes import inside_shares
from ops.leaks import CODEC_TOLERANCE, LEAK_BELOW, STRICT_BELOW, covered_pixels, head_zones, touched_px, zone_shares
from schemas.anonymity import MODES
from schemas.errors import ModelError
from schemas.frame_boxes import FrameBoxes
from schemas.values import Bools, Float64, Uint8

CAMERA = "view"
AUDITED_FRAMES = 6
"""Frames of a clip that the auditor looks at, evenly spread."""

TELLS = 30
"""Difference, grey levels in any channel, that tells a person's pixel from the empty scene."""

LEAST_TELLING = 0.3
"""Share of a head zone that must differ from the empty scene, so that it can be judged if it shows the person."""

WHOLE = 0.95
"""Covered share of a frame above which it counts as covered whole."""

Figures = dict[str, object]


@dataclass(frozen=True)
class Attack:
    """One case.

    Attributes:
        name: unique.
        make: writes the footage at a path without suffix, and says what it shows.
        fixed: what the site declares.
        models: the site's weights.
        audit: the auditor looks as well.
        ops: further parameters by op.
        prove: detectors prove themselves before the run.
    """

    name: str
    make: Callable[[Path], Footage]
    models: Sequence[Path]
    fixed: bool = True
    mode: str = "silhouette"
    audit: bool = True
    ops: Params = field(default_factory=dict)
    prove: bool = True


@dataclass(frozen=True)
class Outcome:
    """What an attack achieved.

    Attributes:
        published: whether any video was.
        frames: published frames.
        heads, bare, strict: head zones by the truth; those of which less than half, and less than 90 %, is covered.
            Where a mode paints the background: those of which so much shows the person's own colours.
        audited, audited_bare: the same for people whom the auditor finds in some frames as filmed.
        people_found: in modes that paint the background, the largest number of people whom one published frame shows:
            whom the auditor finds in it, and others whose head is bare by the truth.
        area: mean share of the frame that is covered flat; None where the background is painted.
        whole: frames of which ``WHOLE`` or more is covered.
        reason: why it was not published.
    """

    published: bool
    frames: int = 0
    heads: int = 0
    bare: int = 0
    strict: int = 0
    audited: int = 0
    audited_bare: int = 0
    people_found: int = 0
    area: float | None = None
    whole: int = 0
    reason: str = ""


def run_attack(attack: Attack, folder: Path, auditor: Auditor, workers: int | None, pictures: Path | None) -> Outcome:
    """Runs a site on one clip and judges what it publishes.

    Args:
        folder: for the clip and the site; new.
        workers: processes, 0 for one per CPU; None to run in this process.
        pictures: folder for a picture of the worst frame, if wanted.
    """
    footage = attack.make(folder / "clip")
    ops: dict[str, Mapping[str, object]] = dict(attack.ops)
    ops["anonymize"] = {"mode": attack.mode, **ops.get("anonymize", {})}
    root = build_site(
        folder / "site", {CAMERA: footage.path}, attack.models, ops, () if attack.fixed else (CAMERA,)
    )  # fmt: skip
    try:
        with nullcontext() if attack.prove else patch("jobs.commands.run.require_able", return_value=()):
            summary = run_ops(root, LAST_OPS, workers)
    except ModelError as error:  # a broken detector: the run ends before its first unit
        return Outcome(published=False, reason=f"run: {type(error).__name__}: {error}")
    video = published_videos(root).get(CAMERA)
    if video is None:
        return Outcome(published=False, reason=reason_of(summary))
    save = None if pictures is None else pictures / f"{attack.name.replace('/', '-')}.png"
    return judge(footage, video, attack.mode, auditor if attack.audit else None, save)


def reason_of(summary: RunSummary) -> str:
    """Returns why a run published nothing: op, reason and detail of what it quarantined."""
    entries = [*summary.report.quarantined, *summary.report.lost]
    return "; ".join(f"{entry.op}: {entry.reason}: {entry.detail}" for entry in entries) or "nothing quarantined"


def judge(footage: Footage, video: Path, mode: str, auditor: Auditor | None, save: Path | None = None) -> Outcome:
    """Judges a published video.

    Args:
        auditor: looks at some frames, if given.
        save: where the frame with most bare heads is written, as filmed above and as published below.
    """
    tally = _Tally(footage, MODES[mode].needs_background, auditor, save)
    numbers = sum(1 for _ in read_frames(footage.path))
    audited = np.linspace(1, numbers, min(AUDITED_FRAMES, numbers)).round().astype(int).tolist()
    for pair in paired(footage.path, video):
        tally.add(pair, pair.number in audited)
    return tally.outcome()


class _Tally:
    """Counts over the frames of one published video."""

    def __init__(self, footage: Footage, paints: bool, auditor: Auditor | None, save: Path | None) -> None:
        self._footage, self._paints, self._auditor, self._save = footage, paints, auditor, save
        self._shares: list[Float64] = []
        self._areas: list[float] = []
        self._audited = self._audited_bare = self._found = 0
        self._worst = -1

    def add(self, pair: Pair, is_audited: bool) -> None:
        """Judges a frame."""
        truth = self._footage.truth.take(self._footage.truth.frame == pair.number)
        covered = covered_pixels(pair.anonymized, pair.original, AnonymizeParams().bgr, CODEC_TOLERANCE)
        empty = self._footage.empty if self._paints else None
        if self._paints and empty is None:  # nothing says what the scene looks like without people
            shares = np.full(len(truth), np.nan)
        else:
            shares = hidden_shares(pair, covered, truth, empty)
        self._areas.append(float(covered.mean()))
        self._shares.append(shares[np.isfinite(shares)])
        bare, seen = truth.box[shares < LEAK_BELOW], self._audit(pair, covered) if is_audited else np.empty((0, 4))
        if self._paints:
            others = ~(inside_shares(seen, head_zones(bare)) > LEAK_BELOW).any(axis=0)
            self._found = max(self._found, len(seen) + int(others.sum()))
        if self._save is not None and len(bare) + len(seen) > self._worst:
            self._worst = len(bare) + len(seen)
            _draw(pair, [(bare, (0, 0, 255)), (seen, (255, 0, 255))], self._save)

    def _audit(self, pair: Pair, covered: Bools) -> Float64:
        """Returns the people ``(N, 4)`` whom the auditor sees though they should be covered."""
        if self._auditor is None:
            return np.empty((0, 4))
        if self._paints:
            return people_shown(self._auditor.people(pair.anonymized), pair, covered, self._footage.empty)
        people = self._auditor.people(pair.original)
        seen = people[zone_shares(covered, head_zones(people)) < LEAK_BELOW]
        self._audited, self._audited_bare = self._audited + len(people), self._audited_bare + len(seen)
        return seen

    def outcome(self) -> Outcome:
        """Sums up."""
        shares = np.concatenate(self._shares) if self._shares else np.empty(0)
        return Outcome(
            published=True,
            frames=len(self._areas),
            heads=len(shares),
            bare=int((shares < LEAK_BELOW).sum()),
            strict=int((shares < STRICT_BELOW).sum()),
            audited=self._audited,
            audited_bare=self._audited_bare,
            people_found=self._found,
            area=None if self._paints else round(float(np.mean(self._areas)), 4),
            whole=int((np.array(self._areas) >= WHOLE).sum()),
        )


def hidden_shares(pair: Pair, covered: Bools, truth: FrameBoxes, empty: Uint8 | None) -> Float64:
    """Returns the hidden share of each head zone ``(M,)``, 0..1; NaN where that cannot be judged.

    Args:
        empty: the scene without people, for modes that paint the background: hidden is what does not show the colours
            that only the person has there, so people who look like the scene are not judged. None: hidden is what is
            covered with the flat colour.
    """
    zones = head_zones(truth.box)
    if empty is None:
        return np.where(truth.counts, zone_shares(covered, zones), np.nan)
    tells = differing(pair.original, empty, TELLS)
    # Where the mode drew lines, a person in the colour of these lines looks the same as filmed and as published.
    drawn = is_colour(pair.anonymized, AnonymizeParams().bgr)
    shown = tells & ~drawn & ~differing(pair.anonymized, pair.original, CODEC_TOLERANCE)
    telling, seen = zone_shares(tells, zones), zone_shares(shown, zones)
    judged = truth.counts & (np.nan_to_num(telling) >= LEAST_TELLING)
    return np.where(judged, 1 - np.nan_to_num(seen) / np.maximum(np.nan_to_num(telling), 1e-9), np.nan)


def is_colour(image: Uint8, colour: tuple[int, int, int]) -> Bools:
    """Returns the pixels ``(H, W)`` that have a colour (BGR), but for encoding."""
    return np.asarray(np.abs(image.astype(np.int16) - np.array(colour)).max(axis=2) <= CODEC_TOLERANCE, np.bool_)


def differing(image: Uint8, other: Uint8, levels: int) -> Bools:
    """Returns the pixels ``(H, W)`` in which any channel of two pictures differs by more than some grey levels."""
    return np.asarray(cv2.absdiff(image, other).max(axis=2) > levels, np.bool_)


def people_shown(boxes: Float64, pair: Pair, covered: Bools, empty: Uint8 | None) -> Float64:
    """Returns those of the people found in a published frame that are neither its flat cover nor the empty scene."""
    kept = []
    for box, (x1, y1, x2, y2) in zip(boxes, touched_px(boxes, covered.shape).tolist(), strict=True):
        if x2 <= x1 or y2 <= y1 or covered[y1:y2, x1:x2].mean() >= LEAK_BELOW:
            continue
        if empty is not None:
            away = differing(pair.anonymized[y1:y2, x1:x2], empty[y1:y2, x1:x2], TELLS)
            if away.mean() < LEAST_TELLING / 2:
                continue
        kept.append(box)
    return np.array(kept, np.float64).reshape(-1, 4)


def paired(original: Path, video: Path) -> Iterator[Pair]:
    """Pairs frames by time; where a time of the original repeats, its frames in their order.

    Where times repeat and both have the same number of frames, they are paired by order: a plain decoder gives the
    frames of packed MPEG-4 wrong times, which the product mends.

    Raises:
        ValueError: a published frame has a time that the original does not have.
    """
    originals = list(read_frames(original))
    times = [frame.time_s - originals[0].time_s for frame in originals]
    if all(after > before for before, after in pairwise(times)):
        yield from pair_frames(original, video)
        return
    published = list(read_frames(video))
    if len(published) == len(originals):
        for number, (before, after) in enumerate(zip(originals, published, strict=True), 1):
            yield Pair(number, before.image, fit_to_shape(after.image, before.image.shape))
        return
    waiting: dict[Fraction, list[int]] = {}
    for index, time_s in enumerate(times):
        waiting.setdefault(time_s, []).append(index)
    for frame in published:
        at = waiting.get(frame.time_s)
        if not at:
            raise ValueError(f"{video.name} has a frame at {float(frame.time_s):.4f} s that {original.name} has not")
        index = at.pop(0)
        image = originals[index].image
        yield Pair(index + 1, image, fit_to_shape(frame.image, image.shape))


def _draw(pair: Pair, marked: Sequence[tuple[Float64, tuple[int, int, int]]], save: Path) -> None:
    """Writes a frame as filmed and as published, with boxes in their colours (BGR)."""
    save.parent.mkdir(parents=True, exist_ok=True)
    views = [pair.original.copy(), pair.anonymized.copy()]
    for view in views:
        for boxes, colour in marked:
            for x1, y1, x2, y2 in touched_px(boxes, view.shape).tolist():
                cv2.rectangle(view, (x1, y1), (x2, y2), colour, 1)
    cv2.imwrite(str(save), np.concatenate(views, axis=0))


def progress(name: str, outcome: Outcome) -> None:
    """Prints one case as soon as it is done."""
    if not outcome.published:
        print(f"... {name}: not published ({outcome.reason[:300]})", file=sys.stderr, flush=True)
        return
    text = f"{outcome.bare} ({outcome.strict}) of {outcome.heads} heads bare; auditor: {outcome.audited_bare} of "
    text += f"{outcome.audited}, {outcome.people_found} people in the published frames; area {outcome.area}, "
    text += f"{outcome.whole} of {outcome.frames} frames whole"
    print(f"... {name}: {text}", file=sys.stderr, flush=True)
