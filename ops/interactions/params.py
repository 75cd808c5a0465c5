"""Parameters of ``interactions``: distances in metres, and rules of the user's own.

Where nobody knows a camera's ground, distances in the picture are converted to metres by the height of the person,
which counts as ``BODY_M``. So one set of thresholds serves every camera.
"""

from dataclasses import dataclass

from schemas.op import param

BODY_M = 1.7
"""Height of a person, metres."""


@dataclass(frozen=True)
class UserRule:
    """An interaction that a user declares: see ``ops.interactions.rules.catalogue`` for the ones that exist.

    Attributes:
        verb: name of the interaction.
        when: condition that begins it, over the primitives of ``docs/interactions.md``.
        until: condition that ends it; empty: it ends when ``when`` no longer holds.
        subject: classes of the subject.
        object: classes of the object's track; ``static_object`` and ``zone:NAME`` also name things and zones. Empty:
            the subject does it alone.
        for_s: least length, seconds.
        break_s: longest break within it, seconds.
    """

    verb: str
    when: str
    until: str = ""
    subject: tuple[str, ...] = ("person",)
    object: tuple[str, ...] = ()
    for_s: float = 1.0
    break_s: float = 1.0


@dataclass(frozen=True)
class UserQuery:
    """An interaction that a SQL query finds in the tables of a camera's day.

    Attributes:
        verb: name of the interaction.
        query: gives the columns ``subject`` and ``start_time``, and may give ``end_time``, ``object``,
            ``object_kind``, ``object_label``, ``x_m``, ``y_m`` and ``score``.
    """

    verb: str
    query: str


@dataclass(frozen=True)
class InteractionsParams:
    """Parameters of ``interactions``."""

    meet_m: float = param(1.2, "people closer than this may be meeting, metres")
    meet_speed_m_s: float = param(0.7, "largest speed of people who meet, metres per second")
    meet_s: float = param(3.0, "least length of a meeting, seconds")
    walk_m: float = param(1.8, "people closer than this may walk together, metres")
    walk_s: float = param(5.0, "least length of a walk together, seconds")
    follow_m: float = param(5.0, "greatest distance of who follows somebody, metres")
    follow_s: float = param(6.0, "least time of following, seconds")
    loiter_m: float = param(3.0, "who loiters stays within this distance of one place, metres")
    loiter_s: float = param(60.0, "least time of loitering, seconds")
    run_m_s: float = param(2.8, "least speed of who runs, metres per second")
    ride_m_s: float = param(1.9, "least speed of who rides and does not push, metres per second")
    queue_m: float = param(1.8, "greatest distance between neighbours in a queue, metres")
    queue_s: float = param(6.0, "least time in a queue, seconds")
    owner_before_s: float = param(6.0, "time before a thing comes in which its owner was beside it, seconds")
    owner_after_s: float = param(2.0, "time after it comes in which its owner was beside it, seconds")
    owner_widths: float = param(1.0, "greatest distance of a thing's owner from it then, widths of the owner's box")
    away_m: float = param(2.5, "distance beyond which an owner is away, metres")
    leave_s: float = param(10.0, "absence of its owner after which a thing is abandoned, seconds")
    at_vehicle_m: float = param(0.6, "greatest distance from a vehicle's box of who is at it, metres")
    load_s: float = param(8.0, "least time at a vehicle that counts as loading, seconds")
    frame_weight: float = param(1.0, "weight of frame_interactions in the log-odds of a score; 0: none")
    frame_prior: float = param(0.1, "frame_interactions: score that tells nothing either way, 0..1")
    frame_score: float = param(0.5, "frame_interactions: least score of what frames alone show, 0..1")
    rules: tuple[UserRule, ...] = param((), "interactions of your own, by conditions: see docs/interactions.md")
    queries: tuple[UserQuery, ...] = param((), "interactions of your own, by SQL: see docs/interactions.md")
    skip: tuple[str, ...] = param((), "verbs that are not looked for")
