"""What the benchmark of cameras without a survey takes out of a site."""

from pathlib import Path

from bench.depth_no_survey import SAMPLE_CAMERAS, without_points
from sample_site.script import DEMO
from storage.site.file import load_site


def test_control_points_and_places_of_cameras_are_taken_out_and_nothing_else(tmp_path: Path) -> None:
    lines = ['name = "s"', 'crs = "EPSG:28992"', 'timezone = "UTC"', "[[cameras]]", 'id = "a"', "image_size = [9, 9]"]
    points = [f"{{u = {n}, v = 1, x = 2, y = 3}}" for n in range(4)]
    one_line = f"control_points = [{', '.join(points)}]"
    many_lines = ["control_points = [", *(f"  {point}," for point in points), "]"]
    for written in ([one_line], many_lines):
        text = "\n".join([*lines, "position = [1.0, 2.0, 3.0]", *written, "[[cameras]]", 'id = "b"', ""])
        (tmp_path / "site.toml").write_text(without_points(text))
        first, second = load_site(tmp_path).config.cameras
        assert (first.id, first.image_size, first.control_points, first.position) == ("a", (9, 9), (), None)
        assert second.id == "b"


def test_the_sample_sites_cameras_are_those_that_are_measured() -> None:
    assert {camera.camera for camera in DEMO.cameras} == set(SAMPLE_CAMERAS)
