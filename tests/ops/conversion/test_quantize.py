"""INT8 is what the pictures calibrate, and the tail of a detector stays as it is."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from ops.conversion.agreement import Comparison
from ops.conversion.graphs import precision_of, read_graph, write_graph
from ops.conversion.quantize import draw_input, quantize, require_nncf, tail_of
from schemas.errors import ModelError
from tests.ops.conversion.small_detector import coloured_pictures, patch_detector

needs_nncf = pytest.mark.skipif(find_spec("nncf") is None, reason="the extra `convert` is not installed")


def test_without_nncf_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'nightshift\[convert\]'"):
        require_nncf()


def test_the_tail_begins_after_the_last_convolution(tmp_path):
    graph = read_graph(patch_detector(tmp_path / "net"))
    names = tail_of(graph.network)
    kinds = {node.get_type_name() for node in graph.network.get_ops() if node.get_friendly_name() in names}
    assert kinds == {"Concat", "Sigmoid", "Multiply", "Gather", "Reshape"}


@pytest.mark.assets
def test_the_tail_of_a_real_detector_holds_its_box_decoding(assets):
    import openvino as ov

    network = ov.Core().read_model(assets / "weights/yolo11n_int8_openvino_model/yolo11n.xml")
    names = tail_of(network)
    assert "__module.model.23.dfl.conv/aten::_convolution/Convolution" in names
    assert "__module.model.23/aten::sigmoid/Sigmoid" in names
    assert all(name.startswith(("__module.model.23/", "__module.model.23.dfl")) or "/" not in name for name in names)


@needs_nncf
@pytest.mark.slow
def test_int8_finds_the_same_if_it_was_calibrated_on_what_it_sees(tmp_path, capsys):
    source = patch_detector(tmp_path / "net")
    graph, pictures = read_graph(source), coloured_pictures(8)
    shares = {}
    for name, shown in (("colours", pictures[:4]), ("black", [np.zeros_like(pictures[0])] * 4)):
        network = quantize(graph, source.layout, [draw_input(picture, graph.input_px, "yolo") for picture in shown])
        assert precision_of(network) == "INT8"
        write_graph(network, tmp_path / name, to_fp16=False)
        comparison = Comparison(source, replace(source, path=str(tmp_path / name)))
        for picture in pictures[4:]:
            comparison.add(name, picture)
        shares[name] = comparison.by_group[name].share
    assert precision_of(graph.network) == "FP32"
    assert shares["colours"] == 1
    assert capsys.readouterr().out == ""
