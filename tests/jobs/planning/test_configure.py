"""Mistakes in site.toml name the key and its line; a zone that no camera sees is reported."""

import pytest

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
    assert "outside" in nightshift("plan", "--site", fresh_site).err
