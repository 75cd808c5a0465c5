"""Widens momentary interactions, which no protocol could match: they cover a frame or two."""

from dataclasses import replace

from schemas.activities import ActivityFile, ActivityInstance


def widened(instance: ActivityInstance, least: int, file: ActivityFile) -> ActivityInstance:
    """Returns an instance of at least some frames, around its middle but within the selected frames around it.

    Args:
        least: number of frames; longer instances, and those in several ranges, stay as they are.
        file: that it is in.
    """
    if instance.length >= least or len(instance.frames) > 1:
        return instance
    [(start, end)] = instance.frames
    around = [(low, high) for low, high in file.selected if low <= start and end <= high]
    if not around:
        return instance
    [(low, high)] = around
    first = max(low, min(start - (least - (end - start)) // 2, high - least))
    return replace(instance, frames=((first, min(high, first + least)),))
