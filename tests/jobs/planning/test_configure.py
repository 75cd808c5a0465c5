"""Mistakes in site.toml name the key and its line; a zone that no camera sees is reported."""

import json

import pytest
from shapely.geometry import box, mapping

import jobs.planning.fingerprint
import jobs.planning.unseen_features
from jobs.planning.configure import configure_site
from jobs.planning.fingerprint import fingerprint_base
from schemas.errors import SiteError
from storage.site.file import load_site
from tests.support.mistakes import one_line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("segmnet_s = 5", ["segmnet_s", "segment_s", "line"]),
        ('settle_s = "soon"', ["settle_s", "line"]),
        ("[ops.detekt]\nfps = 5", ["detekt", "detect", "line"]),
        ("[ops.detect]\nfbs = 5", ["fbs", "fps", "line"]),
        ('[ops.detect]\nfps = "fast"', ["fps", "line"]),
        ('skip_ops = ["fly"]', ["fly"]),
        ('[ops.anonymize]\nmode = "invisible"', ["mode", "silhouette", "line"]),
        ('[ops.anonymize]\ntargets = ["face"]', ["targets", "person", "line"]),
        ('[ops.anonymize]\ntargets = ["person", "screen"]', ["screen", "would stay visible", "line"]),
        ('[ops.anonymize]\nmode = "skeleton"', ["pose", "nightshift models import"]),
    ],
)
def test_wrong_key_or_type_names_key_and_line(nightshift, fresh_site, line, words):
    config = fresh_site / "site.toml"
    text = config.read_text()
    header, _, keys = line.partition("\n")
    if header in text:  # the site has the section, and TOML allows it once
        config.write_text(text.replace(header, line))
    else:
        config.write_text(text + f"\n{line}\n" if keys else f"{line}\n{text}")
    one_line(nightshift("plan", "--site", fresh_site), "site.toml", *words)


@pytest.mark.slow
def test_a_zone_that_no_camera_sees_is_reported(nightshift, fresh_site):
    zones = fresh_site / "layers" / "zones.geojson"
    zones.write_text(zones.read_text().replace("12100", "12900"))
    assert "8 km or more from every camera" in nightshift("plan", "--site", fresh_site).err


CAMERA = """
[[cameras]]
id = "{id}"
image_size = [640, 480]
control_points = [
  {{ u = 100, v = 200, x = 155000, y = 463020 }}, {{ u = 500, v = 200, x = 155020, y = 463020 }},
  {{ u = 50, v = 460, x = 155005, y = 463000 }}, {{ u = 600, v = 460, x = 155015, y = 463000 }},
]
"""


