"""The lens of a real camera, as its own data set calibrated it, is found from clicks through it."""

from pathlib import Path

from bench.geo_pets import Tsai, tsai_lens_figures


def test_points_clicked_through_the_lens_of_pets_fix_its_ground(assets: Path) -> None:
    figures = tsai_lens_figures(Tsai.read(assets / "gt" / "PETS09-S2L1" / "tsai_view_001.xml"))
    assert figures["tsai.lens_median_m"] < 0.03
    assert figures["tsai.lens_median_m"] < 0.6 * figures["tsai.no_lens_median_m"]
    assert figures["tsai.lens_p90_m"] < 0.6 * figures["tsai.no_lens_p90_m"]
