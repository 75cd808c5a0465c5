import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SiteError
from schemas.tables import TABLES
from storage.site.file import cameras_table, find_key_line, load_site, write_new_site
from storage.site.toml_lines import key_lines

# The template's examples: comment lines that turn into TOML when "# " is taken off.
EXAMPLE_LINE = re.compile(r"^# (?=\[|[a-z_]+ =|  \{|\]|# )", re.MULTILINE)

# Both as the Dutch land registry publishes them. Without its correction grid, which PROJ does not bring along,
# the conversion is good to a quarter of a metre.
WESTERTOREN_RD = (120700.723, 487525.501)
WESTERTOREN_LONLAT = (4.883525588, 52.374532528)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A site whose site.toml has all examples of the template enabled."""
    path = write_new_site(tmp_path, "Dam", "EPSG:28992", "Europe/Amsterdam")
    path.write_text(EXAMPLE_LINE.sub("", path.read_text()))
    return tmp_path


def line_of(root: Path, text: str) -> int:
    (line,) = [number for number, each in enumerate((root / "site.toml").read_text().splitlines(), 1) if text in each]
    return line


def error_after(root: Path, old: str, new: str) -> str:
    """Returns the message of load_site after replacing ``old``, which must occur, by ``new``."""
    path = root / "site.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return load_error(root)


def load_error(root: Path) -> str:
    with pytest.raises(SiteError) as caught:
        load_site(root)
    message = str(caught.value)
    assert "\n" not in message
    assert str(root) in message
    return message


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
    assert [camera.id for camera in config.cameras] == ["gate"]
    assert len(config.cameras[0].control_points) == 4
    assert [layer.name for layer in config.layers] == ["zones", "door"]
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


def test_an_unknown_key_is_told_with_its_line_and_the_likely_one(root: Path) -> None:
    line = line_of(root, "segment_s = 300")
    message = error_after(root, "segment_s =", "segmnet_s =")
    assert message.endswith(f'site.toml: unknown key "segmnet_s" on line {line}; did you mean "segment_s"?')


def test_a_misspelled_needed_key_is_reported_as_misspelled(root: Path) -> None:
    line = line_of(root, 'id = "gate"')
    message = error_after(root, 'id = "gate"', 'idd = "gate"')
    assert f'unknown key "idd" in cameras[0] on line {line}; did you mean "id"?' in message


def test_an_unknown_key_in_an_inline_table_lists_the_known_ones(root: Path) -> None:
    line = line_of(root, "u = 960, v = 1040")
    message = error_after(root, "u = 960, v = 1040", "u = 960, v = 1040, weight = 2")
    assert f'unknown key "weight" in cameras[0].control_points[3] on line {line}; known here: u, v, x, y' in message


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("segment_s = 300", 'segment_s = "long"', "segment_s: should be a valid number"),
        ("segment_s = 300", "segment_s = 0", "segment_s: should be greater than or equal to 1, got 0"),
        ("settle_s = 60", "settle_s = nan", "settle_s: should be"),
        ("skip_ops = []", 'skip_ops = "depth"', 'skip_ops: should be a list in [ ], got "depth"'),
        ('pattern = "{camera}/', 'pattern = "', "pattern: pattern must have {camera}"),
        ("Europe/Amsterdam", "Europe/Amstrdam", "timezone: unknown time zone 'Europe/Amstrdam'"),
        ('timezone = "UTC"', 'timezone = "CEST5"', "cameras[0].timezone: unknown time zone 'CEST5'"),
        ("fixed = true", 'fixed = "maybe"', 'cameras[0].fixed: should be true or false, got "maybe"'),
        ("[121000.0, 486000.0, 4.5]", "[121000.0]", "cameras[0].position: is too short"),
        ("[121000.0, 486000.0, 4.5]", '["a", 1]', "cameras[0].position[0]: should be a valid number"),
        ("u = 960, v = 1040", 'u = "a", v = 1040', "cameras[0].control_points[3].u: should be a valid number"),
        (
            "{ u = 960, v = 1040, ",
            "{ u = 960, ",
            'cameras[0].control_points[3]: key "v" is missing: pixel row, from the top',
        ),
        (
            "fixed = true",
            "privacy_masks = [[[1, 2], [3, 4]]]",
            "cameras[0].privacy_masks: camera gate: privacy mask 1 has 2 points; a polygon needs at least 3",
        ),
        (
            "fixed = true",
            "privacy_masks = [[[1, 2], [3, inf], [4, 5]]]",
            "cameras[0].privacy_masks: camera gate: privacy mask 1 has a point [3.0, inf]",
        ),
        ("fixed = true", "privacy_masks = [[1, 2]]", "cameras[0].privacy_masks[0][0]: should be a list in [ ], got 1"),
        (
            "fixed = true",
            "privacy_masks = [[[1], [2, 3], [4, 5]]]",
            "cameras[0].privacy_masks[0][0]: is too short: polygons [[u, v], ...]",
        ),
        ('camera = "gate"', 'camera = "gat"', "layers[1].camera: layer door: there is no camera 'gat' in [[cameras]]"),
        ('name = "door"', 'name = "zones"', "layers[1].name: layer 'zones' is defined twice"),
        ('store = "store"', 'store = "s3://"', "store: s3:// names no bucket: write s3://BUCKET/PREFIX"),
        (
            'store = "store"',
            'store = "memory://x"',
            "store: memory://x: memory:// may let two writers both create",
        ),
        (
            'store = "store"',
            'store = "s4://bucket"',
            "store: s4://bucket: unknown protocol s4://; use a folder or s3://",
        ),
        ('archive = "archive"', 'archive = "file:///srv"', "archive: file:///srv: unknown protocol file://"),
        ('archive = "archive"', 'archive = ""', "archive: is empty"),
        ('"EPSG:28992"', '"EPSG:4326"', "crs: EPSG:4326 (WGS 84) is not projected"),
        ('"EPSG:28992"', '"EPSG:2263"', "is in US survey foot"),
        ('"EPSG:28992"', '"EPSG:3857"', "stretches distances"),
        ('"EPSG:28992"', '"EPSG:2048"', "counts westwards"),
        ('"EPSG:28992"', '"EPSG:99999"', "crs: unknown CRS 'EPSG:99999'"),
        ('"EPSG:28992"', "EPSG", "not TOML"),
    ],
)
def test_a_wrong_value_is_told_with_line_and_key(root: Path, old: str, new: str, says: str) -> None:
    line = next(n for n, each in enumerate((root / "site.toml").read_text().splitlines(), 1) if old in each)
    message = error_after(root, old, new)
    assert f"site.toml, line {line}: " in message
    assert says in message


def test_too_few_control_points_are_told_at_their_camera(root: Path) -> None:
    line = line_of(root, 'id = "gate"') - 1
    message = error_after(root, "  { u = 240, v = 840, x = 120986.2, y = 485996.4 },\n", "")
    assert f"line {line}: cameras[0]: camera gate has 3 control points" in message


def test_the_first_of_several_mistakes_is_told_and_the_others_counted(root: Path) -> None:
    path = root / "site.toml"
    path.write_text(path.read_text().replace("settle_s = 60", "settle_s = -1"))
    message = error_after(root, "segment_s = 300", "segment_s = 0")
    assert "segment_s: " in message
    assert message.endswith("(1 more mistake in this file)")


def test_a_camera_that_stands_twice_is_told_at_the_second(root: Path) -> None:
    path = root / "site.toml"
    path.write_text(path.read_text() + '\n[[cameras]]\nid = "gate"\n')
    lines = len(path.read_text().splitlines())
    assert f"line {lines}: cameras[1].id: camera 'gate' is defined twice" in load_error(root)


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
    gate, yard = table.to_pylist()
    assert (gate["camera"], gate["name"], gate["timezone"]) == ("gate", "Main gate, looking north", "UTC")
    assert (gate["x_m"], gate["y_m"], gate["calibration_error_m"]) == (*WESTERTOREN_RD, 0.25)
    assert (gate["lon"], gate["lat"]) == pytest.approx(WESTERTOREN_LONLAT, abs=5e-6)
    assert (gate["fixed"], gate["calibrated"]) == (True, True)
    assert (yard["name"], yard["calibrated"], yard["x_m"], yard["lon"]) == ("yard", False, None, None)
    assert yard["timezone"] == "Europe/Amsterdam"


def paths_in(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, inner in items for each in ((*path, key), *paths_in(inner, (*path, key)))]


TRICKY = '''
"quoted key" = "a # no comment = 1"
literal.'dotted.key' = 'C:\\'
text = """
[not.a.header]
x = "1" \\""" still inside
"""
raw = \'\'\'
[[neither]]
\'\'\'
when = 1979-05-27 07:32:00Z # a date with a space
list = [ # a comment ]
  1, [2, "]"],
  { a = 1, b.c = [ { d = 2 } ] },
]
[ fruit . apple ]
colour = "red"
[[fruit.kinds]]
name = "x"
[fruit.kinds.more]
z = 1
[[fruit.kinds]]
name = "y"
[[fruit.kinds.seeds]]
n = 1
[[fruit.kinds.seeds]]
n = 2
'''


def test_every_key_of_a_tricky_text_has_its_line() -> None:
    lines = key_lines(TRICKY)
    assert set(paths_in(tomllib.loads(TRICKY))) == set(lines)
    written = TRICKY.splitlines()
    for path, key in {
        ("quoted key",): '"quoted key"',
        ("literal", "dotted.key"): "literal.",
        ("raw",): "raw =",
        ("list", 2, "b", "c", 0, "d"): "{ a = 1",
        ("fruit", "apple", "colour"): "colour",
        ("fruit", "kinds", 0, "more", "z"): "z = 1",
        ("fruit", "kinds", 1, "name"): 'name = "y"',
        ("fruit", "kinds", 1, "seeds", 1, "n"): "n = 2",
    }.items():
        assert written[lines[path] - 1].strip().startswith(key)


@given(st.text(alphabet="[]{}=\"'#,.\n ab1\\"))
def test_the_scanner_ends_on_any_text_and_agrees_with_tomllib_on_toml(text: str) -> None:
    lines = key_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(paths_in(document)) == set(lines)
