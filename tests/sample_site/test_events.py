"""The film of interactions: what its scenes record happens in the picture, at true places and speeds."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sample_site import EVENTS, SampleSite, build_sample_site
from sample_site.play import FALL_S, Play, Player, ScriptedInteraction
from sample_site.scenes.floor import beside_picture
from sample_site.script import schedule_play
from sample_site.truth import TrueBoxes, load_truth
from tests.support.short_film import SHORT

VERBS = {
    *("carries", "puts_down", "picks_up", "abandons", "removes", "hands_over", "pushes", "rides", "sits_on"),
    *("enters_vehicle", "exits_vehicle", "loads_unloads", "meets", "walks_with", "follows", "queues", "loiters"),
    *("runs", "falls"),
}


@pytest.fixture(scope="module")
def play() -> Play:
    return schedule_play(EVENTS, 7)


@pytest.fixture(scope="module")
def player(play: Play) -> dict[str, Player]:
    return {each.person: each for each in play.players}


def scripted(play: Play, verb: str) -> list[ScriptedInteraction]:
    return [each for each in play.interactions if each.verb == verb]


class TestScript:
    def test_every_verb_is_told_three_times_or_more_and_all_ends_within_the_footage(self, play: Play) -> None:
        counts = Counter(each.verb for each in play.interactions)
        assert counts.keys() == VERBS
        assert min(counts.values()) >= 3
        assert all(0 <= each.start_s < each.end_s <= EVENTS.minutes * 60 for each in play.interactions)

    def test_names_are_of_one_person_or_thing_and_told_of_those_only(self, play: Play) -> None:
        names = [each.person for each in play.players] + [each.name for each in play.props]
        assert len(names) == len(set(names))
        said = {name for each in play.interactions for name in (each.subject, each.object, each.partner) if name}
        assert said <= set(names)

    def test_the_seed_changes_people_but_not_what_happens(self, play: Play) -> None:
        other = schedule_play(EVENTS, 8)
        assert Counter(each.verb for each in other.interactions) == Counter(each.verb for each in play.interactions)
        assert [each.height_m for each in other.players] != [each.height_m for each in play.players]

    def test_runners_are_faster_than_three_metres_a_second_and_nobody_else_on_foot(
        self, play: Play, player: dict[str, Player]
    ) -> None:
        running = {each.subject for each in scripted(play, "runs")}
        for person, each in player.items():
            times = np.arange(each.start_s, each.end_s, 0.5)
            on_foot = [each.pose_at(float(time)) is None for time in times]
            speed = np.abs(np.diff(each.places(times)[:, 2])) / 0.5
            fastest = speed[np.array(on_foot[1:]) & np.array(on_foot[:-1])].max(initial=0.0)
            assert (fastest > 3.0) == (person in running), (person, fastest)

    def test_followers_stay_some_metres_behind_and_friends_side_by_side(
        self, play: Play, player: dict[str, Player]
    ) -> None:
        apart: dict[str, list[float]] = {}
        for verb in ("follows", "walks_with"):
            for each in scripted(play, verb):
                times = np.arange(each.start_s, each.end_s, 0.2)
                assert each.object is not None and len(times) > 8 / 0.2
                one, other = (player[name].places(times)[:, :2] for name in (each.subject, each.object))
                apart.setdefault(verb, []).append(float(np.nanmedian(np.linalg.norm(one - other, axis=1))))
        assert all(1.8 < each < 4 for each in apart["follows"]), apart
        assert all(0.5 < each < 1.0 for each in apart["walks_with"]), apart

    def test_an_abandoned_suitcase_lies_alone_for_longer_than_twenty_seconds(
        self, play: Play, player: dict[str, Player]
    ) -> None:
        props = {each.name: each for each in play.props}
        for each in scripted(play, "abandons"):
            assert each.object is not None and each.end_s - each.start_s > 20
            places = props[each.object].places(np.array([each.start_s + 1, each.end_s - 0.1]))
            np.testing.assert_allclose(places[0], places[1])
            owner = player[each.subject]
            assert each.end_s - owner.end_s > 20 or each.end_s >= EVENTS.minutes * 60

    def test_a_thing_is_in_one_place_at_a_time(self, play: Play) -> None:
        for prop in play.props:
            assert all(one.end_s == other.start_s for one, other in pairwise(prop.stretches)), prop.name
            times = np.arange(prop.start_s, prop.end_s, 0.1)
            steps = np.linalg.norm(np.diff(prop.places(times), axis=0), axis=1)
            assert np.nanmax(steps) < 1.2, (prop.name, np.nanmax(steps))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> SampleSite:
    return build_sample_site(tmp_path_factory.mktemp("events") / "site", spec=SHORT)


def at(boxes: TrueBoxes | None, name: str, film: SampleSite, time_s: float) -> TrueBoxes:
    assert boxes is not None
    start_us = round(film.truth.files[0].start_time.timestamp() * 1e6)
    return boxes.take((boxes.person == name) & (boxes.time_us == start_us + round(time_s * 1e6)))


class TestFilm:
    def test_truth_comes_back_from_disk_and_the_film_is_as_long_as_said(self, film: SampleSite) -> None:
        again = load_truth(film.root)
        assert again.interactions == film.truth.interactions and again.things == film.truth.things
        assert again.thing_boxes is not None and film.truth.thing_boxes is not None
        assert again.thing_boxes.to_columns() == film.truth.thing_boxes.to_columns()
        assert film.truth.files[0].frames == SHORT.file_s * SHORT.fps

    def test_interactions_are_told_while_they_are_visible(self, film: SampleSite) -> None:
        found = {each.verb: each for each in film.truth.interactions if not each.optional}
        assert found.keys() == {"rides", "falls", "carries", "puts_down", "picks_up"}, "who is hidden does nothing"
        start = film.truth.files[0].start_time
        begins_s = (found["rides"].start_time - start).total_seconds()
        assert 0 < begins_s < 1, "the rider comes into the picture first"
        assert (found["rides"].subject, found["rides"].object) == ("rider 1", "bicycle 1")

    def test_who_falls_lies_and_is_wider_than_high(self, film: SampleSite) -> None:
        fell = next(each for each in film.truth.interactions if each.verb == "falls")
        start_s = (fell.start_time - film.truth.files[0].start_time).total_seconds()
        sizes = []
        for time_s in (start_s - 0.5, start_s + FALL_S + 1):
            (box,) = at(film.truth.boxes, fell.subject, film, round(time_s, 1)).box
            sizes.append((box[2] - box[0]) / (box[3] - box[1]))
        assert sizes[0] < 0.7 and sizes[1] > 1.5, sizes

    def test_a_car_hides_who_is_behind_it(self, film: SampleSite) -> None:
        shares = at(film.truth.boxes, "hidden 1", film, 6.0).visible_share
        assert len(shares) == 1 and shares[0] < 0.6
        (car,) = at(film.truth.thing_boxes, "car 1", film, 6.0).box
        assert (car[2] - car[0]) / (car[3] - car[1]) == pytest.approx(4.3 / 1.45, rel=0.1)

    def test_a_rider_is_above_the_bicycle_that_goes_along(self, film: SampleSite) -> None:
        (rider,) = at(film.truth.boxes, "rider 1", film, 2.0).box
        (bicycle,) = at(film.truth.thing_boxes, "bicycle 1", film, 2.0).box
        assert rider[1] < bicycle[1] and rider[3] < bicycle[3]
        assert bicycle[0] < rider[[0, 2]].mean() < bicycle[2]


def test_sides_of_the_picture_are_out_of_it() -> None:
    lens = EVENTS.cameras[0].lens(EVENTS.size_px)
    for y in (-4.0, -1.0):
        for left in (True, False):
            pixels, _ = lens.project(np.array([[*beside_picture(y, left), 0.0]]))
            assert (pixels[0, 0] < 0) if left else (pixels[0, 0] > EVENTS.size_px[0])


def test_a_film_may_have_another_play(tmp_path: Path) -> None:
    spec = replace(SHORT, play=None, file_s=2, segment_s=2)
    truth = build_sample_site(tmp_path / "site", spec=spec).truth
    assert truth.interactions == () and not len(truth.boxes) and truth.thing_boxes is None
