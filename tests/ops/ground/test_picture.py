"""The picture of a camera's ground: what each panel shows, and what it says where nothing is known."""

import numpy as np

from ops.depth_models.kinds import MetricDepth, RelativeDepth
from ops.ground.picture import GREY, GRID, HORIZON, POST, TITLE_PX, Scene, draw_ground
from ops.ground.pinhole import PinholeGround
from schemas.values import Bools, Uint8

CAMERA = PinholeGround((640, 360), 500.0, np.radians(12), 0.0, 4.0)
WHITE = np.full((360, 640, 3), 255, np.uint8)
NOBODY = np.zeros((360, 640), np.bool_)


def quarters(picture: Uint8) -> list[Uint8]:
    """The four panels without their titles."""
    half = picture.shape[0] // 2
    rows = (picture[TITLE_PX:half], picture[half + TITLE_PX :])
    return [panel for row in rows for panel in (row[:, :640], row[:, 640:])]


def has(panel: Uint8, colour: tuple[int, int, int], least: int = 20) -> Bools:
    """Rows in which a colour is drawn, if it is drawn at all."""
    found = (np.abs(panel.astype(int) - colour) < 30).all(axis=2)
    assert found.sum() >= least
    return np.asarray(found.any(axis=1))


def test_a_known_ground_has_grid_horizon_and_posts_below_it() -> None:
    plane = CAMERA.ground_plane("cam1")
    depth = MetricDepth(np.linspace(20, 4, 180 * 320).reshape(180, 320).astype(np.float32))
    floor = np.zeros((360, 640), np.bool_)
    floor[200:] = True
    background, depths, floors, ground = quarters(draw_ground(Scene(WHITE, NOBODY, plane, CAMERA, depth, floor)))
    assert (background == 255).all()
    assert len(np.unique(depths.reshape(-1, 3), axis=0)) > 100, "colours"
    assert (floors[:190] == 255).all() and (floors[210:] != 255).any(axis=2).all()
    horizon_row = 180 - 500 * np.tan(np.radians(12))
    assert abs(np.flatnonzero(has(ground, HORIZON)).mean() - horizon_row) < 2
    for colour in (GRID, POST):
        assert np.flatnonzero(has(ground, colour)).min() > horizon_row - 2


def test_what_may_show_somebody_is_covered_in_every_panel() -> None:
    hidden = NOBODY.copy()
    hidden[100:200, 300:400] = True
    shown = quarters(draw_ground(Scene(WHITE, hidden, None, None, RelativeDepth(np.ones((9, 16), np.float32)), NOBODY)))
    for panel in (shown[0], shown[2]):
        assert (panel[105:195, 305:395] == GREY).all()


def test_without_anything_the_panels_say_so() -> None:
    panels = quarters(draw_ground(Scene(WHITE, NOBODY, None, None, None, None)))
    assert [bool((panel < 100).any()) for panel in panels] == [False, True, True, True], "text"
