"""Frames that are looked at together are of one light."""

import numpy as np

from ops.detect.motion_buffer import MotionBuffer
from tests.ops.walkabout import film


def test_scenes_are_cut_where_the_light_jumps() -> None:
    buffer = MotionBuffer()
    light = np.concatenate([np.full(40, 1.0), np.full(5, 0.7), np.full(35, 0.5)])
    for frame in film(80, [], light):
        buffer.add(frame)
    assert [(scene.first, scene.last) for scene in buffer.scenes()] == [(0, 40), (45, 80)]
