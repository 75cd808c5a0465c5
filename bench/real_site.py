"""Builds a site from the real clips of `$NIGHTSHIFT_ASSETS`, for tests and benchmarks.

The site's archive holds copies under names that give camera and time.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.site.file import SiteFiles, load_site

DAY = "2026-03-02"
CLIPS = {
    "pets": ("pets09_s2l1_480x360.mp4", "20-00-00"),
    "tud": ("TUD-Campus.mp4", "20-10-00"),
    "table": ("one-by-one-person-detection.mp4", "20-20-00"),
    "bag": ("aboda_video4.avi", "20-30-00"),
    "carpark": ("car-detection.mp4", "20-40-00"),
}
"""By camera: the clip, and the local start time that its name gives."""

DETECTOR, SECOND_DETECTOR = "yolo11n_int8_openvino_model", "yolox_nano.onnx"


@dataclass(frozen=True)
class MapAnchor:
    """Map position of the origin of the PETS ground truth."""

    x0_m: float
    y0_m: float


def build_real_site(root: Path, assets: Path, cameras: tuple[str, ...] = tuple(CLIPS)) -> SiteFiles:
    """Builds a site of these cameras' clips with the yolo11n INT8 weights, and YOLOX-Nano for the second look.

    Args:
        root: an empty or new folder.
        assets: folder of the real material.
    """
    points, _ = _control_points(assets)
    shutil.copytree(assets / "weights" / DETECTOR, root / "models" / DETECTOR)
    shutil.copyfile(assets / "weights" / SECOND_DETECTOR, root / "models" / SECOND_DETECTOR)
    for camera in cameras:
        clip, clock = CLIPS[camera]
        folder = root / "archive" / camera
        folder.mkdir(parents=True)
        shutil.copyfile(assets / "video" / clip, folder / f"{DAY}T{clock}{Path(clip).suffix}")
    (root / "layers").mkdir()
    (root / "layers" / "zones.geojson").write_text(json.dumps(_zones(points)))
    (root / "site.toml").write_text(_site_toml(cameras, points))
    return load_site(root)


def pets_anchor(assets: Path) -> MapAnchor:
    """Returns the map position of the PETS data set's local origin."""
    return _control_points(assets)[1]


def _control_points(assets: Path) -> tuple[list[tuple[float, float, float, float]], MapAnchor]:
    read = json.loads((assets / "gt" / "PETS09-S2L1" / "ground_control_points.json").read_text())
    anchor = MapAnchor(read["local_to_map"]["x0_m"], read["local_to_map"]["y0_m"])
    points = [
        (point["u_px"], point["v_px"], anchor.x0_m + point["x_m"], anchor.y0_m + point["y_m"])
        for point in read["points"]
    ]
    return points, anchor


def _zones(points: list[tuple[float, float, float, float]]) -> dict[str, object]:
    """Returns a square around the centre of the control points, and a line across it."""
    x, y = np.mean([point[2:] for point in points], axis=0)
    square = [[x - 2.5, y - 2.5], [x + 2.5, y - 2.5], [x + 2.5, y + 2.5], [x - 2.5, y + 2.5], [x - 2.5, y - 2.5]]
    shapes = {
        "crossing": {"type": "Polygon", "coordinates": [square]},
        "middle": {"type": "LineString", "coordinates": [[x - 5.0, y], [x + 5.0, y]]},
    }
    return {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}},
        "features": [
            {"type": "Feature", "properties": {"id": name}, "geometry": shape} for name, shape in shapes.items()
        ],
    }


def _site_toml(cameras: tuple[str, ...], points: list[tuple[float, float, float, float]]) -> str:
    lines = ['name = "Real clips"', 'crs = "EPSG:28992"', 'timezone = "Europe/Amsterdam"', "settle_s = 0", ""]
    for camera in cameras:
        lines += ["[[cameras]]", f'id = "{camera}"']
        if camera == "pets":
            rows = ", ".join(f"{{u = {u}, v = {v}, x = {x:.3f}, y = {y:.3f}}}" for u, v, x, y in points)
            lines += ["image_size = [480, 360]", f"control_points = [{rows}]"]
        lines.append("")
    return "\n".join([*lines, "[[layers]]", 'name = "zones"', 'file = "layers/zones.geojson"', ""])
