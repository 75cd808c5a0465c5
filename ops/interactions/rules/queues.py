"""Rule ``queues``: three or more people who stand one behind another, each near the next."""

import numpy as np

from ops.boxes import iou_matrix
from ops.interactions.rules.conditions import parse_condition
from ops.interactions.rules.moments import TICK_US, Moments
from ops.interactions.rules.pairs import track_pairs
from ops.interactions.rules.scene import PERSON, Evidence, Interaction, Scene
from ops.interactions.rules.spans import Held, find_spans
from schemas.values import Float64, Int64

VERSION = 2

FEWEST = 3
SIDEWAYS = 0.2
"""Greatest root mean square distance of people from the line through a queue, as a share of its length. Three people
at the corners of an equilateral triangle, who talk, have 0.4."""

SPACING_M = 0.5
"""Least length of a queue for each step between its people: a bunch is none."""

BREAK_S = 8.0
SAME_OVERLAP = 0.7
"""Overlap (IoU) of two boxes from which they are of one person."""

NEIGHBOURS = f"distance_m < queue_m and speed_m_s < 0.6 and object_speed_m_s < 0.6 and overlap < {SAME_OVERLAP}"


def find_queues(scene: Scene, moments: Moments) -> list[Interaction]:
    """Returns a row for each person and time in a queue."""
    neighbours = parse_condition(NEIGHBOURS, scene.params, alone=False)
    people = np.array([label == PERSON for label in scene.labels], np.bool_)
    rows: list[Int64] = []
    numbers: list[Float64] = []
    for pairs in track_pairs(moments):
        near = pairs.take(np.flatnonzero(people[moments.track[pairs.moment]]))
        held, _ = neighbours.holds(near)
        for row, number in _lines(near.subject[held], near.moment[held], moments):
            rows.append(row)
            numbers.append(number)
    if not rows:
        return []
    at, measured = np.concatenate(rows), np.concatenate(numbers)
    count = np.ones(len(at))
    held_moments = Held(
        moments.track[at],
        np.zeros(len(at), np.int64),
        moments.tick[at] * TICK_US,
        count.astype(np.bool_),
        count,
        count,
    )
    found = []
    for span in find_spans(held_moments, scene.params.queue_s, BREAK_S):
        start_us, end_us = span.ends_us(held_moments)
        lasting_s = (end_us - start_us) / 1e6
        share = min(1.0, len(span.rows) / ((end_us - start_us) // TICK_US + 1))
        size, sideways = measured[span.rows].mean(axis=0).tolist()
        evidence: Evidence = {"people": size, "sideways_share": sideways, "lasting_s": lasting_s, "time_share": share}
        straight = 1 - 0.5 * sideways / SIDEWAYS
        place = moments.at[at[span.rows]].mean(axis=0) + moments.origin_m
        found.append(
            Interaction(
                "queues",
                scene.trajectories.tracks[int(held_moments.subject[span.rows[0]])],
                PERSON,
                None,
                "none",
                None,
                start_us,
                end_us,
                share * straight * lasting_s / (lasting_s + scene.params.queue_s),
                evidence,
                f"queues {VERSION}",
                (float(place[0]), float(place[1])) if scene.on_map else None,
            )
        )
    return found


def _distinct(members: Int64, moments: Moments) -> Int64:
    """Returns moments without those of people who are in the list already: somebody is detected twice."""
    kept: list[int] = []
    for member in members.tolist():
        if not kept or iou_matrix(moments.box[[member]], moments.box[kept]).max() < SAME_OVERLAP:
            kept.append(member)
    return np.array(kept, np.int64)


def _lines(here: Int64, there: Int64, moments: Moments) -> list[tuple[Int64, Float64]]:
    """Returns the groups of neighbours that form a line: their moments, and for each how many and how straight."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(here):
        return []
    nodes, code = np.unique(np.concatenate([here, there]), return_inverse=True)
    edges = code[: len(here)], code[len(here) :]
    _, group = connected_components(coo_array((np.ones(len(here)), edges), shape=(len(nodes), len(nodes))), False)
    order = np.argsort(group, kind="stable")
    found = []
    for grouped in np.split(nodes[order], np.flatnonzero(np.diff(group[order])) + 1):
        members = _distinct(grouped, moments)
        if len(members) < FEWEST:
            continue
        at = moments.at[members] * moments.m_per[members][:, None]
        centred = at - at.mean(axis=0)
        along = np.linalg.svd(centred, full_matrices=False)[2][0]
        length_m = float(np.ptp(centred @ along))
        sideways_m = float(np.sqrt(np.mean((centred @ np.array([-along[1], along[0]])) ** 2)))
        if sideways_m <= SIDEWAYS * length_m and length_m >= SPACING_M * (len(members) - 1):
            found.append((members, np.tile([float(len(members)), sideways_m / length_m], (len(members), 1))))
    return found
