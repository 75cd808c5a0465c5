"""The verifier finds what is visible by each of its means, and nothing where all is covered."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ops.anonymize.frame_coverage import FrameCoverage, pack_mask
from ops.anonymize.verify.residual import BackgroundResidual
from ops.anonymize.verify.verifier import Verifier
from ops.detect.tiles import Look
from schemas.values import Float64, Uint8

WIDTH, HEIGHT = 384, 288
GREY = np.array([[139, 116, 100]], np.uint8)
PERSON = (100.0, 60.0, 140.0, 160.0)
SECOND = 1_000_000


LOOKS = tuple(
    Look(x1, 0, x2, HEIGHT, level, 1.0, np.inf, 20.0) for x1, x2, level in ((0, WIDTH, 0), (0, 260, 1), (260, WIDTH, 1))
)
"""The whole, a tile in which the busy street's cars are, and one beside them."""


class Fake:
    """Finds the same in every frame."""

    sure = 0.5

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self._found: Float64 = np.array([[*box, 0.9] for box in boxes]).reshape(-1, 5)
        self.calls = self.tiles = 0
        self.looked: list[Look] = []

    def looks(self, size_px: tuple[int, int]) -> tuple[Look, ...]:
        return LOOKS

    def find(self, frame: Uint8, looks: Sequence[Look] | None = None) -> Float64:
        self.looked = list(LOOKS[:1] if looks is None else looks)
        self.calls += 1
        self.tiles += any(look.level for look in self.looked)
        return self._found


def street() -> Uint8:
    ramp = np.linspace(60, 200, WIDTH, dtype=np.uint8)
    return np.repeat(np.repeat(ramp[None, :, None], HEIGHT, 0), 3, 2)


def busy_street(time_us: int) -> Uint8:
    """A street in which something moves all the time."""
    frame = street()
    cars = np.random.default_rng(time_us).integers(0, 256, (1, 8, 3), dtype=np.uint8)
    frame[100:130, :240] = np.repeat(cars, 30, axis=1)
    return frame


def mask_of(*boxes: tuple[float, float, float, float]) -> Uint8:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x1, y1, x2, y2 in boxes:
        mask[int(y1) : int(y2), int(x1) : int(x2)] = 255
    return mask


def painted(mask: Uint8) -> Uint8:
    frame = street()
    frame[mask > 0] = GREY
    return frame


def coverage_of(
    mask: Uint8, *boxes: tuple[float, float, float, float], comparable: bool = True, time_us: int = 0
) -> FrameCoverage:
    people = np.array(boxes).reshape(-1, 4)
    owners = np.arange(len(people))
    return FrameCoverage(time_us, time_us, mask.shape[1], pack_mask(mask), GREY, people, owners, comparable)


def verifier(
    people: Fake | None = None, faces: Fake | None = None, background: bool = False, verify_fps: float = 1.0
) -> tuple[Verifier, Counter[str]]:
    counts: Counter[str] = Counter()
    residual = BackgroundResidual(street(), np.zeros((HEIGHT, WIDTH), np.uint8)) if background else None
    return Verifier(verify_fps, residual, None, people, faces, lambda name: counts.update([name])), counts


def test_all_of_a_replaced_scene_must_be_as_it_was_painted() -> None:
    check, _ = verifier()
    plain = np.full((HEIGHT, WIDTH, 3), 190, np.uint8)
    plain[60:160, 100:140] = GREY[0]
    everything = np.full((HEIGHT, WIDTH), 255, np.uint8)
    coverage = replace(coverage_of(everything, PERSON), painted=plain, replaces=True)
    assert check.verify(plain, coverage) == []
    assert check.verify(np.asarray(plain + np.uint8(9)), coverage) == [], "what the encoder changes"
    for x, y, side in ((0, 0, 6), (WIDTH - 6, HEIGHT - 6, 6), (200, 100, 40)):
        leaky = plain.copy()
        leaky[y : y + side, x : x + side] = street()[y : y + side, x : x + side] // 2
        for paint_only in (False, True):
            (finding,) = check.verify(leaky, coverage, paint_only)
            assert finding.by == "paint" and finding.box.tolist() == [x, y, x + side, y + side]
    person_gone = np.full_like(plain, 190)
    assert {finding.by for finding in check.verify(person_gone, coverage)} == {"paint"}, "a silhouette must be there"
    assert check.head_shares.max() < 0.2, "but for the edge of the silhouette that should be there"


