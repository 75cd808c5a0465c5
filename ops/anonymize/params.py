"""Parameters of ``anonymize``."""

import re
from dataclasses import dataclass, field
from typing import Literal

from ops.anonymize.cover.modes import PaintOptions
from schemas.anonymity import TARGETS, ModeName, TargetName

PEOPLE: frozenset[TargetName] = frozenset({"person", "head"})
"""Targets that are people, or parts of them."""


@dataclass(frozen=True)
class AnonymizeParams:
    """Parameters of ``anonymize``."""

    mode: ModeName = field(
        default="silhouette",
        metadata={
            "doc": "how people are covered; docs/privacy.md says what each mode withstands, and what it does not"
        },
    )
    targets: tuple[TargetName, ...] = field(
        default=("person",),
        metadata={"doc": "what is covered; other things than people and heads need weights that know them"},
    )
    min_confidence: float = field(
        default=0.1, metadata={"doc": "detections that no track holds are covered from this score on, 0..1"}
    )
    pad_share: float = field(default=0.15, metadata={"doc": "padding on every side, as a share of the box's size"})
    pad_px: float = field(default=4.0, metadata={"doc": "padding on every side, at least, pixels"})
    extend_s: float = field(
        default=0.5, metadata={"doc": "a track is covered for so long before its first and after its last point"}
    )
    linger_s: float = field(
        default=5.0,
        metadata={
            "doc": "where a background tells people from background, they may be near a track's ends for so long"
        },
    )
    bridge_s: float = field(
        default=20.0, metadata={"doc": "a track that starts where another ended is joined to it over so long a gap"}
    )
    max_unobserved_s: float = field(
        default=2.0,
        metadata={"doc": "a frame farther than this from any that the detector looked at is not vouched for"},
    )
    use_background: bool = field(
        default=True, metadata={"doc": "on fixed cameras, compare frames with the segment's background"}
    )
    min_background_samples: int = field(
        default=8, metadata={"doc": "a background of fewer frames than this vouches for no pixel, so it is not used"}
    )
    tolerance: float = field(
        default=12.0, metadata={"doc": "grey levels by which background may differ from the background, beside noise"}
    )
    noise_factor: float = field(
        default=2.0,
        metadata={"doc": "so many times the frame's median difference to the background is tolerated as well"},
    )
    far_factor: float = field(
        default=2.0, metadata={"doc": "outside people's boxes the tolerance is so many times larger"}
    )
    person_share: float = field(
        default=0.001,
        metadata={"doc": "outside people's boxes, regions that differ are covered from this share of the frame on"},
    )
    hold_s: float = field(default=0.4, metadata={"doc": "such a region stays covered for so long"})
    grow_share: float = field(
        default=0.0235,
        metadata={"doc": "what differs from the background is grown on every side by this share of the frame's width"},
    )
    colour: str = field(default="#64748b", metadata={"doc": "colour of what is covered, #rrggbb"})
    colour_by: Literal["none", "track"] = field(
        default="none",
        metadata={"doc": "track: a colour for each track of a segment, of a palette; one can then be followed by eye"},
    )
    block_px: int = field(default=16, metadata={"doc": "pixelate: size of a block at least; large people get larger"})
    blur_px: float = field(default=8.0, metadata={"doc": "blur: standard deviation at least; large people get larger"})
    verify_fps: float = field(
        default=1.0, metadata={"doc": "so many encoded frames a second are shown to the second detectors; 0: none"}
    )
    verify_model: str = field(
        default="auto",
        metadata={"doc": "second detector; 'auto': other weights than detect's, if at hand, else 'hog'; 'none': none"},
    )
    face_model: str = field(
        default="auto", metadata={"doc": "face detector that looks as well; 'auto': one at hand, if any; 'none': none"}
    )
    pose_model: str = field(
        default="auto", metadata={"doc": "skeleton: weights that find poses; 'auto': those at hand"}
    )
    chunk_s: float = field(
        default=4.0, metadata={"doc": "so much is encoded, looked at and mended at a time; also the group of pictures"}
    )
    max_whole_share: float = field(
        default=0.2,
        metadata={
            "doc": "a segment is not published if somebody could be seen in a larger share of its frames, 0..1, "
            "until they were covered whole"
        },
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.colour):
            raise ValueError(f"colour must be #rrggbb, got {self.colour!r}")
        if self.block_px < 2:
            raise ValueError(f"block_px must be 2 at least, got {self.block_px}")
        if not self.targets:
            raise ValueError("targets must name one at least; to publish no covered copy, skip the op")
        if self.chunk_s <= 0:
            raise ValueError(f"chunk_s must be more than 0, got {self.chunk_s}")

    @property
    def paint_options(self) -> PaintOptions:
        """How painters paint; colours as blue, green, red."""
        red, green, blue = bytes.fromhex(self.colour[1:])
        return PaintOptions((blue, green, red), self.colour_by, self.block_px, self.blur_px)

    @property
    def labels(self) -> frozenset[str]:
        """What detectors call that which is covered."""
        return frozenset(label for target in self.targets for label in TARGETS[target])
