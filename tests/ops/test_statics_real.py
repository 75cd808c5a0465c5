"""The bag of the ABODA clip is one thing, however the clip is cut into segments; no network is needed."""

import itertools
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ops.background import Background, BackgroundParams
from schemas.op import Tables
from schemas.values import Segment
from tests.ops.interactions.rules.aboda import FPS, SEGMENT, recorded
from tests.ops.rest_scene import find, second
from tests.support.fakes import START, FakeServices, make_batch, make_segment, make_unit

pytestmark = [pytest.mark.assets, pytest.mark.slow]
PUT_DOWN_S = 390 / 29.97
EVERY = 12


def backgrounds_of(assets: Path, segments: list[Segment]) -> Tables:
    """The tables of ``background``, from what a detector found when it was recorded."""
    frames = []
    with av.open(str(assets / "video/aboda_video4.avi")) as clip:
        for image in itertools.islice(clip.decode(video=0), 0, None, EVERY):
            frames.append(image.to_ndarray(format="bgr24"))
    fps, kept = FPS * 6 / EVERY, recorded()
    parts: dict[str, list[pa.Table]] = {name: [] for name in Background.spec.writes}
    for segment in segments:
        begin, end = pa.scalar(segment.start), pa.scalar(segment.end)
        late = {
            name: kept[name].filter(
                pc.and_(pc.greater_equal(kept[name]["time"], begin), pc.less(kept[name]["time"], end))
            )
            for name in ("detections", "observed_frames")
        }
        first = round((segment.start - START) / timedelta(seconds=1) * fps)
        own = np.stack(frames[first : first + round(segment.duration_s * fps)])
        session = Background(BackgroundParams()).start(make_unit([segment]), {}, FakeServices())
        session.feed(make_batch(own, segment, 0, fps))
        for name, table in session.finish(late).items():
            parts[name].append(table)
    return {name: pa.concat_tables(tables) for name, tables in parts.items()}


@pytest.mark.parametrize(("segment_s", "error_s"), [(13.0, 13.0), (19.5, 2.0), (39.0, 2.0)])
def test_the_bag_is_one_thing(assets: Path, segment_s: float, error_s: float) -> None:
    count = int(SEGMENT.duration_s // segment_s)
    segments = [make_segment(index, segment_s, FPS, (720, 480)) for index in range(count)]
    (bag,) = find(backgrounds_of(assets, segments), segments)[0]
    assert [bag[side] for side in ("x1", "y1", "x2", "y2")] == pytest.approx([453, 371, 510, 415], abs=8)
    assert second(bag["came_time"]) == pytest.approx(PUT_DOWN_S, abs=error_s)
    assert bag["came_error_s"] is not None and bag["came_error_s"] <= error_s
    assert bag["left_time"] is None and second(bag["end_time"]) == segments[-1].end.timestamp() - START.timestamp()
