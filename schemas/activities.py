"""Interactions as NIST's ActEV counts them: activities with an id in ranges of frames of one file."""

from collections.abc import Mapping
from dataclasses import dataclass

FrameRange = tuple[int, int]
"""First frame, and the frame after the last one."""


@dataclass(frozen=True)
class ActivityInstance:
    """One interaction in one file: truth, or what a system found.

    Attributes:
        activity: its name; for Nightshift a verb.
        file: name of the footage.
        frames: ranges that it covers, rising and apart.
        identity: its id in its file of activities.
        confidence: of the system, higher for surer ones; truth has 1.
    """

    activity: str
    file: str
    frames: tuple[FrameRange, ...]
    identity: int
    confidence: float = 1.0

    @classmethod
    def of(
        cls, activity: str, file: str, start: int, end: int, identity: int, confidence: float = 1.0
    ) -> "ActivityInstance":
        """Builds an instance from frame ``start`` to the one before ``end``."""
        return cls(activity, file, ((start, end),), identity, confidence)

    @property
    def length(self) -> int:
        """Number of frames."""
        return length(self.frames)


@dataclass(frozen=True)
class ActivityFile:
    """One file of a file index.

    Attributes:
        frame_rate: frames per second.
        selected: ranges of frames that count, rising and apart; what is not wholly inside is not scored.
    """

    frame_rate: float
    selected: tuple[FrameRange, ...]

    @property
    def length(self) -> int:
        """Number of frames that count."""
        return length(self.selected)


@dataclass(frozen=True)
class ActivityLabels:
    """The content of a reference or of a system output: the files that it is about, and what happens in them."""

    files: tuple[str, ...]
    instances: tuple[ActivityInstance, ...]


FileIndex = Mapping[str, ActivityFile]
"""Files to score, by name."""


def length(ranges: tuple[FrameRange, ...]) -> int:
    """Returns the number of frames in ranges that are apart."""
    return sum(end - start for start, end in ranges)


def shared_length(ranges: tuple[FrameRange, ...], others: tuple[FrameRange, ...]) -> int:
    """Returns the number of frames that both have."""
    return sum(
        max(0, min(end, other_end) - max(start, other_start))
        for start, end in ranges
        for other_start, other_end in others
    )