GROWN = (PERSON[0] - 6, PERSON[1] - 6, PERSON[2] + 6, PERSON[3] + 6)


def test_a_frame_that_is_covered_as_it_must_be_has_no_findings() -> None:
    checker, _ = verifier(Fake(PERSON), Fake((110, 62, 130, 80)), background=True)
    mask = mask_of(GROWN)
    assert checker.verify(painted(mask), coverage_of(mask, PERSON)) == []
    assert checker.head_shares.tolist() == [1.0]


def test_a_head_zone_that_was_not_painted_is_found_whatever_the_mask_says() -> None:
    checker, _ = verifier()
    (finding,) = checker.verify(painted(mask_of((100, 90, 140, 160))), coverage_of(mask_of(GROWN), PERSON))
    assert finding.by == "paint"
    assert finding.box[0] < 110 and finding.box[1] < 60 and finding.box[3] >= 78
    assert checker.head_shares.tolist() == [0.0]


def test_residual_is_found_only_where_the_background_can_be_compared_with() -> None:
    frame = street()
    frame[60:160, 100:140] = (20, 20, 120)
    nothing = mask_of()
    checker, _ = verifier(background=True)
    assert {finding.by for finding in checker.verify(frame, coverage_of(nothing))} == {"residual"}
    assert checker.verify(frame, coverage_of(nothing, comparable=False)) == []
    assert verifier()[0].verify(frame, coverage_of(nothing)) == []


@pytest.mark.parametrize(("covered", "found"), [((100, 60, 140, 160), False), ((100, 74, 140, 160), True)])
def test_a_detector_counts_where_it_finds_a_head_that_is_not_covered(
    covered: tuple[float, float, float, float], found: bool
) -> None:
    checker, _ = verifier(people=Fake(PERSON))
    mask = mask_of(covered)
    findings = checker.verify(painted(mask), coverage_of(mask))
    assert [(finding.by, tuple(finding.box)) for finding in findings] == ([("detector", PERSON)] if found else [])


@pytest.mark.parametrize(("covered", "found"), [((110, 60, 130, 72), False), ((110, 60, 130, 68), True)])
def test_a_face_counts_where_less_than_half_of_it_is_covered(
    covered: tuple[float, float, float, float], found: bool
) -> None:
    checker, _ = verifier(faces=Fake((110, 60, 130, 80)))
    mask = mask_of(covered)
    assert [finding.by for finding in checker.verify(painted(mask), coverage_of(mask))] == (["face"] if found else [])


