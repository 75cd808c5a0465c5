"""The comparison with the library's pipeline counts maps, and sees one that differs."""

import pytest

from bench import depth_pipeline
from bench.depth_pipeline import PICTURE_SIZES_PX, measure

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of the library's own code


def test_equal_maps_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure(["glpn"]) == {"pipeline_equal": True, "pipeline_equal.glpn": 1.0, "maps": len(PICTURE_SIZES_PX)}
    library = depth_pipeline.library_depth
    monkeypatch.setattr(depth_pipeline, "library_depth", lambda path, image: library(path, image) * 1.001)
    assert measure(["glpn"])["pipeline_equal"] is False
