import numpy as np
import pytest

from bench.interactions_groups import FPS, Walker, _boxes, _project, near_pairs, true_pairs
from ops.positions import Positions
from tests.ops.ground_scene import join, make_view
from tests.ops.interactions.rules.day import on_ground
from tests.support.fakes import FakeServices, make_segment, make_unit


def test_the_peer_finds_who_is_near_for_long_enough():
    near = join(on_ground([(-5, 9), (5, 9)], (0, 9), "a"), on_ground([(-5, 10), (5, 10)], (0, 9), "b"))
    passer = on_ground([(5, 9), (-5, 9)], (0, 9), "c")
    unit = make_unit([make_segment(duration_s=60, size_px=(640, 480))], make_view(), unit="day")
    positions = Positions().run(unit, {"track_points": join(near, passer)}, FakeServices())["positions"]
    assert near_pairs(positions) == {("a", "b")}


def test_boxes_stand_on_the_places_of_walkers():
    walker = Walker(np.arange(2), np.array([[0.0, 15.0], [1.0, 15.0]]))
    boxes = _boxes(walker, 0.0, np.random.default_rng(1))
    feet = np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])
    assert feet == pytest.approx(_project(walker.place_m, 0.0))


@pytest.mark.assets
def test_true_pairs_are_of_one_group_and_walk_together(assets):
    side = Walker(np.arange(40), np.column_stack([np.arange(40) / FPS, np.full(40, 15.0)]))
    stands = Walker(side.frame, np.full((40, 2), 15.0))
    people = {"person-0014": side, "person-0015": side, "person-0013": side, "person-0012": stands}
    assert true_pairs("hotel", people, 5.0, assets) == {("person-0014", "person-0015")}
