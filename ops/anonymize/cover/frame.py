"""Covers the frames of a segment one by one, mode by mode, before anything is encoded.

A box is *padded* by ``pad_share`` of its size, and by ``pad_px`` at least. The background *vouches* for a pixel that it
knows and that the frame shows unchanged, but for noise, light drift, camera shake and the background's own edges
(``ops/anonymize/locate/difference.py``). On a fixed camera, in a frame that can be compared with its background, three
things are covered:

1. every person who surely is there, or may be there and is seen in part, whatever the pixels are, so that a person
   behind a sign or dressed like the wall is covered too. ``solid``, ``pixelate`` and ``blur`` cover all of the padded
   box; other modes the core of the box and the padded head zone;
2. in padded boxes every pixel that the background does not vouch for, and beside them what clearly differs;
3. anywhere, every region of a person's size that clearly differs from the background or that the background does not
   know, and for ``hold_s`` where it was: people whom the detector missed. Where a network can judge what is neither a
   person nor moves as one (``ops/anonymize/locate/region_judge.py``), such regions stay visible: cars, leaves, shadows.

On a fixed camera without such a background, the core and the head zone of everybody who is or may be there are covered;
on any other camera, in a frame that cannot be compared, and for other targets than ``person``, all of every padded box;
where people were found by motion alone and a frame cannot be compared, all of the frame. In ``silhouette``,
where there is no such background and a network cuts a person out in a way that can be trusted
(``ops/anonymize/cover/outlines.py``), the outline takes the place of the core or of the box; the head zone stays.
Privacy masks are covered flat in every frame. ``pixelate`` and ``blur`` keep means of the original pixels, other modes
nothing.

``replace`` paints all of the frame: a plain colour, and some of the cover (``replaced.py``).
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import pyarrow.compute as pc

from ops.anonymize.cover.modes import Scene, flat_colours, open_painter, plain_ground
from ops.anonymize.cover.outlines import OutlineCover
from ops.anonymize.cover.paint import paint_flat
from ops.anonymize.cover.replaced import silhouettes
from ops.anonymize.cover.skeleton import PoseFinder
from ops.anonymize.cover.still import StillView
from ops.anonymize.frame_coverage import FrameCoverage, pack_mask
from ops.anonymize.geometry import (
    checked_head_zones,
    close_gaps,
    cover_bodies,
    cover_boxes,
    covered_head_zones,
    covered_shares,
    static_mask,
)
from ops.anonymize.locate.background import SegmentBackground
from ops.anonymize.locate.difference import BackgroundDifference, FrameComparison
from ops.anonymize.locate.person_heights import learn_heights, least_height
from ops.anonymize.locate.presence import gather_presence
from ops.anonymize.locate.region_judge import REMEMBERED_US, RegionJudge, Score
from ops.anonymize.locate.spans import NOBODY
from ops.anonymize.params import AnonymizeParams
from ops.anonymize.verify.residual import BackgroundResidual
from ops.boxes import pad
from ops.detect.changes import ENCODED_LIMIT, LIMIT
from schemas.anonymity import MODES
from schemas.op import Tables
from schemas.values import Float64, Int64, Uint8, UnitContext

HEAD_PAD = 0.65
"""Padding of checked head zones before they are covered, on every side, as a share of their size."""

HEAD_PAD_PX = 8.0
"""Least padding of head zones, pixels: the encoder blends the outermost two with what is beside them. Measured-real on
PETS 1-400 with yolo11n, encoded: 4 leaves 10 of 2,222 heads strictly bare at 2.43 times the area of the true boxes, 6
leaves 3 at 2.46, 8 none at 2.60."""

CORE_PAD = 0.06
"""Padding of bodies in modes that cover bodies: boxes are too tight as often as too wide. Measured-real with
``HEAD_PAD`` on TUD-Campus, whose background is too short to vouch: .05 and .5 leave 1 head of 182 strictly bare at 1.40
times the area of the true boxes, .06 and .65 none at 1.50, .08 and .8 none at 1.66."""

GAP_SHARE = 0.04
"""Width of a gap in the cover that is closed, as a share of the frame's width: people whom others hide in part
are in gaps. Measured-real on PETS 1-400, before encoding: at .019 5 of 1,112 heads are strictly bare, all beside the
sign, at 2.37 times the area of the true boxes; at .04 none of 2,222, at 2.46 times."""

OCCUPIED = 0.2
"""Foreground share above which an uncertain box counts as occupied: the rest of the person is behind something."""

WHOLE_BOXES = frozenset({"solid", "pixelate", "blur"})
"""Modes that cover boxes, not bodies."""

MaskHook = Callable[[Uint8, Float64, int], Uint8]
"""Maps a frame's mask ``(H, W)``, its people's boxes ``(M, 4)`` and its time to the mask that is used."""


class FrameAnonymizer:
    """Covers the frames of one segment, in order of time.

    Args:
        background: of the segment; None if none can vouch.
        pose: finds poses, for ``skeleton``.
        mask_hook: changes masks before they are painted, so that a test can plant leaks. People whose head it uncovers
            are forgotten, as if they had never been found.
        score: judges regions in which nobody was found; None: all of a person's size are covered.
        outlines: covers people's outlines where they can be trusted and no background vouches; None: bodies or boxes.

    Attributes:
        tracklets: ids of the tracklets that ``FrameCoverage.owners`` are indices of.
        residual: compares encoded frames with the background; None where no background can vouch.
        unknown_share: share of pixels that the background does not know, 0..1; None without a background.
    """

    def __init__(
        self,
        params: AnonymizeParams,
        unit: UnitContext,
        inputs: Tables,
        background: SegmentBackground | None,
        pose: PoseFinder | None,
        mask_hook: MaskHook | None = None,
        score: Score | None = None,
        outlines: OutlineCover | None = None,
    ) -> None:
        self._params = params
        self._replaces = params.mode == "replace"
        self._camera = unit.camera
        self._paint_scene = open_painter(params, pose)
        self._flat = np.array(flat_colours(params), np.uint8).reshape(-1, 3)
        self._mask_hook = mask_hook
        self._still = StillView(params.hold_s)
        self._static: Uint8 | None = None
        self._presence = gather_presence(params, unit, inputs, linger=background is not None)
        self._difference: BackgroundDifference | None = None
        self.residual: BackgroundResidual | None = None
        self.unknown_share: float | None = None
        self._unknown = None if background is None else background.unknown
        if background is not None:
            self._difference = BackgroundDifference(background.picture, background.unknown, params)
            # Of people whose head alone is covered, the rest always differs; of a replaced scene nothing is left.
            if "person" in params.targets and not self._replaces:
                smallest_px = least_height(self._presence.people)
                self.residual = BackgroundResidual(background.picture, background.unknown, smallest_px)
            self.unknown_share = background.unknown_share
        self.tracklets = self._presence.tracklets
        self._motion_only = bool(pc.any(pc.equal(inputs["observed_frames"]["source"], "motion")).as_py())
        # Boxes of motion hold people loosely, so what differs beyond them is theirs, too.
        self._score = None if self._motion_only else score
        self._outlines = None if self._motion_only else outlines
        self._heights = learn_heights(self._presence.people)
        self._judge = self.new_judge()

    def new_judge(self, encoded: bool = False) -> RegionJudge | None:
        """Returns a judge of regions in which nobody was found, of filmed or encoded frames; None to cover them all."""
        if self._score is None:
            return None
        # In encoded frames no verdict holds where anything changed: a person may step into what was empty before.
        remembered_us, limit = (0, ENCODED_LIMIT) if encoded else (REMEMBERED_US, LIMIT)
        return RegionJudge(self._score, self._presence.vehicles, self._heights, self._unknown, remembered_us, limit)

    def may_repeat(self, frame: Uint8, time_us: int) -> bool:
        """Returns whether a frame may repeat the one before it: nobody was found in either, and nothing changed.

        Args:
            frame: ``(H, W, 3)`` BGR, decoded.
            time_us: of the frame; the one before it was covered, or repeats one that was.
        """
        if not self._params.repeat_unchanged or not self._still.shows(frame):
            return False
        return not any(len(spans.at(time_us).boxes) for spans in (self._presence.people, self._presence.things))

    def cover(self, frame: Uint8, pts: int, time_us: int, lost: bool = False) -> tuple[Uint8, FrameCoverage]:
        """Returns a covered copy of a frame ``(H, W, 3)`` BGR, and the record of what is covered in it.

        Args:
            pts, time_us: of the frame; microseconds since 1970.
            lost: the frame could not be decoded, so all of it is covered.
        """
        frame = np.ascontiguousarray(frame).copy()
        # What the cover must look like: the flat colours, or the covered frame in modes that have none.
        painted, width_px = self._flat if len(self._flat) else frame, frame.shape[1]
        if lost:
            self._still.forget()
            frame[:] = self._params.bgr
            mask, nobody = np.full(frame.shape[:2], 255, np.uint8), np.empty(0, np.int64)
            return frame, FrameCoverage(
                pts,
                time_us,
                width_px,
                pack_mask(mask),
                painted,
                np.empty((0, 4)),
                nobody,
                False,
                whole=True,
                lost=True,
                replaces=self._replaces,
            )
        people, things = self._presence.people.at(time_us), self._presence.things.at(time_us)
        # Two spans of a track meet at each of its points: one box is enough.
        _, once = np.unique(np.column_stack([people.boxes, people.owner, ~people.sure]), axis=0, return_index=True)
        once = np.sort(once[people.sure[once]])
        sure, owners = people.boxes[once], people.owner[once]
        # A person who surely is in one place is not also where their track may continue.
        elsewhere = people.sure | (np.isin(people.owner, owners) & (people.owner != NOBODY))
        uncertain = people.boxes[~elsewhere]

        # The comparison needs the original pixels, so it comes before anything is painted.
        comparison = self._compare(frame, time_us)
        comparable = comparison is not None and comparison.comparable
        mask, differs = self._people_mask(frame, people.boxes, sure, uncertain, comparison, time_us)
        cover_boxes(mask, pad(things.boxes, self._params.pad_share, self._params.pad_px))
        # Motion alone finds nobody in a frame that cannot be compared, so people may be anywhere in it.
        whole = self._motion_only and not comparable
        if whole:
            mask[:] = 255
        # What differs from the background and is nobody who was found stays covered in what repeats this frame.
        if whole or len(people.boxes) or len(things.boxes):
            self._still.forget()
        else:
            self._still.remember(frame, time_us, bool(mask.any()))
        if self._mask_hook is not None:
            mask = self._mask_hook(mask, people.boxes, time_us)
            kept = covered_shares(mask, checked_head_zones(sure)) >= 1.0
            sure, owners = sure[kept], owners[kept]
        if self._replaces and not whole:
            mask = silhouettes(mask, sure[owners != NOBODY], differs)

        shows_background = self._paint(
            frame, mask, np.concatenate([people.boxes, things.boxes]), people.owner, comparison
        )
        if self._params.mode == "tracks-only":  # it shows nothing of the frame, so there is no head to check
            mask[:] = 255
            sure, owners = sure[:0], owners[:0]
        if self._replaces:
            mask[:] = 255
        shown = mask.copy() if shows_background else None
        # Privacy masks come last, so that no painter draws over them.
        static = self._static_mask(frame)
        if static is not None:
            cv2.bitwise_or(mask, static, mask)
            # In a replaced scene another colour would show where the masks are.
            paint_flat(frame, static, plain_ground(self._params.bgr) if self._replaces else self._params.bgr)
            if shown is not None:
                shown[static > 0] = 0
        return frame, FrameCoverage(
            pts,
            time_us,
            width_px,
            pack_mask(mask),
            painted,
            sure,
            owners,
            comparable,
            whole,
            shown=None if shown is None else pack_mask(shown),
            drawn=people.boxes if self._params.mode == "skeleton" else None,
            dismisses=not self._replaces
            and self._judge is not None
            and comparison is not None
            and self._judge.dismisses,
            replaces=self._replaces,
        )

    def _people_mask(
        self,
        frame: Uint8,
        boxes: Float64,
        sure: Float64,
        uncertain: Float64,
        comparison: FrameComparison | None,
        time_us: int,
    ) -> tuple[Uint8, Uint8 | None]:
        """Returns 255 where people are or may be (the top of this file says how), and where the background tells it.

        Args:
            boxes: all of them: ``sure`` those that are occupied, ``uncertain`` those of people who may be there.
        """
        share, least_px = self._params.pad_share, self._params.pad_px
        mask = np.zeros(frame.shape[:2], np.uint8)
        if "person" not in self._params.targets:
            cover_boxes(mask, pad(covered_head_zones(boxes), share, least_px))
            return mask, None
        generous = pad(boxes, share, least_px)
        whole_boxes = self._params.mode in WHOLE_BOXES
        bodies = differs = None
        if self._difference is None or comparison is None:
            # Between two frames that were looked at, a view that moves takes people out of their boxes.
            sure, likely = np.concatenate([sure, boxes]), len(sure)
            whole_boxes |= self._motion_only or not self._camera.fixed
            if self._outlines is not None:
                bodies = sure[~self._outlines.add(mask, frame, sure, likely, time_us)]
        else:
            judge = None
            if self._judge is not None:
                self._judge.dismisses = False
                judge = partial(self._judge.people, frame, time_us=time_us)
            mask = self._difference.people_mask(comparison, generous, judge)
            differs = mask.copy()
            # Where a part of an uncertain box is foreground, the person is there, and the rest is hidden or looks like
            # the background: all of the box is treated as a sure one.
            occupied = uncertain[covered_shares(mask, uncertain) >= OCCUPIED]
            sure = np.unique(np.concatenate([sure, occupied]), axis=0)
        bodies = sure if bodies is None else bodies
        if whole_boxes:
            cover_boxes(mask, pad(bodies, share, least_px))
        else:
            cover_bodies(mask, pad(bodies, CORE_PAD, 0.0))
        # The head is what identifies people, so its zone never depends on what the pixels show.
        cover_boxes(mask, pad(checked_head_zones(sure), HEAD_PAD, max(least_px, HEAD_PAD_PX)))
        # A gap between two people is where a third one is hidden in part.
        return close_gaps(mask, _gap_disc(frame.shape[1])), differs

    def _paint(
        self, frame: Uint8, mask: Uint8, boxes: Float64, owners: Int64, comparison: FrameComparison | None
    ) -> bool:
        """Paints the mode on the frame, and returns whether it shows the background there.

        ``owners`` are those of the first of the boxes, the others have none.
        """
        tracks = np.concatenate([owners, np.full(len(boxes) - len(owners), NOBODY, np.int64)])
        background = None
        if MODES[self._params.mode].needs_background and self._difference is not None and comparison is not None:
            background = self._difference.background_for(comparison)
        self._paint_scene(frame, Scene(mask, boxes, tracks, background))
        return background is not None

    def _compare(self, frame: Uint8, time_us: int) -> FrameComparison | None:
        if self._difference is None or self._difference.size_px != (frame.shape[1], frame.shape[0]):
            return None
        return self._difference.compare(frame, time_us)

    def _static_mask(self, frame: Uint8) -> Uint8 | None:
        """Returns the mask of the camera's privacy masks, if it has any."""
        if self._static is None and self._camera.privacy_masks:
            size_px = (frame.shape[1], frame.shape[0])
            self._static = static_mask(self._camera.privacy_masks, self._camera.image_size_px, size_px)
        return self._static


def _gap_disc(width_px: int) -> Uint8:
    size = 2 * round(GAP_SHARE * width_px / 2) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
