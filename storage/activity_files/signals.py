"""Signals of NIST's JSON: ``{"120": 1, "310": 0}`` holds from frame 120 to 309."""

from collections.abc import Mapping

from schemas.activities import FrameRange


def frame_ranges(signal: Mapping[int, int]) -> tuple[FrameRange, ...]:
    """Returns the ranges of frames in which a signal is 1, rising and apart.

    Raises:
        ValueError: it has another value than 0 and 1, never is 1, or does not end.
    """
    ranges: list[FrameRange] = []
    start: int | None = None
    for frame, value in sorted(signal.items()):
        if value not in (0, 1):
            raise ValueError(f"frame {frame} has {value}; only 1 (from here on) and 0 (no longer) are possible")
        if value and start is None:
            start = frame
        elif not value and start is not None:
            ranges.append((start, frame))
            start = None
    if start is not None:
        raise ValueError(f'frame {start} begins what does not end; add the first frame after it, as "{start + 100}": 0')
    if not ranges:
        raise ValueError("no frame is in it; write the first frame with 1 and the first one after it with 0")
    return tuple(ranges)


def signal_of(ranges: tuple[FrameRange, ...]) -> dict[str, int]:
    """Returns ranges of frames as a signal."""
    return {str(frame): value for start, end in ranges for frame, value in ((start, 1), (end, 0))}
