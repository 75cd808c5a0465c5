import pytest

from ops.interactions.scores.activities import ActivityScores, score_activities
from ops.interactions.scores.processed_files import instances_in_index
from ops.interactions.scores.protocols import PROTOCOLS
from ops.interactions.scores.temporal_ap import temporal_ap
from schemas.activities import ActivityFile, ActivityInstance, ActivityLabels
from schemas.errors import UserError

RATE = 10
MINUTE = 60 * RATE
FILES = {"a.mp4": ActivityFile(RATE, ((0, MINUTE),)), "b.mp4": ActivityFile(RATE, ((0, MINUTE),))}


def instance(start: int, end: int, identity: int = 1, sure: float = 1.0, name: str = "meets", file: str = "a.mp4"):
    return ActivityInstance.of(name, file, start, end, identity, sure)


def score(references, detections, protocol: str = "SDL_V2", **options) -> ActivityScores:
    return score_activities(references, detections, FILES, PROTOCOLS[protocol], **options)


def test_what_equals_the_reference_misses_nothing() -> None:
    truth = [instance(100, 200), instance(300, 320, 2, name="falls"), instance(5, 600, 3, file="b.mp4")]

    found = score(truth, truth)

    assert list(found.by_activity) == ["falls", "meets"]
    assert found.minutes == 2
    assert (found.mean_miss(0.02, "tfa"), found.mean_naudc(0.2, "tfa"), found.mean_n_mide()) == (0, 0, 0)
    assert found.mean_ap(0.95) == 1


def test_without_a_detection_everything_is_missed() -> None:
    found = score([instance(100, 200)], [])

    assert (found.mean_miss(0.1, "rfa"), found.mean_naudc(0.2, "tfa"), found.mean_n_mide()) == (1, 1, None)


def test_a_false_alarm_that_is_surer_costs_misses() -> None:
    [curve] = [
        each.curve
        for each in score(
            [instance(100, 200)], [instance(100, 200, 1, 0.4), instance(300, 360, 2, 0.9)]
        ).by_activity.values()
    ]

    assert curve.threshold.tolist() == [0.9, 0.4]
    assert curve.p_miss.tolist() == [1, 0]
    assert curve.rfa.tolist() == [0.5, 0.5]
    assert curve.tfa.tolist() == [60 / 1100, 60 / 1100]
    assert (curve.at(0.01), curve.at(0.06)) == (1, 0)


def test_between_two_points_of_the_curve_misses_are_linear() -> None:
    detections = [instance(100, 200, 1, 0.9), instance(400, 510, 2, 0.8), instance(300, 320, 3, 0.7)]

    [found] = score([instance(100, 200), instance(300, 320, 2)], detections).by_activity.values()

    assert found.curve.p_miss.tolist() == [0.5, 0.5, 0]
    assert found.curve.at(0.05) == 0.5
    assert found.curve.naudc(0.05) == 0.5


def test_protocols_differ_in_what_may_match() -> None:
    reference, late = [instance(100, 200)], [instance(185, 285)]
    matched = {name: bool(score(reference, late, name).by_activity["meets"].matches) for name in PROTOCOLS}

    assert matched == {
        "SDL_V2": True,
        "SDL_V1": True,
        "AD19_V2": True,
        "SRL_AD_V1": False,
        "SRL_AD_V2": False,
        "SRL_AD_V3": False,
    }


def test_half_of_a_short_reference_is_enough() -> None:
    assert score([instance(100, 104)], [instance(102, 140)]).mean_miss(1, "rfa") == 0
    assert score([instance(100, 104)], [instance(103, 140)]).mean_miss(1, "rfa") == 1


def test_of_two_detections_the_surer_is_right() -> None:
    [found] = score([instance(100, 200)], [instance(100, 200, 1, 0.3), instance(120, 210, 2, 0.6)]).by_activity.values()

    assert [match.detection.identity for match in found.matches] == [2]


def test_equally_sure_detections_pair_by_overlap() -> None:
    truth = [instance(100, 200), instance(150, 250, 2)]

    [found] = score(truth, [instance(148, 248, 8), instance(102, 202, 9)]).by_activity.values()

    assert [(match.reference.identity, match.detection.identity) for match in found.matches] == [(1, 9), (2, 8)]


def test_what_reaches_beyond_the_selected_frames_does_not_count() -> None:
    files = {"a.mp4": ActivityFile(RATE, ((0, 150), (250, 600)))}
    truth = [instance(100, 200), instance(300, 400, 2)]

    selected = score_activities(truth, truth, files, PROTOCOLS["SDL_V2"])
    everything = score_activities(truth, truth, files, PROTOCOLS["SDL_V2"], apply_no_score=False)

    assert len(selected.by_activity["meets"].references) == 1
    assert len(everything.by_activity["meets"].references) == 2


def test_an_activity_without_reference_is_left_out_unless_asked_for() -> None:
    truth, found = [instance(100, 200)], [instance(100, 200), instance(300, 400, 2, name="falls")]

    assert set(score(truth, found).by_activity) == {"meets"}
    falls = score(truth, found, keep_unreferenced=True).by_activity["falls"]
    assert (falls.curve.at(1, "rfa"), falls.curve.naudc(1, "rfa")) == (1, None)


def test_only_named_activities_count() -> None:
    truth = [instance(100, 200), instance(300, 400, 2, name="falls")]

    assert set(score(truth, truth, activities=["falls"]).by_activity) == {"falls"}


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(UserError, match="no reference to score"):
        score([], [instance(100, 200)])
    with pytest.raises(UserError, match=r"is in c\.mp4, which is not to be scored"):
        score([instance(100, 200, file="c.mp4")], [])
    with pytest.raises(UserError, match="no file has selected frames"):
        score_activities([], [], {}, PROTOCOLS["SDL_V2"])


def test_the_ap_of_several_files_is_not_that_of_the_mistaken_original() -> None:
    truth = [instance(100, 200, file=file) for file in FILES]

    assert temporal_ap(truth, truth, 0.5) == 1
    assert temporal_ap(truth, truth, 0.5, as_nist=True) == 0.5


def test_labels_are_about_the_files_of_the_index() -> None:
    both = ActivityLabels(("a.mp4", "c.mp4"), (instance(0, 9), instance(0, 9, 2, file="c.mp4")))

    with pytest.raises(UserError, match=r"c\.mp4 is labelled but not in the file index"):
        instances_in_index(both, FILES)
    with pytest.raises(UserError, match=r"b\.mp4 is in the file index, but not in filesProcessed"):
        instances_in_index(both, FILES, ignore_extra=True)
    assert instances_in_index(both, FILES, ignore_extra=True, ignore_missing=True) == both.instances[:1]
