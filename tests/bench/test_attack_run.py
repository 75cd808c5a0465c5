"""An attack is judged by what the published frames show."""

from fractions import Fraction

import numpy as np
import pytest

from bench.attack_footage import Footage
from bench.attack_run import hidden_shares, judge, paired, people_shown
from bench.frame_pairs import Pair
from bench.real_clips import TICK, steady_times, write_frames, write_stamped
from ops.anonymize.params import AnonymizeParams
from schemas.frame_boxes import FrameBoxes

PERSON = [20.0, 10.0, 40.0, 70.0]
COVER = np.array(AnonymizeParams().bgr, np.uint8)


def truth(frames=1):
    return FrameBoxes.of(np.arange(1, frames + 1), np.zeros(frames, np.int64), np.array([PERSON] * frames))


def scene(person=None):
    image = np.full((80, 100, 3), 180, np.uint8)
    if person is not None:
        image[10:70, 20:40] = person
    return image


def covered_by(published):
    return (published == COVER).all(axis=2)


def test_a_head_is_hidden_where_it_is_covered_flat():
    filmed, covered = scene(20), scene(20)
    covered[0:15, 20:40] = COVER
    pair = Pair(1, filmed, covered)
    (share,) = hidden_shares(pair, covered_by(covered), truth(), None)
    assert 0.4 < share < 0.5


@pytest.mark.parametrize(("published", "hidden"), [(scene(), 1.0), (scene(20), 0.0), (scene(25), 0.0)])
def test_where_the_background_is_painted_a_head_is_hidden_if_its_colours_are_gone(published, hidden):
    pair = Pair(1, scene(20), published)
    assert hidden_shares(pair, covered_by(published), truth(), scene()).tolist() == [hidden]


def test_people_who_look_like_the_scene_are_not_judged():
    pair = Pair(1, scene(190), scene(190))
    assert np.isnan(hidden_shares(pair, covered_by(pair.anonymized), truth(), scene())).all()


def test_people_found_are_neither_the_cover_nor_the_scene():
    box = np.array([PERSON])
    shown, gone, covered = scene(20), scene(), scene(20)
    covered[10:70, 20:40] = COVER
    for image, count in ((shown, 1), (gone, 0), (covered, 0)):
        assert len(people_shown(box, Pair(1, scene(20), image), covered_by(image), scene())) == count


def test_a_clip_is_judged_frame_by_frame(tmp_path):
    filmed = write_frames(tmp_path / "filmed.mp4", [scene(20)] * 3, steady_times(3, 5))
    covered = scene(20)
    covered[5:75, 15:45] = COVER
    whole = np.broadcast_to(COVER, covered.shape).copy()
    video = write_frames(tmp_path / "covered.mp4", [covered, scene(20), whole], steady_times(3, 5))
    picture = tmp_path / "pictures" / "worst.png"
    outcome = judge(Footage(filmed, truth(3)), video, "silhouette", None, picture)
    assert (outcome.frames, outcome.heads, outcome.bare, outcome.whole) == (3, 3, 1, 1)
    assert picture.is_file()


def test_frames_whose_times_repeat_are_paired_in_their_order(tmp_path):
    source = write_stamped(tmp_path / "twice.mkv", [scene(20)] * 4, [0, 0, 9000, 9000])
    both = write_stamped(tmp_path / "both.mkv", [scene(20)] * 3, [0, 0, 9000])
    once = write_frames(tmp_path / "once.mp4", [scene(20)] * 2, [Fraction(0), 9000 * TICK])
    assert [pair.number for pair in paired(source, both)] == [1, 2, 3]
    assert [pair.number for pair in paired(source, once)] == [1, 3]


def test_a_published_frame_at_a_time_of_its_own_is_refused(tmp_path):
    source = write_stamped(tmp_path / "twice.mkv", [scene(20)] * 3, [0, 0, 9000])
    other = write_frames(tmp_path / "other.mp4", [scene(20)] * 2, [Fraction(0), 4500 * TICK])
    with pytest.raises(ValueError, match=r"frame at 0\.0500 s"):
        list(paired(source, other))


def test_people_in_the_painted_background_are_found(tmp_path):
    filmed = write_frames(tmp_path / "filmed.mp4", [scene(20)] * 2, steady_times(2, 5))
    video = write_frames(tmp_path / "painted.mp4", [scene(), scene(20)], steady_times(2, 5))
    outcome = judge(Footage(filmed, truth(2), scene()), video, "remove", None)
    assert (outcome.heads, outcome.bare, outcome.people_found, outcome.area) == (2, 1, 1, None)
