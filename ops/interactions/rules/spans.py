"""From moments at which a condition holds to stretches of time: a state machine with hysteresis."""

from dataclasses import dataclass

import numpy as np

from schemas.values import Bools, Float64, Int64


@dataclass(frozen=True, eq=False)
class Held:
    """Moments at which a rule's looser condition holds: ``(H,)`` each.

    Attributes:
        subject, number: codes of subject and object.
        row: pair that the moment comes from, within its part.
        begins: whether the condition that begins an interaction holds, too.
        likely: how likely the condition holds, 0..1.
        apart: how far apart subject and object are in the picture, to tell who of several has it.
    """

    subject: Int64
    number: Int64
    time_us: Int64
    begins: Bools
    likely: Float64
    apart: Float64

    def nearest(self) -> Int64:
        """Returns the moments that remain if an object is of one subject at a time: the nearest."""
        order = np.lexsort((self.subject, self.apart, self.number, self.time_us))
        first = np.ones(len(order), np.bool_)
        first[1:] = (np.diff(self.time_us[order]) != 0) | (np.diff(self.number[order]) != 0)
        return np.sort(order[first])


@dataclass(frozen=True)
class Span:
    """An unbroken stretch of time: ``rows`` of ``Held``, in order of time."""

    rows: Int64

    def ends_us(self, held: Held) -> tuple[int, int]:
        """Returns its first and last moment."""
        return int(held.time_us[self.rows[0]]), int(held.time_us[self.rows[-1]])


def find_spans(held: Held, for_s: float, break_s: float) -> list[Span]:
    """Returns stretches that begin where ``begins`` holds and last as long as the looser condition does.

    Args:
        for_s: least length.
        break_s: longest time without the looser condition that does not end a stretch.
    """
    order = np.lexsort((held.time_us, held.number, held.subject))
    if not len(order):
        return []
    subject, number, time_us = held.subject[order], held.number[order], held.time_us[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(subject) != 0) | (np.diff(number) != 0) | (np.diff(time_us) > break_s * 1e6)
    found = []
    starts = np.flatnonzero(new)
    for first, end in zip(starts, np.append(starts[1:], len(order)), strict=True):
        rows = order[first:end]
        begins = np.flatnonzero(held.begins[rows])
        if not len(begins):
            continue
        rows = rows[begins[0] :]
        if held.time_us[rows[-1]] - held.time_us[rows[0]] >= for_s * 1e6:
            found.append(Span(rows))
    return found
