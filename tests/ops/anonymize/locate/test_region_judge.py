"""Regions that no detector took for a person: covered if a second look does, or if they move as a body does."""

import numpy as np

from ops.anonymize.locate.person_heights import PersonHeights
from ops.anonymize.locate.region_judge import RegionJudge
from ops.anonymize.locate.spans import Spans, join_spans
from schemas.values import Float64, Uint8

FRAME = np.zeros((240, 320, 3), np.uint8)
STEP_US = 100_000


class Score:
    """Scores every region the same, and counts."""

    def __init__(self, score: float) -> None:
        self._score = score
        self.calls = 0

    def __call__(self, frame: Uint8, box: Float64) -> float:
        self.calls += 1
        return self._score


def region(x: float, y: float = 100.0, width: float = 20.0, height: float = 50.0) -> Float64:
    return np.array([[x, y, x + width, y + height]])


def vehicle(x1: float, y1: float, x2: float, y2: float) -> Spans:
    box, none = np.array([[x1, y1, x2, y2]]), np.array([-1])
    return Spans(np.array([0]), np.array([10**9]), box, box, np.ones(1, bool), none)


def judged(score: float, boxes: list[Float64], vehicles: Spans | None = None) -> list[list[bool]]:
    judge = RegionJudge(Score(score), join_spans([]) if vehicles is None else vehicles)
    return [judge.people(FRAME, each, number * STEP_US).tolist() for number, each in enumerate(boxes)]


def test_a_region_is_covered_if_a_second_look_takes_it_for_a_person() -> None:
    assert judged(0.2, [region(50)]) == [[True]]
    assert judged(0.1, [region(50)]) == [[False]]
    assert judged(0.2, [np.empty((0, 4))]) == [[]]


def test_a_frame_in_which_something_is_taken_for_nobody_is_known() -> None:
    judge = RegionJudge(Score(0.1), join_spans([]))
    assert not judge.dismisses
    judge.people(FRAME, region(50), 0)
    assert judge.dismisses
    judge.people(FRAME, np.empty((0, 4)), STEP_US)
    assert not judge.dismisses


def test_what_walks_is_covered_though_it_looks_like_nobody_and_leaves_are_not() -> None:
    walk = judged(0.0, [region(50 + 8 * number) for number in range(10)])
    assert not any(each[0] for each in walk[:4]) and all(each[0] for each in walk[5:])
    assert not any(each[0] for each in judged(0.0, [region(50 + 8 * (number % 2)) for number in range(20)]))
    jumps = [region(20), region(200), region(20), region(200)]
    assert not any(each[0] for each in judged(0.0, jumps)), "two flickering places are not one that moves"


def test_a_vehicle_explains_what_moves_but_not_the_person_in_front_of_it() -> None:
    street = vehicle(40, 80, 260, 160)
    assert not any(each[0] for each in judged(0.2, [region(50 + 8 * number) for number in range(10)], street))
    assert judged(0.3, [region(50)], street) == [[True]]
    assert judged(0.2, [region(50)], vehicle(0, 0, 30, 30)) == [[True]]


def changing(number: int) -> Uint8:
    """A frame in which each region shows something else than in the frames before."""
    return np.full_like(FRAME, 20 * number)


def test_a_verdict_holds_for_half_a_second_and_not_for_another_place() -> None:
    score = Score(0.0)
    judge = RegionJudge(score, join_spans([]))
    for number in range(11):
        judge.people(changing(number), region(50), number * STEP_US)
    assert score.calls == 2
    judge.people(changing(11), region(70), 11 * STEP_US)
    assert score.calls == 3
    judge.people(changing(2), region(70), 2 * STEP_US)  # a stretch that was encoded again
    assert score.calls == 4


def test_a_verdict_holds_for_a_second_while_nothing_changes() -> None:
    score = Score(0.0)
    judge = RegionJudge(score, join_spans([]), remembered_us=0)
    random = np.random.default_rng(0)
    for number in range(25):
        still = random.normal(128, 2, FRAME.shape).astype(np.uint8)
        judge.people(still, region(50), number * STEP_US)
    assert score.calls == 3, "at 0, 1 and 2 s"
    stepped = still.copy()
    stepped[110:118, 55:63] += 40  # a head of 8 px
    judge.people(stepped, region(50), 25 * STEP_US)
    assert score.calls == 4
    beside = stepped.copy()
    beside[105:150, 38:46] = 0  # somebody comes near
    judge.people(beside, region(50), 26 * STEP_US)
    assert score.calls == 5


def test_what_changes_ever_so_slowly_is_judged_again() -> None:
    score = Score(0.0)
    judge = RegionJudge(score, join_spans([]), remembered_us=0)
    for number in range(9):
        judge.people(np.full_like(FRAME, 100 + number), region(50), number * STEP_US)
    assert score.calls == 2, "at first, and after seven levels"


def test_what_has_a_persons_size_in_its_place_is_covered_unless_something_else_explains_it() -> None:
    unknown = np.zeros(FRAME.shape[:2], np.uint8)
    unknown[:, 200:] = 255
    street = vehicle(90, 80, 160, 160)

    def people(box: Float64) -> list[bool]:
        return RegionJudge(Score(0.0), street, PersonHeights(0.0, 50.0), unknown).people(FRAME, box, 0).tolist()

    assert people(region(50)) == [True]
    assert people(region(50, height=150)) == [False]
    assert people(region(100)) == [False], "it is part of a car"
    assert people(region(210)) == [False], "what is unknown has no size of its own"


def test_a_judge_that_remembers_nothing_looks_at_every_frame_that_changes() -> None:
    score = Score(0.0)
    judge = RegionJudge(score, join_spans([]), remembered_us=0)
    for number in range(5):
        judge.people(changing(number), region(50), number * STEP_US)
    assert score.calls == 5
