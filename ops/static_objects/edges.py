"""The times at which things came to a place and went: by what changed there, by detections, or by two backgrounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ops.static_objects.evidence import Change, Sighting
from ops.static_objects.places import Place
from schemas.values import Float64

BORDER_US = 3_000_000
"""Distance to a segment's end up to which a change lasts to it: samples are half a second apart, windows two."""

REGION_ERROR_S = 2.0
"""Error of the time of a region's change: a window of the search for it."""

UNBROKEN_US = 30_000_000
"""Longest time without a detection over which a detected thing is the same one, whatever the light does to it."""


@dataclass(frozen=True)
class Edge:
    """When a thing came or went, and how that is known: by 'region', 'detections' or 'border'; 'unseen' if not.

    Attributes:
        error_s: how far off the time may be; None if that is not known.
    """

    time_us: int
    by: str
    error_s: float | None = None


@dataclass(frozen=True, eq=False)
class Border:
    """Where a place begins to look different: from one picture to the next.

    Attributes:
        before, after: numbers of the segments of these pictures.
        change: the region that changed within one of these segments; None if none was found.
        ended: the region that stopped looking as it did within the first one.
        between: what differs between the two pictures.
    """

    before: int
    after: int
    change: Change | None
    ended: Change | None
    between: Change | None


class Edges:
    """Finds the times of one place.

    Args:
        begins_us, ends_us: of the segments.
        place: the place.
    """

    def __init__(self, begins_us: Sequence[int], ends_us: Sequence[int], place: Place) -> None:
        self._begins = begins_us
        self._ends = ends_us
        self._place = place
        self._used: list[Change] = []

    def border(self, before: int, after: int) -> Border:
        """Returns the border between two pictures of neighbouring runs, and remembers what it uses."""
        inside = [each for each in self._place.changes if each.time_us is not None]
        lasting = [
            each for each in inside if before <= each.before <= after and (self._lasts(each) or each.before == after)
        ]
        change = max(lasting, key=lambda each: (self._lasts(each), each.contrast), default=None)
        ended = [each for each in inside if each.before == before and not self._lasts(each)]
        between = [each for each in self._place.changes if each.time_us is None and each.after == after]
        found = Border(
            before,
            after,
            change,
            max(ended, key=lambda each: each.until_us or 0, default=None),
            max(between, key=lambda each: each.contrast, default=None),
        )
        self._used += [each for each in (found.change, found.between) if each is not None]
        return found

    def unused(self) -> list[Change]:
        """Returns the changes within segments that explained nothing so far."""
        return [each for each in self._place.changes if not any(each is one for one in self._used)]

    def detected_across(self, before: int, after: int) -> bool:
        """Returns whether detections go on from one segment into another, without a longer break."""
        last = [each.last_us for each in self._place.sightings if each.segment <= before]
        first = [each.first_us for each in self._place.sightings if each.segment >= after]
        return bool(last and first and min(first) - max(last) <= UNBROKEN_US)

    def change_in_first(self, number: int) -> Change | None:
        """Returns the change before the picture of a view's first segment: in its first half, and lasting."""
        middle = (self._begins[number] + self._ends[number]) / 2
        return self._in_segment(number, lambda each: self._lasts(each) and (each.time_us or 0) < middle)

    def change_in_last(self, number: int) -> Change | None:
        """Returns the change after the picture of a view's last segment: in its second half, and lasting."""
        middle = (self._begins[number] + self._ends[number]) / 2
        return self._in_segment(number, lambda each: self._lasts(each) and (each.time_us or 0) >= middle)

    def start(self, border: Border | None, first: int, came: Change | None) -> tuple[Edge, Float64 | None, int]:
        """Returns when the thing of a run came, its box then, if known, and the number of the segment.

        Args:
            border: before the run; None for the first one.
            first: number of the run's first segment.
            came: the change within it by which it came.
        """
        change = came if border is None else border.change
        if change is not None and change.time_us is not None:
            self._used.append(change)
            return Edge(change.time_us, "region", REGION_ERROR_S), change.box, change.before
        sightings = self._place.sightings
        if border is None:
            seen = [each for each in sightings if each.segment == first]
            return Edge(self._begins[first], "unseen"), seen[0].box if seen else None, first
        near = [
            each
            for each in sightings
            if border.before <= each.segment <= first and each.last_us >= self._begins[first] - UNBROKEN_US
        ]
        if near:
            earliest = min(near, key=lambda each: each.first_us)
            return Edge(earliest.first_us, "detections"), earliest.box, earliest.segment
        box = None if border.between is None else border.between.box
        return Edge(self._begins[first], "border", self._error_s(border, self._begins[first])), box, first

    def end(self, border: Border | None, last: int, went: Change | None) -> Edge:
        """Returns when the thing of a run went; see ``start``."""
        change = went if border is None else border.change
        if change is not None and change.time_us is not None:
            self._used.append(change)
            return Edge(change.time_us, "region", REGION_ERROR_S)
        if border is None:
            return Edge(self._ends[last], "unseen")
        if border.ended is not None and border.ended.until_us is not None:
            return Edge(border.ended.until_us, "region", REGION_ERROR_S)
        near = [
            each
            for each in self._place.sightings
            if last <= each.segment <= border.after and each.first_us <= self._ends[last] + UNBROKEN_US
        ]
        if near:
            return Edge(max(each.last_us for each in near), "detections")
        return Edge(self._ends[last], "border", self._error_s(border, self._ends[last]))

    def seen_from(self, sighting: Sighting, first: int) -> Edge:
        """Returns when a thing came that only detections show; ``first`` is the view's first segment."""
        unseen = sighting.first_us <= self._begins[first] + BORDER_US
        return Edge(self._begins[first], "unseen") if unseen else Edge(sighting.first_us, "detections")

    def seen_until(self, sighting: Sighting, last: int) -> Edge:
        """Returns when a thing went that only detections show; ``last`` is the view's last segment."""
        unseen = sighting.last_us >= self._ends[last] - BORDER_US
        return Edge(self._ends[last], "unseen") if unseen else Edge(sighting.last_us, "detections")

    def _in_segment(self, number: int, fits: Callable[[Change], bool]) -> Change | None:
        inside = [each for each in self._place.changes if each.time_us is not None and each.before == number]
        return max(filter(fits, inside), key=lambda each: each.contrast, default=None)

    def _lasts(self, change: Change) -> bool:
        return change.until_us is not None and change.until_us >= self._ends[change.before] - BORDER_US

    def _error_s(self, border: Border, time_us: int) -> float:
        """Returns the distance to the middle of the farther segment: its picture shows the longer part of it."""
        middles = [(self._begins[number] + self._ends[number]) / 2 for number in (border.before, border.after)]
        return max(abs(time_us - middle) for middle in middles) / 1e6
