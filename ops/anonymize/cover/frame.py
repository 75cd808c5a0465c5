"""Covers the frames of a segment: what is covered in each, mode by mode, before anything is encoded.

A box is *padded* by ``pad_share`` and by ``pad_px`` at least. On a fixed camera, in a frame that can be compared with a
background of enough samples and of the frame's size:

1. everybody who is surely there, or may be and of whom a part is seen, whatever the pixels are, so that somebody behind
   a sign or dressed like the wall is covered too: in ``solid``, ``pixelate`` and ``blur`` all of the padded box; in the
   others the core of the box, a superellipse that fills it and goes on up to the picture's last row and column, and the
   padded head zone;
2. in padded boxes, every pixel that is not vouched to be background, and its surroundings. Background is vouched for
   where the background is known and the frame equals it, within its noise, light drift, shake and the background's own edges;
3. anywhere, every region of a person's size that differs clearly from the background or was never seen free of people
   (somebody the detector missed, but cars, too), and for ``hold_s`` where it was.

On any other camera, in a frame that cannot be compared, and for other targets than ``person``, all of every padded box
is covered; where people were found by motion alone, and a frame cannot be compared, all of the frame. Privacy masks are
covered flat in every frame. ``pixelate`` and ``blur`` let means of the original pixels through, other modes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow.compute as pc

from ops.anonymize.cover.modes import Painter, Scene, flat_colours, painter_of
from ops.anonymize.cover.paint import cover_bodies, cover_boxes, paint_flat
from ops.anonymize.cover.skeleton import PoseFinder
from ops.anonymize.geometry import static_mask, target_boxes
from ops.anonymize.locate.difference import BackgroundDifference, FrameComparison, Tolerance
from ops.anonymize.locate.presence import Presence, gather_presence
from ops.anonymize.locate.spans import NOBODY, padded
from ops.anonymize.params import PEOPLE, AnonymizeParams
from ops.anonymize.verify.coverage import covered_shares, head_zones
from ops.anonymize.verify.residual import BackgroundResidual
from ops.anonymize.verify.verifier import ExpectedCoverage
from schemas.op import Tables
from schemas.values import Float64, FrameBatch, Int64, Uint8, UnitContext

HEAD_PAD = 0.5
"""Head zones are grown on every side by this share of their size before they are covered."""

CORE_PAD = 0.05
"""So are bodies, in modes that cover bodies: boxes are cut too tight as often as too wide."""

THERE = 0.2
"""Where somebody may be, he is, if so much of the box is not background: the rest of him is behind something."""

WHOLE_BOXES = frozenset({"solid", "pixelate", "blur"})
"""Modes that cover boxes, not bodies."""

MaskHook = Callable[[Uint8, Float64, int], Uint8]
"""Takes a frame's mask ``(H, W)``, the boxes ``(M, 4)`` of those in it and its time, and gives the mask to be used."""


@dataclass(frozen=True)
class FrameCoverage:
    """What was meant for one frame, kept until the frame was seen as players show it.

    Attributes:
        bits: the mask ``(H, W)``, packed.
        boxes, owners: people who surely are there, ``(M, 4)`` and ``(M,)``, not padded.
        comparable: whether the frame could be compared with a background.
        whole: whether all of it was covered.
        picture: ``(H, W, 3)`` BGR as painted, in modes that paint no flat colour.
        widened: whether more was covered since, for something that was found.
        lost: whether the footage's frame could not be decoded.
    """

    pts: int
    time_us: int
    bits: Uint8
    size_px: tuple[int, int]
    boxes: Float64
    owners: Int64
    comparable: bool
    whole: bool
    picture: Uint8 | None
    widened: bool = False
    lost: bool = False

    @property
    def mask(self) -> Uint8:
        """``(H, W)``, 255 where nothing of the original may stay."""
        width, height = self.size_px
        return np.unpackbits(self.bits, axis=1, count=width)[:height] * np.uint8(255)

    def plan(self, flat: Uint8) -> ExpectedCoverage:
        """As the verifier takes it; ``flat`` ``(K, 3)`` are the colours of flat modes."""
        return ExpectedCoverage(self.mask, self.boxes, self.comparable, flat if self.picture is None else self.picture)


