"""The message about a mistake in site.toml names its line and key."""

from pathlib import Path

import pytest

from tests.storage.site.site_toml import error_after, line_of, load_error


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
    path = root / "site.toml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(each for each in lines if "u = 960" not in each and "u = 1720" not in each))
    assert f"line {line}: cameras[0]: camera gate has 1 control point;" in load_error(root)


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
    assert f"line {lines}: cameras[2].id: camera 'gate' is defined twice" in load_error(root)
