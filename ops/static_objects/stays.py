"""When things at a place came and went: from how the place looks over time, what changed there, what was detected."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ops.static_objects.edges import BORDER_US, REGION_ERROR_S, UNBROKEN_US, Border, Edge, Edges
from ops.static_objects.evidence import Change, Sighting, box_of
from ops.static_objects.places import Place
from ops.static_objects.states import PlaceStates, Run
from ops.static_objects.views import SameView, SegmentSpan
from schemas.values import Float64

IS_THING, CAME, WENT = 0.5, 0.45, 0.55
"""Least likeness to a thing, see ``Stay.confidence``, from which what no detector names is one: between two changes,
after the only one, and before the only one. Where both sides are as likely, something came: that must not be missed."""

RETURNED = 0.15
"""What is added to it where a place looks the same before and after: then what was there in between is the thing."""

FILLS_US = 2_500_000
"""Time at a segment's ends without a detection up to which a thing was there in all of it: no sample is without it."""

LEAST_PICTURES, LEAST_SHOWN_US = 2, 20_000_000
"""Pictures that show what no detector names and no segment saw come or go; the last one may be alone, if its segment is
longer than people stand still."""

RESTLESS_SHARE, RESTLESS_RUNS = 0.3, 5
"""Share of a place's pictures that begin another look of it, and number of its looks, from which what no detector names
is none: a screen, or a tree."""


@dataclass(frozen=True, eq=False)
class Stay:
    """A thing at one place, from when it came to when it went.

    Attributes:
        segment: number of the segment that its id is named after.
        start, end: when it came and went; where that was not seen, the first and last time at which it was there.
        named_box: box at its start, that its id is named after; pixels of the view, as ``box``.
        box: ``(4,)``.
        shown: numbers of the segments whose background shows it.
        sightings: detections of it.
        contrast: to the ground without it, grey levels; None if that was never seen.
        confidence: of a named thing, the mean score of its detections; else how much the place looks like a thing with
            it, against without it, by the edges along its outline and by its colours.
        whole: whether all of it was compared in its segment: it came and went there.
    """

    segment: int
    start: Edge
    end: Edge
    named_box: Float64
    box: Float64
    shown: frozenset[int]
    sightings: tuple[Sighting, ...]
    contrast: float | None
    confidence: float
    whole: bool = False

    @property
    def label(self) -> str | None:
        """Returns what most looks of detectors name it; None if none does."""
        looks: Counter[str] = Counter()
        for sighting in self.sightings:
            looks[sighting.label] += sighting.looks
        return min(looks, key=lambda label: (-looks[label], label)) if looks else None


@dataclass(frozen=True, eq=False)
class _Phase:
    """A time in which a thing is at the place."""

    start: Edge
    end: Edge
    segment: int
    named_box: Float64
    shown: frozenset[int] = frozenset()
    confidence: float = 0.0
    whole: bool = False

    def meets(self, first_us: int, last_us: int, margin_us: int = 0) -> bool:
        return first_us <= self.end.time_us + margin_us and last_us >= self.start.time_us - margin_us


