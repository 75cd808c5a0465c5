"""Float networks restored from INT8 weights find what those find."""

from dataclasses import replace

import numpy as np
import pytest

from bench.convert import people_found, restored
from ops.conversion.agreement import Comparison
from ops.conversion.graphs import precision_of, read_graph, write_graph
from ops.detect.decode import Boxes
from ops.known_picture import PHOTOGRAPH, PHOTOGRAPH_PX, draw_known_picture
from schemas.frame_boxes import FrameBoxes
from schemas.op import ModelRequest
from storage.photographs import read_photograph
from storage.weights.catalogue import ModelStore


@pytest.mark.assets
def test_a_restored_network_is_in_floating_point_and_finds_the_same(assets, tmp_path):
    model = ModelStore(assets / "weights").resolve(ModelRequest("yolo11n_int8_openvino_model", "detect"))
    network = restored(read_graph(model).network)
    assert precision_of(network) == "FP32"
    write_graph(network, tmp_path / "float", to_fp16=False)
    comparison = Comparison(model, replace(model, path=str(tmp_path / "float")))
    comparison.add("street", draw_known_picture(read_photograph(PHOTOGRAPH, PHOTOGRAPH_PX)))
    assert comparison.by_group["street"].share > 0.9 and comparison.by_group["street"].boxes > 18


def test_people_are_counted_once_and_only_sure_ones():
    box = np.array([[0, 0, 10, 20], [50, 0, 60, 20]], float)
    truth = FrameBoxes(np.ones(2, int), np.arange(2), box, np.ones(2, bool))
    xyxy = np.array([[0, 0, 10, 20], [1, 0, 11, 20], [50, 0, 60, 20], [50, 0, 60, 20]], np.float32)
    found = Boxes(xyxy, np.array([0.9, 0.8, 0.2, 0.9], np.float32), np.array([0, 0, 0, 1]))
    assert people_found(found, truth).tolist() == [1, 2, 2]