def site_with_squares(root, count, role, size_m=1.0):
    """Two calibrated cameras and a layer of squares behind them."""
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}}
    squares = [box(155000 + 9 * i, 462960, 155000 + 9 * i + size_m, 462961) for i in range(count)]
    features = [{"type": "Feature", "properties": {}, "geometry": mapping(square)} for square in squares]
    (root / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    layer = f'[[layers]]\nname = "a"\nfile = "a.geojson"\nrole = "{role}"\n'
    site = 'name = "a"\ncrs = "EPSG:28992"\ntimezone = "Europe/Amsterdam"\n'
    (root / "site.toml").write_text(site + layer + CAMERA.format(id="gate") + CAMERA.format(id="hall"))
    return load_site(root)


@pytest.mark.parametrize(("role", "planes"), [("count", 2), ("reference", 0)])
def test_a_cameras_homography_is_fitted_once_for_all_zones(tmp_path, monkeypatch, role, planes):
    fitted, module = [], jobs.planning.unseen_features
    fit = module.known_ground
    monkeypatch.setattr(
        jobs.planning.unseen_features,
        "known_ground",
        lambda view, inputs: fitted.append(view.camera) or fit(view, inputs),
    )
    ready = configure_site(site_with_squares(tmp_path, 50, role))
    assert len(fitted) == planes
    unseen = [warning for warning in ready.warnings if "outside the view" in warning]
    named = "50 zones (0, 1, 2, 3, 4, …) of layer a are outside the view of gate, hall"
    assert unseen == ([named] if role == "count" else [])


def test_one_zone_that_no_camera_sees_is_named(tmp_path):
    (unseen,) = (each for each in configure_site(site_with_squares(tmp_path, 1, "count")).warnings if "view" in each)
    assert unseen == "zone 0 of layer a is outside the view of gate, hall"


def test_the_features_of_a_layer_are_digested_once_for_all_cameras(tmp_path, monkeypatch):
    ready = configure_site(site_with_squares(tmp_path, 3, "count"))
    digested, digest = [], jobs.planning.fingerprint.digest
    monkeypatch.setattr(jobs.planning.fingerprint, "digest", lambda value: digested.append(value) or digest(value))
    bases = [fingerprint_base(ready, op, camera) for op in ("counts", "counts") for camera in ("gate", "hall")]
    assert len({base.ingredients["layers"] for base in bases}) == 1
    expected = [[f.feature_id, f.kind, f.space, f.camera, f.geometry.wkb_hex] for f in ready.features]
    assert digested.count(expected) == 1
    assert bases[0].ingredients["layers"] == digest(expected)[:16]


def test_a_change_of_a_reference_layer_makes_nothing_stale(tmp_path):
    def print_of(*squares):
        return fingerprint_base(configure_site(site_with_squares(tmp_path, *squares)), "counts", "gate")

    assert print_of(1, "reference") == print_of(2, "reference", 3.0)
    assert print_of(1, "count") != print_of(1, "count", 3.0)
    assert print_of(1, "count") != print_of(1, "reference")


def test_people_of_one_storey_do_not_count_on_another(tmp_path):
    site_with_squares(tmp_path, 3, "count")
    toml = tmp_path / "site.toml"
    toml.write_text(toml.read_text().replace('id = "hall"\n', 'id = "hall"\nstorey = 1\n'))
    ready = configure_site(load_site(tmp_path))
    assert len(ready.features_of("gate")) == 3 and ready.features_of("hall") == []
    layers = {camera: fingerprint_base(ready, "counts", camera).ingredients["layers"] for camera in ("gate", "hall")}
    assert layers["gate"] != layers["hall"]


def test_only_cameras_near_a_zone_count_again_after_an_edit(tmp_path):
    site_with_squares(tmp_path, 3, "count")
    toml = tmp_path / "site.toml"
    here, points = toml.read_text().split('id = "hall"')
    toml.write_text(here + 'id = "hall"' + points.replace("x = 155", "x = 156"))  # a kilometre further east

    def layers_of(camera):
        return fingerprint_base(configure_site(load_site(tmp_path)), "counts", camera).ingredients["layers"]

    before = {camera: layers_of(camera) for camera in ("gate", "hall")}
    document = json.loads((tmp_path / "a.geojson").read_text())
    document["features"][1]["geometry"] = mapping(box(155009, 462960, 155012, 462963))
    (tmp_path / "a.geojson").write_text(json.dumps(document))
    assert layers_of("gate") != before["gate"]
    assert layers_of("hall") == before["hall"]


@pytest.mark.parametrize("role", ["count", "reference"])
def test_a_layer_that_an_op_names_makes_it_stale_on_cameras_near_a_change(tmp_path, role):
    site_with_squares(tmp_path, 3, role)
    toml = tmp_path / "site.toml"
    here, points = toml.read_text().split('id = "hall"')
    points = points.replace("x = 155", "x = 156")  # a kilometre further east
    toml.write_text(f'{here}id = "hall"{points}[ops.position_features]\nlayers = ["a"]\n')

    def near(camera):
        ready = configure_site(load_site(tmp_path))
        given = ready.features_for("position_features", camera)
        return fingerprint_base(ready, "position_features", camera).ingredients["named layers"], len(given)

    before = {camera: near(camera) for camera in ("gate", "hall")}
    assert (before["gate"][1], before["hall"][1]) == (3, 0)
    document = json.loads((tmp_path / "a.geojson").read_text())
    document["features"][1]["geometry"] = mapping(box(155009, 462960, 155012, 462963))
    (tmp_path / "a.geojson").write_text(json.dumps(document))
    assert near("gate") != before["gate"]
    assert near("hall") == before["hall"]


def test_an_op_names_layers_that_exist(tmp_path):
    site_with_squares(tmp_path, 1, "reference")
    toml = tmp_path / "site.toml"
    toml.write_text(f'{toml.read_text()}[ops.position_features]\nlayers = ["a", "streets"]\n')
    with pytest.raises(SiteError, match=r"line \d+: there is no layer 'streets' on the map; there are a"):
        configure_site(load_site(tmp_path))
