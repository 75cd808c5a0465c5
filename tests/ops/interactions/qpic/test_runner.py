"""QPIC on frames: what OpenVINO gives is what PyTorch gives; rows are the best of queries and verbs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ops.frame_interactions import FrameInteractions, FrameInteractionsParams
from ops.interactions.encounters import Candidates
from ops.interactions.qpic.names import COCO_OBJECTS, MISSING_OBJECT, VCOCO_VERBS
from ops.interactions.qpic.pictures import normed, scaled
from ops.interactions.qpic.postprocess import Pairs, postprocess
from ops.interactions.qpic.runner import OpenvinoRun, QpicModel, best_rows
from ops.interactions.verb_model import Look
from schemas.errors import ModelError
from tests.ops.interactions.qpic.tiny import TINY, tiny_network, tiny_weights
from tests.ops.interactions.test_encounters import BAG, PERSON, SEGMENT, detections
from tests.support.fakes import FakeServices, make_batch, make_unit

NOBODY = Candidates(np.zeros(0, np.int64), np.zeros((0, 4)), (), np.zeros((0, 2), np.int64))


def look(frame: np.ndarray) -> Look:
    return Look(frame, 0, 0, NOBODY)


def frames(count: int, size_px: tuple[int, int] = (90, 60)) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (count, size_px[1], size_px[0], 3), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (97, 70)])
def test_openvino_agrees_with_pytorch_whatever_the_size(size: tuple[int, int]) -> None:
    network = tiny_network()
    pictures = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network(pictures, torch.zeros(1, *size, dtype=torch.bool))[-1]
    run = OpenvinoRun(network, cpus=1)
    found = run(pictures)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.shape == theirs.shape
        assert torch.allclose(mine, theirs, atol=2e-5)
    assert all(torch.equal(again, before) for again, before in zip(run(pictures), found, strict=True))


@pytest.mark.slow
def test_boxes_are_in_pixels_of_the_frame_and_scores_are_those_of_pytorch(tmp_path: Path) -> None:
    model = QpicModel(tiny_weights(tmp_path / "tiny.pth"), 64, 200, cpus=1)
    (frame,) = frames(1)
    (found,) = model.find([look(frame)], least_score=0.0, most_rows=100)
    network = tiny_network()
    picture = torch.from_numpy(normed(scaled(frame, (96, 64)))[None])
    with torch.no_grad():
        outputs = network(picture, torch.zeros(1, 64, 96, dtype=torch.bool))[-1]
    (pairs,) = postprocess(outputs, torch.tensor([[60, 90]]))
    assert found.scores.shape == (6 * 2,)
    assert np.allclose(found.scores, np.sort(pairs.verb_scores, axis=None)[::-1], atol=1e-4)
    best = np.unravel_index(pairs.verb_scores.argmax(), pairs.verb_scores.shape)
    assert (found.verbs[0], found.object_labels[0]) == (TINY.verbs[best[1]], TINY.objects[pairs.object_labels[best[0]]])
    assert np.allclose(found.subjects[0], pairs.subject_boxes[best[0]], atol=0.05)
    assert np.allclose(found.objects[0], pairs.object_boxes[best[0]], atol=0.05)


def made_pairs(labels: list[int], scores: list[list[float]]) -> Pairs:
    boxes = np.arange(4 * len(labels), dtype=np.float32).reshape(-1, 4)
    return Pairs(boxes, boxes + 100, np.array(labels), np.array(scores, np.float32))


def test_the_best_rows_come_first_and_weak_ones_are_left_out() -> None:
    pairs = made_pairs([1, 2], [[0.2, 0.9], [0.5, 0.04]])
    found = best_rows(pairs, TINY, least_score=0.05, most_rows=100)
    assert found.verbs == ("sits_on", "pushes", "pushes")
    assert found.object_labels == ("cart", "bench", "cart")
    assert np.allclose(found.scores, [0.9, 0.5, 0.2])
    assert found.subjects[1].tolist() == [4, 5, 6, 7]
    assert best_rows(pairs, TINY, 0.05, most_rows=2).verbs == ("sits_on", "pushes")
    assert best_rows(pairs, TINY, 0.95, 100).verbs == ()


def test_a_missing_object_and_verbs_without_object_have_none() -> None:
    settings = replace(TINY, objects=(*COCO_OBJECTS, MISSING_OBJECT), verbs=VCOCO_VERBS)
    scores = [[0.0] * len(VCOCO_VERBS) for _ in range(2)]
    scores[0][VCOCO_VERBS.index("hold_obj")] = 0.9  # of something that is missing
    scores[1][VCOCO_VERBS.index("run")] = 0.8
    scores[1][VCOCO_VERBS.index("kick_obj")] = 0.7
    found = best_rows(made_pairs([80, 32], scores), settings, 0.05, 100)
    assert found.verbs == ("hold_obj", "run", "kick_obj")
    assert found.object_labels == (None, None, "sports ball")
    assert np.isnan(found.objects).all(axis=1).tolist() == [True, True, False]


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"model": {"conv1.weight": torch.zeros(3)}}, path)
    weights = tiny_weights(tmp_path / "tiny.pth")
    with pytest.raises(ModelError, match=r"other\.pth: weights of another architecture.*query_embed"):
        QpicModel(replace(weights, path=str(path)), 64, 200, cpus=1)


@pytest.mark.slow
def test_the_op_runs_qpic_on_frames_with_an_encounter(tmp_path: Path) -> None:
    op = FrameInteractions(FrameInteractionsParams(model="tiny", short_side_px=64, score=0.01, most_rows=5))
    op.open({"verbs": tiny_weights(tmp_path / "tiny.pth")}, 1)
    found = [[("person", PERSON), ("suitcase", BAG)]] * 15
    services = FakeServices()
    session = op.start(make_unit([SEGMENT]), {"detections": detections(found)}, services)
    session.feed(make_batch(frames(15, (320, 240)), SEGMENT))
    rows = session.finish({})["frame_interactions"].to_pylist()
    assert services.counters == {"interaction_calls": 2, "interaction_frames": 2}
    assert len(rows) == 10
    assert {row["verb"] for row in rows} <= set(TINY.verbs)
    assert {row["model"] for row in rows} == {"tiny.pth"}
    assert all(0 <= row["x1"] < row["x2"] <= 320 and 0 <= row["object_y1"] < row["object_y2"] <= 240 for row in rows)
    op.close()