def test_detectors_check_some_frames_per_second_and_the_same_when_they_come_again() -> None:
    people, faces = Fake(), Fake()
    checker, counts = verifier(people, faces, verify_fps=2.0)
    checked: list[list[int]] = [[], []]
    for turn in range(2):
        for time_us in range(10 * SECOND, 12 * SECOND, SECOND // 10):
            before = people.calls
            checker.verify(busy_street(time_us), coverage_of(mask_of(), time_us=time_us))
            if people.calls > before:
                checked[turn].append(time_us)
    assert checked[0] == [10 * SECOND, 10 * SECOND + 500_000, 11 * SECOND, 11 * SECOND + 500_000]
    assert checked[1] == checked[0]
    assert counts == {"verify_frames": 40, "verify_detector_calls": 8, "verify_face_calls": 8}


def test_detectors_check_every_frame_that_no_background_vouches_for_but_those_covered_whole() -> None:
    people = Fake(PERSON)
    checker, counts = verifier(people, background=True)
    for number in range(10):
        coverage = coverage_of(mask_of(), comparable=False, time_us=10 * SECOND + number * SECOND // 10)
        assert [finding.by for finding in checker.verify(street(), coverage)] == ["detector"]
    whole = replace(coverage_of(mask_of(), comparable=False, time_us=11 * SECOND + 1), whole=True)
    checker.verify(street(), replace(whole, time_us=10 * SECOND + 950_000))
    assert counts["verify_detector_calls"] == people.calls == 10


def test_detectors_look_once_at_a_picture_that_is_shown_again_and_at_any_other_that_says_so() -> None:
    people = Fake()
    checker, counts = verifier(people)
    mask, picture = mask_of(), street()
    for number in range(20):
        coverage = coverage_of(mask, time_us=10 * SECOND + number * SECOND // 5)
        checker.verify(picture.copy(), replace(coverage, repeats=number > 0))
    assert (people.calls, people.tiles, counts["verify_frames"]) == (1, 1, 20), "tiles included"
    other = picture.copy()
    other[:4, :4] = 255 - other[:4, :4]
    checker.verify(other, replace(coverage_of(mask, time_us=14 * SECOND), repeats=True))
    assert people.calls == 2, "what should show the same and does not is checked as any other frame"


def test_a_picture_that_was_not_looked_at_is_looked_at_once_a_repeat_of_it_is_due() -> None:
    people = Fake(PERSON)
    checker, _ = verifier(people)
    mask, found = mask_of(), []
    for number in range(15):
        picture = street()
        picture[0, 0] = min(number, 3)  # new until the fourth, in the middle of a second
        coverage = replace(coverage_of(mask, time_us=10 * SECOND + number * SECOND // 5), repeats=number > 3)
        found += [(number, finding.by) for finding in checker.verify(picture, coverage)]
    assert found == [(0, "detector"), (5, "detector")]


def test_no_detector_runs_at_no_frames_per_second() -> None:
    people = Fake(PERSON)
    checker, _ = verifier(people, verify_fps=0)
    for comparable in (True, False):
        assert checker.verify(street(), coverage_of(mask_of(), comparable=comparable)) == []
    assert people.calls == 0


def test_a_person_in_a_background_that_is_shown_counts_though_covered_until_painted_flat() -> None:
    checker, _ = verifier(Fake(PERSON), Fake((110, 62, 130, 80)))
    everything, picture = mask_of((0, 0, WIDTH, HEIGHT)), street()
    none = np.empty(0, np.int64)
    bits = pack_mask(everything)
    coverage = FrameCoverage(0, 0, WIDTH, bits, picture, np.empty((0, 4)), none, True, shown=bits)
    assert [finding.by for finding in checker.verify(picture, coverage)] == ["detector", "face"]
    frame = picture.copy()
    wider = coverage.cover_more(frame, mask_of(GROWN), (139, 116, 100))
    assert not wider.hiding[0, 0] and wider.hiding[100, 120] == 255
    assert checker.verify(frame, wider) == []


def test_a_drawn_skeleton_is_not_taken_for_a_person_but_what_stands_beside_it_is() -> None:
    everything, picture, beside = mask_of((0, 0, WIDTH, HEIGHT)), street(), (200.0, 60.0, 240.0, 160.0)
    checker, _ = verifier(Fake(PERSON, beside))
    bits, drawn = pack_mask(everything), np.array([GROWN])
    coverage = FrameCoverage(
        0, 0, WIDTH, bits, picture, np.empty((0, 4)), np.empty(0, np.int64), True, shown=bits, drawn=drawn
    )
    (finding,) = checker.verify(picture, coverage)
    assert finding.box.tolist() == list(beside)


def test_tiles_are_looked_at_every_four_seconds_until_they_show_somebody() -> None:
    people = Fake()
    checker, _ = verifier(people)
    mask = mask_of()
    for second in range(9):
        checker.verify(busy_street(second * SECOND), coverage_of(mask, time_us=second * SECOND))
    assert (people.calls, people.tiles) == (9, 3)
    people._found = np.array([[*PERSON, 0.9]])
    for second in range(12, 20):
        checker.verify(busy_street(second * SECOND), coverage_of(mask, time_us=second * SECOND))
    assert (people.calls, people.tiles) == (17, 11)


def test_a_look_in_tiles_that_found_nobody_holds_while_nothing_changes_and_longer_each_time() -> None:
    people = Fake()
    checker, _ = verifier(people)
    looked = []
    for second in range(140):
        before = people.calls
        checker.verify(street(), coverage_of(mask_of(), time_us=second * SECOND))
        looked += [second] if people.calls > before else []
    assert looked == [0, 4, 12, 28, 60, 124]
    assert people.tiles == people.calls
    checker.verify(street() + np.uint8(12), coverage_of(mask_of(), time_us=140 * SECOND))
    assert people.calls == 6, "two encodings of one picture may differ by so much"
    checker.verify(busy_street(0), coverage_of(mask_of(), time_us=144 * SECOND))
    assert people.looked == list(LOOKS[:2]), "where something changed, and nowhere else"


def test_a_look_that_finds_somebody_ends_the_holds_of_those_in_which_they_are() -> None:
    people = Fake((300.0, 60.0, 340.0, 160.0))
    checker, _ = verifier(people)
    everywhere = mask_of((0, 0, WIDTH, HEIGHT))
    checker.verify(painted(everywhere), coverage_of(everywhere))
    checker.verify(painted(everywhere), coverage_of(everywhere, time_us=4 * SECOND - 1))
    assert people.looked == list(LOOKS[:1]), "tiles are not due"
    checker.verify(painted(everywhere), coverage_of(everywhere, time_us=4 * SECOND))
    assert people.looked == list(LOOKS)
    checker.verify(painted(everywhere), coverage_of(everywhere, time_us=8 * SECOND))
    assert people.looked == [LOOKS[0], LOOKS[2]], "the tile without them holds for 8 s"


@pytest.mark.parametrize(("found", "comparable"), [((PERSON,), True), ((), False)], ids=["found", "no background"])
def test_a_look_holds_only_where_nobody_was_found_and_a_background_vouches(
    found: tuple[tuple[float, float, float, float], ...], comparable: bool
) -> None:
    people = Fake(*found)
    checker, _ = verifier(people)
    everywhere = mask_of((0, 0, WIDTH, HEIGHT))
    for second in range(10):
        coverage = coverage_of(everywhere, comparable=comparable, time_us=second * SECOND)
        checker.verify(painted(everywhere), coverage)
    assert people.calls == 10


def test_what_a_detector_is_unsure_of_is_no_finding() -> None:
    people = Fake()
    people._found = np.array([[*PERSON, 0.4]])
    assert verifier(people)[0].verify(street(), coverage_of(mask_of())) == []


def test_paint_that_blends_once_more_is_no_finding_in_a_frame_that_passed_before() -> None:
    checker, _ = verifier()
    zone_px = round(0.18 * (PERSON[3] - PERSON[1]))
    blended = mask_of((GROWN[0], PERSON[1] + zone_px * 0.25, GROWN[2], GROWN[3]))  # not a quarter of the head zone
    assert [each.by for each in checker.verify(painted(blended), coverage_of(mask_of(GROWN), PERSON))] == ["paint"]
    assert checker.verify(painted(blended), coverage_of(mask_of(GROWN), PERSON), paint_only=True) == []
    bare = mask_of((GROWN[0], PERSON[1] + zone_px, GROWN[2], GROWN[3]))
    assert checker.verify(painted(bare), coverage_of(mask_of(GROWN), PERSON), paint_only=True) != []
