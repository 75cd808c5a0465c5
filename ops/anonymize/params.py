"""Parameters of ``anonymize``."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.anonymity import ModeName, TargetName
from schemas.op import param

PEOPLE: frozenset[TargetName] = frozenset({"person", "head"})
"""Targets that are people, or part of them."""


@dataclass(frozen=True)
class AnonymizeParams:
    """Parameters of ``anonymize``."""

    mode: ModeName = param(
        "silhouette", "how people are covered; docs/privacy.md says what each mode withstands, and what it does not"
    )
    targets: tuple[TargetName, ...] = param(
        ("person",), "what is covered; anything but people and heads needs weights that know it"
    )
    occupant_min_height_px: float = param(
        60.0, "vehicle-occupants: least height of a vehicle, pixels; 60 are 40 px/m of a car of 1.5 m"
    )
    min_confidence: float = param(0.1, "least score, 0..1, of a detection without a track that is covered")
    pad_share: float = param(0.1, "padding of boxes on every side, share of their size")
    pad_px: float = param(2.0, "least padding of boxes on every side, pixels")
    extend_s: float = param(0.5, "a track is covered for these seconds before its first and after its last point")
    linger_s: float = param(5.0, "seconds for which people may stay near a track's ends; needs a background")
    bridge_s: float = param(20.0, "longest gap, seconds, to a track that starts where another ended and continues it")
    max_unobserved_s: float = param(
        2.0, "longest time from a frame to one that the detector observed, seconds; else refused"
    )
    max_unobserved_frames: int = param(
        12, "most steps from a frame to one that the detector observed, in frames; else refused"
    )
    two_detectors: bool = param(
        True, "where no background vouches and a network finds people, refuse footage that no second network looked at"
    )
    use_background: bool = param(True, "on fixed cameras, compare frames with the segment's background")
    min_background_samples: int = param(8, "least number of frames in a background; with fewer, it is not used")
    min_background_s: float = param(
        30.0, "least time that a background spans, seconds: people who stand still for less are not part of it"
    )
    tolerance: float = param(12.0, "grey levels by which the background may differ from a frame, beside noise")
    noise_factor: float = param(2.0, "multiple of the frame's median difference that is tolerated besides")
    far_factor: float = param(2.0, "factor by which the tolerance is larger outside people's boxes")
    person_share: float = param(
        0.001, "least share of the frame of a differing region that is covered outside people's boxes"
    )
    hold_s: float = param(0.4, "time for which such a region stays covered, seconds")
    grow_share: float = param(0.0235, "growth of what differs, on every side, share of the frame's width")
    colour: str = param("#64748b", "colour of flat areas, limbs and outlines, #rrggbb")
    colour_by: Literal["none", "track"] = param(
        "none", "none: one colour for all; track: a colour per track of a segment, which links its frames"
    )
    block_px: int = param(16, "pixelate: least size of a block, pixels; larger for large people")
    blur_px: float = param(8.0, "blur: least standard deviation, pixels; larger for large people")
    verify_fps: float = param(
        1.0, "encoded frames per second that the second detectors check; all where no background vouches; 0: none"
    )
    verify_model: str = param(
        "auto", "second detector; 'auto': other weights than detect's, if installed, else 'hog'; or 'none'"
    )
    face_model: str = param(
        "auto", "face detector that verifies as well; 'auto': one that is installed, if any; or 'none'"
    )
    pose_model: str = param("auto", "skeleton: weights that find poses; 'auto': those that are installed")
    mask_model: str = param(
        "auto",
        "silhouette, replace: weights that cut people out where no background vouches, or that give depth; 'auto': "
        "those installed that cut people out, if any; or 'none'",
    )
    mask_depth_threshold: float = param(
        0.0,
        "mask_model for depth: how much nearer than the scene beside them people are, in metres, or, if its depth is "
        "not metric, as a share of a frame's depth range; 0: Otsu's threshold",
    )
    mask_every: int = param(
        1,
        "those weights look at each person once in so many frames; in between, masks are carried by optical flow "
        "where it can tell",
    )
    repeat_unchanged: bool = param(
        True,
        "show a frame in which nobody was found and nothing changed as a repeat of the one before it; false: as filmed",
    )
    chunk_s: float = param(4.0, "seconds that are encoded and verified at a time; also the group of pictures")
    max_whole_share: float = param(
        0.2, "largest share of frames, 0..1, covered whole since people stayed visible; else refused"
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.colour):
            raise ValueError(f"colour must be #rrggbb, got {self.colour!r}")
        if self.block_px < 2:
            raise ValueError(f"block_px must be at least 2, got {self.block_px}")
        if not 0 <= self.mask_depth_threshold < np.inf:
            raise ValueError(f"mask_depth_threshold must be 0 or more, got {self.mask_depth_threshold}")
        if self.mask_every < 1:
            raise ValueError(f"mask_every must be at least 1, got {self.mask_every}")
        if not self.targets:
            raise ValueError("targets must name at least one; to publish no covered copy, skip the op")
        if self.mode == "replace" and "person" not in self.targets:
            raise ValueError("mode 'replace' shows people and nothing else: add 'person' to targets")
        if self.chunk_s <= 0:
            raise ValueError(f"chunk_s must be more than 0, got {self.chunk_s}")

    @property
    def bgr(self) -> tuple[int, int, int]:
        """Returns the colour of flat areas as blue, green, red."""
        red, green, blue = bytes.fromhex(self.colour[1:])
        return blue, green, red
