"""Rows match true interactions of the same verb, people, things and time, each once."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bench.interactions_matching import Found, TrueNames, match, read_found
from sample_site.truth import TrueBoxes, TrueFile, TrueInteraction, TrueThing, Truth
from schemas.tables import TABLES
from tests.support.fakes import START

FRAMES = 100
CASE = (300.0, 200.0, 320.0, 240.0)


def at(second: float) -> datetime:
    return START.astimezone(UTC) + timedelta(seconds=second)


def us(second: float) -> int:
    return round(at(second).timestamp() * 1e6)


def true(verb: str, subject: str, other: str | None, start_s: float, end_s: float, **more: object) -> TrueInteraction:
    return TrueInteraction(
        "yard", verb, subject, other, more.get("partner"), at(start_s), at(end_s), bool(more.get("optional"))
    )  # type: ignore[arg-type]


def found(verb: str, subject: str | None, other: str | None, start_s: float, end_s: float) -> Found:
    return Found(verb, subject, other, us(start_s), us(end_s), 0.8)


class TestMatch:
    def test_each_true_interaction_takes_one_row_and_the_other_is_a_false_alarm(self) -> None:
        rows = [found("carries", "ann", "case", 0, 10), found("carries", "ann", "case", 3, 8)]
        matched = match([true("carries", "ann", "case", 0, 10)], rows)
        assert (matched.scores["carries"].recall, matched.scores["carries"].false_alarms) == (1.0, 1)
        assert matched.pairs == ((0, 0),) and matched.false_alarms == (rows[1],)

    @pytest.mark.parametrize(
        "row",
        [
            found("carries", "bob", "case", 0, 10),
            found("carries", "ann", "other case", 0, 10),
            found("carries", None, "case", 0, 10),
            found("carries", "ann", "case", 9.5, 30),
        ],
        ids=["another person", "another thing", "nobody known", "another time"],
    )
    def test_what_differs_is_a_miss_and_a_false_alarm(self, row: Found) -> None:
        matched = match([true("carries", "ann", "case", 0, 10)], [row])
        assert (matched.scores["carries"].found, matched.scores["carries"].false_alarms) == (0, 1)

    def test_objects_that_one_side_does_not_know_do_not_matter(self) -> None:
        rows = [found("carries", "ann", None, 0, 10), found("loiters", "bob", None, 0, 90)]
        matched = match([true("carries", "ann", "case", 0, 10), true("loiters", "bob", None, 0, 80)], rows)
        assert not matched.missed and not matched.false_alarms

    def test_meeting_has_no_direction_but_following_has(self) -> None:
        for verb, fits in (("meets", True), ("follows", False)):
            assert (not match([true(verb, "ann", "bob", 0, 10)], [found(verb, "bob", "ann", 0, 10)]).missed) == fits

    def test_an_instant_matches_what_happens_then(self) -> None:
        assert not match([true("puts_down", "ann", "case", 4, 6)], [found("puts_down", "ann", "case", 5, 5)]).missed

    def test_a_hand_over_is_about_the_thing_or_the_other_person(self) -> None:
        truth = [true("hands_over", "ann", "case", 4, 7, partner="bob")]
        assert not match(truth, [found("hands_over", "ann", "bob", 5, 6)]).missed
        assert match(truth, [found("hands_over", "ann", "eva", 5, 6)]).missed

    def test_what_is_optional_is_no_miss_and_no_false_alarm_and_takes_no_row_from_others(self) -> None:
        optional = true("picks_up", "ann", "case", 0, 10, optional=True)
        assert not match([optional], []).missed
        assert not match([optional], [found("picks_up", "ann", "case", 0, 10)]).false_alarms
        both = match([optional, true("picks_up", "ann", "case", 8, 12)], [found("picks_up", "ann", "case", 0, 12)])
        assert not both.missed and both.scores["picks_up"].true == 1


@pytest.fixture
def truth() -> Truth:
    times = us(0) + np.arange(FRAMES) * 100_000
    place = np.full((FRAMES, 2), 0.0)

    def boxes(name: str, box: np.ndarray) -> TrueBoxes:
        return TrueBoxes(
            np.full(FRAMES, "yard"), times, np.full(FRAMES, name), box, np.ones(FRAMES), np.full(FRAMES, True), place
        )

    walk = np.array([10.0, 100.0, 50.0, 200.0]) + 4 * np.arange(FRAMES)[:, None] * np.array([1, 0, 1, 0])
    file = TrueFile("yard", "yard/a.mp4", at(0), 10.0, FRAMES, FRAMES, 10.0)
    return Truth(
        *(10, (file,), (), (), (), (), ()),
        boxes=boxes("ann", walk),
        things=(TrueThing("case", "suitcase"),),
        thing_boxes=boxes("case", np.tile(CASE, (FRAMES, 1))),
    )


def test_boxes_are_named_by_what_they_show_at_their_time(truth: Truth) -> None:
    names = TrueNames(truth, "yard")
    box = truth.boxes.box
    assert names.of_boxes(truth.boxes.time_us[10:20], box[10:20] + 2) == "ann"
    assert names.of_boxes(truth.boxes.time_us[10:20], box[60:70]) is None, "she is elsewhere at that time"
    assert names.of_boxes(truth.boxes.time_us[10:20], np.tile(CASE, (10, 1))) == "case"


def test_rows_get_true_names_of_tracks_and_things_at_rest(truth: Truth) -> None:
    points = {
        "camera": ["yard"] * FRAMES,
        "track_id": ["t1"] * FRAMES,
        "time": truth.boxes.time_us,
        "pts": np.arange(FRAMES),
        "segment_id": ["s"] * FRAMES,
        "label": ["person"] * FRAMES,
        "state": ["observed"] * FRAMES,
        **dict(zip(("x1", "y1", "x2", "y2"), truth.boxes.box.T, strict=True)),
    }
    resting = {"static_id": "r1", "start_time": at(1), "end_time": at(9)} | dict(
        zip(("x1", "y1", "x2", "y2"), CASE, strict=True)
    )
    row = {"camera": "yard", "verb": "abandons", "subject": "t1", "object": "r1", "object_kind": "static_object"}
    row |= {"start_time": at(30), "end_time": at(60), "score": 0.7}

    class Rows:
        """Rows of a table with some columns only."""

        def __init__(self, *rows: dict[str, object]) -> None:
            self._rows = list(rows)

        def to_pylist(self) -> list[dict[str, object]]:
            """Returns the rows."""
            return self._rows

    tables = {"track_points": TABLES["track_points"].conform(points), "static_objects": Rows(resting)}
    (named,) = read_found(Rows(row, {**row, "camera": "other"}), tables, truth, "yard")  # type: ignore[arg-type]
    assert (named.subject, named.object) == ("ann", "case"), "the owner's last boxes say who she is"