class FrameAnonymizer:
    """Covers one segment's frames, in order.

    Args:
        pose: finds poses, for ``skeleton``.
        mask_hook: changes masks before they are painted: how a test plants leaks. People whose head it uncovers are
            forgotten, as if they had never been found.

    Attributes:
        tracklets: ids of the tracks that ``FrameCoverage.owners`` are indices of.
        flat: ``(K, 3)`` BGR, the colours that what is covered has in flat modes.
        residual: what compares encoded frames with the background; None where there is none that can vouch.
        unknown_share: of the background, 0..1; None without one.
    """

    def __init__(
        self,
        params: AnonymizeParams,
        unit: UnitContext,
        inputs: Tables,
        pose: PoseFinder | None,
        mask_hook: MaskHook | None = None,
    ) -> None:
        self._params = params
        self._unit = unit
        self._painter: Painter = painter_of(params.mode, params.paint_options, pose)
        self._colour = params.paint_options.colour
        self._mask_hook = mask_hook
        self._difference: BackgroundDifference | None = None
        self.residual: BackgroundResidual | None = None
        self.unknown_share: float | None = None
        self._take_background(inputs)
        self._presence: Presence = gather_presence(params, unit, inputs, linger=self._difference is not None)
        self._blind = bool(pc.any(pc.equal(inputs["observed_frames"]["source"], "motion")).as_py())
        self._heads_only = "person" not in params.targets
        self._static: Uint8 | None = None
        self.tracklets = self._presence.tracklets
        self.flat = np.array(flat_colours(params.mode, params.paint_options), np.uint8).reshape(-1, 3)

    def cover(self, batch: FrameBatch) -> tuple[FrameBatch, list[FrameCoverage]]:
        """Covered copies of frames, and what was meant for each."""
        covered = np.ascontiguousarray(batch.frames).copy()
        first_us, last_us = int(batch.times_us[0]), int(batch.times_us[-1])
        near = Presence(
            self._presence.people.between(first_us, last_us),
            self._presence.things.between(first_us, last_us),
            self.tracklets,
        )
        plans = []
        for number, (pts, time_us) in enumerate(zip(batch.pts.tolist(), batch.times_us.tolist(), strict=True)):
            if batch.lost is not None and batch.lost[number]:
                plans.append(self._lost(covered[number], pts, time_us))
            else:
                plans.append(self._cover(covered[number], pts, time_us, near))
        return FrameBatch(covered, batch.pts, batch.times_us), plans

    def _lost(self, frame: Uint8, pts: int, time_us: int) -> FrameCoverage:
        """Covers all of a frame that could not be decoded."""
        frame[:] = self._colour
        size_px, all_of_it = (frame.shape[1], frame.shape[0]), np.ones(frame.shape[:2], bool)
        picture = None if len(self.flat) else frame.copy()
        bits, none = np.packbits(all_of_it, axis=1), np.empty(0, np.int64)
        return FrameCoverage(pts, time_us, bits, size_px, np.empty((0, 4)), none, False, True, picture, lost=True)

    def _cover(self, frame: Uint8, pts: int, time_us: int, near: Presence) -> FrameCoverage:
        """Covers one frame in place."""
        people, things = near.people.at(time_us), near.things.at(time_us)
        # At a track's point the spans before and after it meet: one box is enough.
        _, once = np.unique(np.column_stack([people.boxes, people.owner, ~people.sure]), axis=0, return_index=True)
        once = np.sort(once[people.sure[once]])
        sure, owners = people.boxes[once], people.owner[once]
        comparison = self._compare(frame, time_us)
        comparable = comparison is not None and comparison.comparable
        elsewhere = people.sure | (np.isin(people.owner, owners) & (people.owner != NOBODY))
        mask = self._people_mask(frame, people.boxes, sure, people.boxes[~elsewhere], comparison)
        cover_boxes(mask, padded(things.boxes, self._params.pad_share, self._params.pad_px))
        whole = self._blind and not comparable
        if whole:
            mask[:] = 255
        if self._mask_hook is not None:
            mask = self._mask_hook(mask, people.boxes, time_us)
            kept = covered_shares(mask, head_zones(sure)) >= 1.0
            sure, owners = sure[kept], owners[kept]
        self._paint(frame, mask, np.concatenate([people.boxes, things.boxes]), people.owner, comparison)
        static = self._static_mask(frame)
        if static is not None:
            cv2.bitwise_or(mask, static, mask)
            paint_flat(frame, static, self._colour)
        if self._params.mode == "tracks-only":  # nothing of the frame is in it, so there is no head to look at
            mask[:] = 255
            sure, owners = sure[:0], owners[:0]
        picture = None if len(self.flat) else frame.copy()
        size_px = (frame.shape[1], frame.shape[0])
        bits = np.packbits(mask > 0, axis=1)
        return FrameCoverage(pts, time_us, bits, size_px, sure, owners, comparable, whole, picture)

    def _people_mask(
        self, frame: Uint8, boxes: Float64, sure: Float64, doubtful: Float64, comparison: FrameComparison | None
    ) -> Uint8:
        """255 where people are or may be; see the top of this file.

        Args:
            boxes: all of them; ``sure`` those in which somebody is, ``doubtful`` those of nobody who is elsewhere.
        """
        share, least_px = self._params.pad_share, self._params.pad_px
        mask = np.zeros(frame.shape[:2], np.uint8)
        if self._heads_only:
            cover_boxes(mask, padded(target_boxes("head", boxes), share, least_px))
            return mask
        generous = padded(boxes, share, least_px)
        if self._difference is None or comparison is None:
            cover_boxes(mask, generous)
        else:
            mask = self._difference.people(comparison, generous)
            there = doubtful[covered_shares(mask, doubtful) >= THERE]
            sure = np.unique(np.concatenate([sure, there]), axis=0)
            if self._params.mode in WHOLE_BOXES:
                cover_boxes(mask, padded(sure, share, least_px))
            else:
                cover_bodies(mask, padded(sure, CORE_PAD, 0.0))
        cover_boxes(mask, padded(head_zones(sure), HEAD_PAD, least_px))
        return mask

    def _paint(
        self, frame: Uint8, mask: Uint8, boxes: Float64, owners: Int64, comparison: FrameComparison | None
    ) -> None:
        known = np.concatenate([owners, np.full(len(boxes) - len(owners), -1, np.int64)])
        background = None
        if self._painter.uses_background and self._difference is not None and comparison is not None:
            background = self._difference.background_for(comparison)
        self._painter.paint(frame, Scene(mask, boxes, known, background))

    def _compare(self, frame: Uint8, time_us: int) -> FrameComparison | None:
        if self._difference is None or self._difference.size_px != (frame.shape[1], frame.shape[0]):
            return None
        return self._difference.compare(frame, time_us)

    def _static_mask(self, frame: Uint8) -> Uint8 | None:
        """The camera's privacy masks, if it has any."""
        camera = self._unit.camera
        if self._static is None and camera.privacy_masks:
            size_px = (frame.shape[1], frame.shape[0])
            self._static = static_mask(camera.privacy_masks, camera.image_size_px, size_px)
        return self._static

    def _take_background(self, inputs: Tables) -> None:
        """The segment's background, where there is one that can vouch for pixels, and people are to be covered."""
        params, segment = self._params, self._unit.segment
        backgrounds = inputs.get("backgrounds")
        if (
            backgrounds is None
            or not params.use_background
            or not self._unit.camera.fixed
            or PEOPLE.isdisjoint(params.targets)
        ):
            return
        rows = backgrounds.filter(pc.greater_equal(backgrounds["samples"], params.min_background_samples)).to_pylist()
        if not rows or (rows[0]["width"], rows[0]["height"]) != (segment.width, segment.height):
            return
        background = cv2.imdecode(np.frombuffer(rows[0]["png"], np.uint8), cv2.IMREAD_COLOR)
        unknown = cv2.imdecode(np.frombuffer(rows[0]["unknown_png"], np.uint8), cv2.IMREAD_GRAYSCALE)
        tolerance = Tolerance(
            floor=params.tolerance,
            noise_factor=params.noise_factor,
            far_factor=params.far_factor,
            person_share=params.person_share,
            hold_us=round(params.hold_s * 1e6),
            grow_share=params.grow_share,
        )
        self._difference = BackgroundDifference(
            np.asarray(background, np.uint8), np.asarray(unknown, np.uint8), tolerance
        )
        if "person" in params.targets:
            self.residual = BackgroundResidual(np.asarray(background, np.uint8), np.asarray(unknown, np.uint8))
        self.unknown_share = float(rows[0]["unknown_share"])
