"""The interactions that conditions declare: who, with what, when they begin and how long they last.

Distances are metres, where nobody knows a camera's ground those of people's heights. ``when`` begins an interaction,
``lasts`` is looser and keeps it going, ``for_s`` is its least length. What takes more than a condition has its own file
beside this one: things that are put down and taken, vehicles, queues, hand-overs and zones.
"""

from dataclasses import dataclass

from ops.interactions.params import InteractionsParams, UserRule
from ops.interactions.rules.scene import BAGS, PERSON, VEHICLES

RIDDEN = ("bicycle", "motorcycle")
PUSHED = ("bicycle", "motorcycle", "cart", "trolley", "stroller", "wheelchair")
SEATS = ("chair", "bench", "couch")

STATIC, ZONE = "static_object", "zone:"


@dataclass(frozen=True)
class Declared:
    """One interaction that a condition declares.

    Attributes:
        objects: classes of tracks, ``static_object``, ``static_object:CLASS`` or ``zone:NAME``; empty: what somebody
            does alone.
        for_s, break_s: least length, and longest break within it, seconds.
        symmetric: a pair has one row, not one for each of both.
        exclusive: an object is of one subject at a time: of several, the nearest.
        by_motion: also for tracks that motion found; their boxes lack what stands still, so they tell no posture.
        version: raised whenever the same tracks would give other rows.
    """

    verb: str
    when: str
    lasts: str
    for_s: float
    break_s: float = 1.0
    subjects: tuple[str, ...] = (PERSON,)
    objects: tuple[str, ...] = ()
    symmetric: bool = False
    exclusive: bool = False
    by_motion: bool = True
    version: int = 1

    @property
    def name(self) -> str:
        """Returns what rows say as their rule."""
        return f"{self.verb} {self.version}"


# Two boxes that overlap much are one person, detected twice. Boxes of different heights are at different depths.
_TWO = "height_ratio < 1.35 and overlap < 0.7"


_WITH_THINGS = (
    Declared(
        "carries",
        "hand > 0.15 and relative_speed_m_s < 0.6 and speed_m_s > 0.3 and object_speed_m_s > 0.3",
        "gap_m < 0.2 and relative_speed_m_s < 0.8 and object_speed_m_s > 0.2",
        1.0,
        break_s=3.0,
        objects=BAGS,
        exclusive=True,
    ),
    Declared(
        "rides",
        "covered > 0.15 and feet_above_m > 0 and aside_m < 0.6 and relative_speed_m_s < 1 "
        "and object_speed_m_s > ride_m_s",
        "covered > 0.1 and aside_m < 0.8 and relative_speed_m_s < 1.5 and object_speed_m_s > 0.7 * ride_m_s",
        1.0,
        break_s=1.5,
        objects=RIDDEN,
        exclusive=True,
    ),
    Declared(
        "pushes",
        "gap_m < 0.2 and -0.4 < feet_above_m < 0.3 and relative_speed_m_s < 0.6 "
        "and 0.3 < object_speed_m_s < ride_m_s and speed_m_s > 0.3",
        "gap_m < 0.4 and feet_above_m < 0.4 and relative_speed_m_s < 1 and 0.15 < object_speed_m_s < 1.2 * ride_m_s",
        1.5,
        break_s=1.5,
        objects=PUSHED,
        exclusive=True,
    ),
)

_POSTURES = (
    Declared(
        "sits_on",
        "0.45 < stature < 0.8 and spread < 1.1 and speed_m_s < 0.3",
        "stature < 0.87 and speed_m_s < 0.5",
        5.0,
        break_s=2.0,
        by_motion=False,
        version=2,
    ),
    Declared(
        "falls",
        "stature < 0.6 and spread > 0.9 and since_upright_s < 3 and speed_m_s < 1.5",
        "stature < 0.7 and spread > 0.7",
        2.0,
        by_motion=False,
        version=2,
    ),
)

_ALONE = (
    Declared("loiters", "around_s >= loiter_s", "around_s >= loiter_s", 0.0, break_s=5.0),
    # A camera that shakes moves everybody, and nobody gets anywhere.
    Declared("runs", "speed_m_s > run_m_s and pace_m_s > 0.8 * run_m_s", "speed_m_s > 0.8 * run_m_s", 1.0, version=2),
)


def catalogue(params: InteractionsParams) -> tuple[Declared, ...]:
    """Returns the declared interactions, with the user's own."""
    return (
        *_between_people(params),
        *_WITH_THINGS,
        *_POSTURES,
        _at_vehicles(params),
        *_ALONE,
        *(user_rule(rule) for rule in params.rules),
    )


def _between_people(params: InteractionsParams) -> tuple[Declared, ...]:
    return (
        Declared(
            "meets",
            f"distance_m < meet_m and speed_m_s < meet_speed_m_s and object_speed_m_s < meet_speed_m_s and {_TWO}",
            f"distance_m < 1.3 * meet_m and speed_m_s < 1.5 * meet_speed_m_s "
            f"and object_speed_m_s < 1.5 * meet_speed_m_s and {_TWO}",
            params.meet_s,
            objects=(PERSON,),
            symmetric=True,
            version=2,
        ),
        Declared(
            "walks_with",
            f"distance_m < walk_m and speed_m_s > 0.5 and object_speed_m_s > 0.5 and heading_gap_deg < 30 "
            f"and relative_speed_m_s < 0.5 and -1 < ahead_m < 1 and {_TWO}",
            f"distance_m < 1.3 * walk_m and speed_m_s > 0.3 and object_speed_m_s > 0.3 and heading_gap_deg < 50 "
            f"and relative_speed_m_s < 0.8 and -1.5 < ahead_m < 1.5 and {_TWO}",
            params.walk_s,
            objects=(PERSON,),
            symmetric=True,
        ),
        Declared(
            "follows",
            "1.2 < ahead_m < follow_m and speed_m_s > 0.5 and object_speed_m_s > 0.5 and heading_gap_deg < 60 "
            "and trail_m < 0.6",
            "1 < ahead_m < 1.2 * follow_m and speed_m_s > 0.3 and trail_m < 0.9",
            params.follow_s,
            break_s=1.5,
            objects=(PERSON,),
        ),
    )


def _at_vehicles(params: InteractionsParams) -> Declared:
    return Declared(
        "loads_unloads",
        "gap_m < at_vehicle_m and -0.6 < feet_above_m < 1 and object_speed_m_s < 0.3 and speed_m_s < 1.2",
        "gap_m < 1.5 * at_vehicle_m and -1 < feet_above_m < 1.4 and object_speed_m_s < 0.5 and speed_m_s < 1.5",
        params.load_s,
        break_s=3.0,
        objects=(*VEHICLES, *(f"{STATIC}:{label}" for label in VEHICLES)),
    )


def user_rule(rule: UserRule) -> Declared:
    """Returns what a user declared."""
    lasts = f"not ({rule.until})" if rule.until else rule.when
    return Declared(rule.verb, rule.when, lasts, rule.for_s, rule.break_s, rule.subject, rule.object)
