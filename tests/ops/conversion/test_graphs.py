"""Networks keep what they compute when they change their format, and say their precision."""

from dataclasses import replace

import pytest

from ops.conversion.agreement import Comparison
from ops.conversion.graphs import precision_of, read_graph, write_graph
from schemas.errors import ModelError
from tests.ops.conversion.small_detector import CLASSES, coloured_pictures, patch_detector


def test_weights_of_16_bits_find_the_same(tmp_path):
    source = patch_detector(tmp_path / "net")
    graph = read_graph(source)
    assert (graph.precision, graph.input_px, graph.classes) == ("FP32", (64, 64), CLASSES)
    write_graph(graph.network, tmp_path / "small", to_fp16=True)
    converted = replace(source, path=str(tmp_path / "small"))
    assert read_graph(converted).precision == "FP16"
    assert (tmp_path / "small/model.bin").stat().st_size < (tmp_path / "net/net.bin").stat().st_size
    comparison = Comparison(source, converted)
    for picture in coloured_pictures(3):
        comparison.add("all", picture)
    assert comparison.by_group["all"].share == 1 and comparison.by_group["all"].boxes == 48
    assert comparison.source_s > 0 and comparison.converted_s > 0


def test_what_is_no_detector_of_these_formats_is_refused(tmp_path):
    source = patch_detector(tmp_path / "net")
    for wrong, reason in (
        (replace(source, layout="other"), "unknown layout"),
        (replace(source, format="tflite"), "tflite"),
    ):
        with pytest.raises(ModelError, match=reason):
            read_graph(wrong)
    (tmp_path / "net/net.xml").write_text("<net")
    with pytest.raises(ModelError, match="OpenVINO cannot load"):
        read_graph(source)


@pytest.mark.assets
def test_real_weights_say_their_precision(assets):
    import openvino as ov

    for name, precision in (
        ("weights/yolo11n_int8_openvino_model/yolo11n.xml", "INT8"),
        ("weights/yolox_nano.onnx", "FP32"),
        ("weights_more/nanodet-g-416.xml", "FP16"),
    ):
        assert precision_of(ov.Core().read_model(assets / name)) == precision