class PlaceStays:
    """Finds the stays at one place of a view.

    Args:
        view: the view.
        segments: of the camera, by time.
        place: the place.
        other_light: segments before which the light of the whole view changed.
    """

    def __init__(self, view: SameView, segments: Sequence[SegmentSpan], place: Place, other_light: set[int]) -> None:
        self._view = view
        self._place = place
        self._begins = [segment.start_us for segment in segments]
        self._ends = [segment.end_us for segment in segments]
        self._edges = Edges(self._begins, self._ends, place)
        self._mask = place.mask(view.size_px)
        self._states = PlaceStates(view, self._mask, place.contrast, other_light)

    def find(self) -> list[Stay]:
        """Returns the stays, in order of time."""
        runs = self._unbroken(self._states.runs())
        borders = [self._edges.border(one.numbers[-1], other.numbers[0]) for one, other in pairwise(runs)]
        named = [self._is_named(run) for run in runs]
        found = [self._phase_of_run(runs, borders, named, number) for number in range(len(runs))]
        phases = [phase for phase in found if phase is not None]
        for change in self._edges.unused():
            phase = self._phase_of_change(runs, change)
            if phase is not None and not any(each.meets(phase.start.time_us, phase.end.time_us) for each in phases):
                phases.append(phase)
        phases += self._detected_only(phases)
        return [self._stay(phase) for phase in sorted(phases, key=lambda each: each.start.time_us)]

    def _unbroken(self, runs: list[Run]) -> list[Run]:
        """Returns runs, joined where a detector followed one thing across a change of its looks."""
        joined: list[Run] = []
        for run in runs:
            before = joined[-1] if joined else None
            if (
                before is not None
                and self._is_named(before)
                and self._is_named(run)
                and self._edges.detected_across(before.numbers[-1], run.numbers[0])
            ):
                joined[-1] = Run(before.numbers + run.numbers, before.first, run.last)
            else:
                joined.append(run)
        return joined

    def _is_named(self, run: Run) -> bool:
        """Returns whether detections show that the pictures of a run show a thing.

        At a run's ends a thing may come or go: then the picture is that of the longer part without it.
        """
        inside = set(run.numbers) - {run.numbers[0], run.numbers[-1]}
        return any(
            sighting.segment in inside
            or (
                sighting.segment in run.numbers
                and sighting.first_us <= self._begins[sighting.segment] + FILLS_US
                and sighting.last_us >= self._ends[sighting.segment] - FILLS_US
            )
            for sighting in self._place.sightings
        )

    def _phase_of_run(self, runs: list[Run], borders: list[Border], named: list[bool], number: int) -> _Phase | None:
        """Returns the phase of a run that shows a thing; None if it shows the ground without it."""
        run = runs[number]
        first, last = run.numbers[0], run.numbers[-1]
        before = borders[number - 1] if number else None
        after = borders[number] if number < len(borders) else None
        came = self._edges.change_in_first(first) if before is None else None
        went = self._edges.change_in_last(last) if after is None else None
        score = 1.0
        if not named[number]:
            beside = named[max(0, number - 1) : number] + named[number + 1 : number + 2]
            votes = self._votes(runs, before, after, number)
            votes += [came.appeared] if came is not None else []
            votes += [1 - went.appeared] if went is not None else []
            exact = any(border is not None and border.change is not None for border in (before, after))
            if any(beside) or not votes or not self._states.keeps_outline(run):
                return None
            exact = exact or came is not None or went is not None
            if not (exact or self._is_sure(run, after is None)) or self._is_restless(runs):
                return None
            score = sum(votes) / len(votes) + self._returned(runs, number)
            arrived, departed = before is not None or came is not None, after is not None or went is not None
            if score < (IS_THING if arrived and departed else CAME if arrived else WENT):
                return None
        came = came if came is not None and came.appeared >= CAME else None
        went = went if went is not None and went.appeared < CAME else None
        start, named_box, segment = self._edges.start(before, first, came)
        end = self._edges.end(after, last, went)
        if end.time_us <= start.time_us:
            return None  # one change is both: the picture is half before it and half after it
        named_box = box_of(self._mask) if named_box is None else named_box
        return _Phase(start, end, segment, named_box, frozenset(run.numbers), min(score, 1.0))

    def _is_sure(self, run: Run, is_last: bool) -> bool:
        """Returns whether enough pictures show the same, with an outline all around."""
        shown_us = sum(self._ends[each] - self._begins[each] for each in run.numbers)
        return (
            len(run.numbers) >= (1 if is_last else LEAST_PICTURES)
            and shown_us >= LEAST_SHOWN_US
            and (self._states.is_outlined(run))
        )

    def _is_restless(self, runs: list[Run]) -> bool:
        """Returns whether the place looks different again and again."""
        pictures = sum(len(run.numbers) for run in runs)
        return len(runs) >= max(RESTLESS_RUNS, RESTLESS_SHARE * pictures)

    def _votes(self, runs: list[Run], before: Border | None, after: Border | None, number: int) -> list[float]:
        votes = []
        if before is not None:
            changed = before.change
            votes.append(self._states.appeared(runs[number - 1], runs[number]) if changed is None else changed.appeared)
        if after is not None:
            changed = after.change
            votes.append(
                1 - (self._states.appeared(runs[number], runs[number + 1]) if changed is None else changed.appeared)
            )
        return votes

    def _returned(self, runs: list[Run], number: int) -> float:
        """Returns what it adds that the place looks the same before and after a run, or as in this run again later."""
        added = 0.0
        if 0 < number < len(runs) - 1 and self._states.alike(runs[number - 1], runs[number + 1]):
            added += RETURNED
        again = [(number - 2, number), (number, number + 2)]
        if any(one >= 0 and other < len(runs) and self._states.alike(runs[one], runs[other]) for one, other in again):
            added -= RETURNED
        return added

    def _phase_of_change(self, runs: list[Run], change: Change) -> _Phase | None:
        """Returns the phase of a thing that no picture shows, since it was there for too little of its segments."""
        if change.short or change.time_us is None or change.until_us is None:
            return None
        number = change.before
        first = runs[0].numbers[0] if runs else number
        last = runs[-1].numbers[-1] if runs else number
        if change.appeared >= CAME:
            to_end = change.until_us >= self._ends[number] - BORDER_US
            seen = not to_end or number < last
            end = Edge(change.until_us, "region", REGION_ERROR_S) if seen else Edge(self._ends[number], "unseen")
            start = Edge(change.time_us, "region", REGION_ERROR_S)
            return _Phase(start, end, number, change.box, confidence=change.appeared, whole=True)
        if number == first and change.time_us < (self._begins[number] + self._ends[number]) / 2:
            start = Edge(self._begins[number], "unseen")
            end = Edge(change.time_us, "region", REGION_ERROR_S)
            return _Phase(start, end, number, change.box, confidence=1 - change.appeared, whole=True)
        return None

    def _detected_only(self, phases: list[_Phase]) -> list[_Phase]:
        """Returns phases of what a detector found while no background showed it."""
        found: list[_Phase] = []
        for sighting in sorted(self._place.sightings, key=lambda each: each.first_us):
            if any(phase.meets(sighting.first_us, sighting.last_us, UNBROKEN_US) for phase in phases):
                continue
            end = self._edges.seen_until(sighting, self._view.last)
            if found and found[-1].meets(sighting.first_us, sighting.last_us, UNBROKEN_US):
                before = found.pop()
                found.append(_Phase(before.start, end, before.segment, before.named_box))
            else:
                start = self._edges.seen_from(sighting, self._view.first)
                found.append(_Phase(start, end, sighting.segment, sighting.box))
        return found

    def _stay(self, phase: _Phase) -> Stay:
        sightings = tuple(each for each in self._place.sightings if phase.meets(each.first_us, each.last_us))
        scores = [each.confidence for each in sightings]
        return Stay(
            phase.segment,
            phase.start,
            phase.end,
            phase.named_box,
            self._place.box if sightings else box_of(self._mask),
            phase.shown,
            sightings,
            self._place.contrast,
            sum(scores) / len(scores) if scores else phase.confidence,
            phase.whole,
        )
