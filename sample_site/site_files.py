"""Writes the sample site's ``site.toml`` with control points, and its two layers, as a user would."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ops.anonymize.params import AnonymizeParams
from sample_site.derive_truth import LINES, ZONES
from sample_site.geometry import Point
from sample_site.renderer import Renderer
from sample_site.script import CRS, ORIGIN_M, TIMEZONE, CameraSpec, Params, SampleSpec
from schemas.values import ControlPoint

CONTROL_POINTS = 8
_EDGE_PX = 6.0  # users do not mark points right at the frame's edge
_URN = "urn:ogc:def:crs:EPSG::" + CRS.removeprefix("EPSG:")

_Geometries = dict[str, dict[str, object]]


def write_site_files(root: Path, spec: SampleSpec, renderers: Mapping[str, Renderer]) -> None:
    """Writes ``site.toml``, ``layers/zones.geojson`` and ``layers/lines.geojson`` below a folder."""
    layers = root / "layers"
    layers.mkdir(parents=True, exist_ok=True)
    zones: _Geometries = {
        zone: {"type": "Polygon", "coordinates": [[*_map(ring), _map(ring)[0]]]} for zone, ring in ZONES.items()
    }
    lines: _Geometries = {line: {"type": "LineString", "coordinates": _map(way)} for line, way in LINES.items()}
    for name, features in (("zones", zones), ("lines", lines)):
        text = json.dumps(_collection(name, features), indent=1)
        (layers / f"{name}.geojson").write_text(text + "\n", encoding="utf-8")
    (root / "site.toml").write_text(_site_toml(spec, renderers), encoding="utf-8")


def control_points(renderer: Renderer) -> list[ControlPoint]:
    """Returns corners of floor tiles, far apart in the picture, with a surveyor's precision of 0.1 px and 1 cm."""
    grid = np.array([(0.6 * i, 0.6 * j) for i in range(27) for j in range(-4, 14)])
    pixels, depth = renderer.lens.project(np.column_stack([grid, np.zeros(len(grid))]))
    width, height = renderer.lens.size_px
    high = (width - _EDGE_PX, height - _EDGE_PX)
    inside = (depth > 0) & (pixels > _EDGE_PX).all(axis=1) & (pixels < high).all(axis=1)
    grid, pixels, depth = grid[inside], pixels[inside], depth[inside]
    column, row = np.floor(pixels).astype(int).T
    bare = np.abs(renderer.backdrop.depth_m[row, column] - depth) < 0.15
    grid, pixels = grid[bare], pixels[bare]
    chosen = [int(np.argmax(pixels[:, 1]))]
    while len(chosen) < CONTROL_POINTS:
        gaps = np.linalg.norm(pixels[:, None] - pixels[chosen][None], axis=2).min(axis=1)
        chosen.append(int(np.argmax(gaps)))
    return [
        ControlPoint(round(float(u), 1), round(float(v), 1), round(ORIGIN_M[0] + x, 2), round(ORIGIN_M[1] + y, 2))
        for (u, v), (x, y) in zip(pixels[chosen], grid[chosen].tolist(), strict=True)
    ]


def _site_toml(spec: SampleSpec, renderers: Mapping[str, Renderer]) -> str:
    head = f"""\
# The sample site: two cameras in one hall that was never built. Made by the sample site generator; see truth/ for what
# really happened.
name = "Sample hall"
crs = "{CRS}"
timezone = "{TIMEZONE}"
segment_s = {spec.segment_s}
"""
    ops = (
        f"[ops.{op}]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in params.items())
        for op, params in _params(spec).items()
    )
    cameras = (_camera_toml(camera, spec, renderers[camera.camera]) for camera in spec.cameras)
    layers = (f'[[layers]]\nname = "{name}"\nfile = "layers/{name}.geojson"\n' for name in ("zones", "lines"))
    return "\n".join((head, *ops, *cameras, *layers))


def _params(spec: SampleSpec) -> Params:
    params = dict(spec.params)
    # Nobody in the film stands still for a segment of a few seconds, so its background may vouch.
    if spec.segment_s < AnonymizeParams().min_background_s:
        params["anonymize"] = {"min_background_s": spec.segment_s, **params.get("anonymize", {})}
    return params


def _camera_toml(camera: CameraSpec, spec: SampleSpec, renderer: Renderer) -> str:
    x, y, z = np.add(camera.place_m, (*ORIGIN_M, 0.0)).round(2).tolist()
    points = "\n".join(
        f"  {{ u = {p.u_px}, v = {p.v_px}, x = {p.x_m:.2f}, y = {p.y_m:.2f} }}," for p in control_points(renderer)
    )
    return f"""\
[[cameras]]
id = "{camera.camera}"
name = "{camera.name}"
position = [{x}, {y}, {z}]
image_size = [{spec.size_px[0]}, {spec.size_px[1]}]
control_points = [
{points}
]
"""


def _collection(name: str, features: _Geometries) -> dict[str, object]:
    """Returns GeoJSON with a ``crs`` member (GeoJSON 2008), as GDAL reads and writes it."""
    return {
        "type": "FeatureCollection",
        "name": name,
        "crs": {"type": "name", "properties": {"name": _URN}},
        "features": [
            {"type": "Feature", "properties": {"id": feature}, "geometry": geometry}
            for feature, geometry in features.items()
        ],
    }


def _map(places: tuple[Point, ...]) -> list[list[float]]:
    return [[round(ORIGIN_M[0] + x, 3), round(ORIGIN_M[1] + y, 3)] for x, y in places]
