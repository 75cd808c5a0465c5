from pathlib import Path

import pytest

from schemas.errors import SiteError
from schemas.tables import TABLES
from storage.site.file import cameras_table, find_key_line, load_site, write_new_site
from tests.storage.site.site_toml import line_of, load_error

# Both as the Dutch land registry publishes them. Without its correction grid, which PROJ does not bring along,
# the conversion is good to a quarter of a metre.
WESTERTOREN_RD = (120700.723, 487525.501)
WESTERTOREN_LONLAT = (4.883525588, 52.374532528)


def test_a_new_site_loads_and_has_its_folders(tmp_path: Path) -> None:
    name = 'Gate "7" \\ </script> ü'
    path = write_new_site(tmp_path / "new", name, "EPSG:28992", "Europe/Amsterdam")
    site = load_site(tmp_path / "new")
    assert path == tmp_path / "new/site.toml"
    assert (site.config.name, site.config.crs, site.config.timezone) == (name, "EPSG:28992", "Europe/Amsterdam")
    assert (site.archive, site.store) == (str(tmp_path / "new/archive"), str(tmp_path / "new/store"))
    assert all((tmp_path / "new" / folder).is_dir() for folder in ("archive", "models", "layers"))
    assert site.models.is_dir()


def test_footage_and_results_may_lie_in_object_stores(root: Path) -> None:
    path = root / "site.toml"
    text = path.read_text().replace('archive = "archive"', 'archive = "gs://footage"')
    path.write_text(text.replace('store = "store"', 'store = "s3://bucket/a/b"'))
    site = load_site(root)
    assert (site.archive, site.store) == ("gs://footage", "s3://bucket/a/b")


def test_the_examples_of_a_new_site_are_valid(root: Path) -> None:
    config = load_site(root).config
    assert [camera.id for camera in config.cameras] == ["gate", "gate-right"]
    assert (config.stereo[0].left, config.stereo[0].right) == ("gate", "gate-right")
    assert len(config.cameras[0].control_points) == 4
    assert [layer.name for layer in config.layers] == ["zones", "door", "streets"]
    assert config.models.trust
    assert config.ops


def test_a_site_is_never_overwritten(root: Path) -> None:
    before = (root / "site.toml").read_text()
    with pytest.raises(SiteError, match="exists already; nothing was changed"):
        write_new_site(root, "Other", "EPSG:32631", "UTC")
    assert (root / "site.toml").read_text() == before


def test_init_refuses_a_bad_crs_or_time_zone_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"EPSG:4326 .* is not projected"):
        write_new_site(tmp_path / "new", "x", "EPSG:4326", "UTC")
    with pytest.raises(SiteError, match="unknown time zone 'Mars/Olympus'"):
        write_new_site(tmp_path / "new", "x", "EPSG:28992", "Mars/Olympus")
    assert not (tmp_path / "new").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SiteError, match="cannot write"):
        write_new_site(tmp_path / "file/site", "x", "EPSG:28992", "UTC")


def test_paths_may_be_absolute(root: Path, tmp_path: Path) -> None:
    path = root / "site.toml"
    path.write_text(path.read_text().replace('archive = "archive"', 'archive = "/mnt/nas"'))
    assert load_site(root).archive == "/mnt/nas"


def test_a_missing_site_says_how_to_make_one(tmp_path: Path) -> None:
    assert "nightshift init" in load_error(tmp_path)


def test_bytes_that_are_no_text_are_told(root: Path) -> None:
    (root / "site.toml").write_bytes(b'name = "a"\ncrs = "\xff"')
    assert "line 2: not UTF-8" in load_error(root)


def test_a_text_cut_off_in_the_middle_is_told(root: Path) -> None:
    (root / "site.toml").write_text('name = "a"\ntimezone = ["')
    assert "line 2: not TOML" in load_error(root)


def test_locate_finds_op_parameters(root: Path) -> None:
    assert find_key_line(root, ("ops", "anonymize", "mode")) == line_of(root, 'mode = "silhouette"')
    assert find_key_line(root, ("ops", "anonymize", "nothing")) is None
    assert find_key_line(root / "nowhere", ("ops",)) is None


def test_the_cameras_table_has_known_and_found_cameras(root: Path) -> None:
    path = root / "site.toml"
    path.write_text(path.read_text().replace("[121000.0, 486000.0, 4.5]", str([*WESTERTOREN_RD, 4.5])))
    table = cameras_table(load_site(root), ["yard", "gate"], {"gate": 0.25})
    assert table.schema.equals(TABLES["cameras"].schema)
    gate, _, yard = table.to_pylist()
    assert (gate["camera"], gate["name"], gate["timezone"]) == ("gate", "Main gate, looking north", "UTC")
    assert (gate["x_m"], gate["y_m"], gate["calibration_error_m"]) == (*WESTERTOREN_RD, 0.25)
    assert (gate["lon"], gate["lat"]) == pytest.approx(WESTERTOREN_LONLAT, abs=5e-6)
    assert (gate["fixed"], gate["calibrated"]) == (True, True)
    assert (yard["name"], yard["calibrated"], yard["x_m"], yard["lon"]) == ("yard", False, None, None)
    assert yard["timezone"] == "Europe/Amsterdam"
