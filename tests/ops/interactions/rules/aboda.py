"""What detection and the background find in the ABODA clip, recorded, so that rules are tested without a network.

``python -m tests.ops.interactions.rules.aboda`` records it again, from the footage of ``$NIGHTSHIFT_ASSETS``.
The real run of ``tests/test_real_night.py`` shows that detection still leads to the same bag.
"""

import itertools
import os
from pathlib import Path

import av
import pyarrow.parquet as pq

from ops.background import Background, BackgroundParams
from ops.detect import Detect, DetectParams
from schemas.op import DETECTOR, ModelRequest, Tables
from schemas.tables import TABLES
from storage.weights.catalogue import ModelStore
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

RECORDED = Path(__file__).parent / "aboda"
TABLES_KEPT = ("detections", "observed_frames", "static_regions")
FPS = 29.97 / 6
SEGMENT = make_segment(duration_s=1169 / 29.97, fps=FPS, size_px=(720, 480))


def recorded() -> Tables:
    """``detections``, ``observed_frames`` and ``static_regions`` of the clip, at every sixth frame."""
    return {name: TABLES[name].conform(pq.read_table(RECORDED / f"{name}.parquet")) for name in TABLES_KEPT}


def record(assets: Path) -> None:
    """Looks at the clip and writes the tables."""
    unit, services = make_unit([SEGMENT]), FakeServices()
    detect, background = Detect(DetectParams()), Background(BackgroundParams())
    weights = ModelStore(assets / "weights").resolve(ModelRequest("yolo11n_int8_openvino_model", "detect"))
    assert weights is not None
    detect.open({DETECTOR: weights}, 1)
    looking, settling = (op.start(unit, {}, services) for op in (detect, background))
    with av.open(str(assets / "video/aboda_video4.avi")) as clip:
        for number, image in enumerate(itertools.islice(clip.decode(video=0), 0, None, 6)):
            batch = make_batch(image.to_ndarray(format="bgr24")[None], SEGMENT, number, FPS)
            looking.feed(batch)
            if number % 2 == 0:
                settling.feed(batch)
    tables = dict(looking.finish({}))
    tables |= settling.finish(tables)
    detect.close()
    RECORDED.mkdir(exist_ok=True)
    for name in TABLES_KEPT:
        pq.write_table(tables[name], RECORDED / f"{name}.parquet", compression="zstd")


if __name__ == "__main__":
    record(Path(os.environ["NIGHTSHIFT_ASSETS"]))
