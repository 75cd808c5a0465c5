"""What the footage of a run cost: speed, share of each stage, and how much of it the decoder alone would have taken."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

DECODE = "decode"
"""Stage in which frames are decoded, and converted to colour."""


@dataclass(frozen=True)
class RunCost:
    """The cost of a run. What a run has nothing to say of is None; fields are columns of the table ``runs``.

    All seconds are elapsed ones, waiting included, and footage is counted once however many ops worked on it.

    Attributes:
        video_hours_per_hour: hours of footage per hour of the run, planning and the start of workers included.
        video_hours_per_core_hour: the same, divided by the cores that its workers could use.
        times_decode: seconds of all stages per second of decoding: 1 would be as fast as the decoder.
        held_share: share, 0..1, of the frames that detect observed of which nothing was looked at again.
        stage_share: share of each stage in the seconds of all stages, 0..1, largest first.
    """

    video_hours_per_hour: float | None = None
    video_hours_per_core_hour: float | None = None
    times_decode: float | None = None
    held_share: float | None = None
    stage_share: Mapping[str, float] = field(default_factory=dict)

    def as_columns(self) -> dict[str, object]:
        """Returns the values by column."""
        return asdict(self)


def run_cost(
    media_s: float,
    wall_s: float | None,
    cores: int,
    stage_s: Mapping[str, float],
    frames_observed: int,
    frames_held: int,
) -> RunCost:
    """Returns the cost of a run from what its record says.

    Args:
        media_s: length of its footage, seconds.
        wall_s: how long it took, seconds; None if it has no end.
        cores: cores that its workers could use; 0 if unknown.
        stage_s: seconds by stage, summed over workers.
        frames_observed: frames that detect's network looked at or held.
        frames_held: those among them that it did not look at.
    """
    work_s = sum(stage_s.values())
    hours = media_s / wall_s if media_s > 0 and wall_s else None
    largest_first = sorted(stage_s.items(), key=lambda stage: (-stage[1], stage[0]))
    return RunCost(
        video_hours_per_hour=hours,
        video_hours_per_core_hour=hours / cores if hours and cores else None,
        times_decode=work_s / stage_s[DECODE] if stage_s.get(DECODE) else None,
        held_share=frames_held / frames_observed if frames_observed else None,
        stage_share={stage: seconds / work_s for stage, seconds in largest_first} if work_s else {},
    )
