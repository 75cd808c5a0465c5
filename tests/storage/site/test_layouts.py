"""Layouts of recorders give camera and time of the paths that these recorders write."""

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest

from storage.archive.clock import PathTime, parse_path
from storage.site.file import load_site, write_new_site
from storage.site.layouts import LAYOUTS, Layout

EVENING = datetime(2026, 3, 2, 20, 59, 0)


@pytest.mark.parametrize(
    ("layout", "path", "camera", "time"),
    [
        ("frigate", "2026-03-02/20/gate/59.00.mp4", "gate", EVENING.replace(tzinfo=UTC)),
        ("frigate", "recordings/2026-03-02/20/back_door/59.00.mp4", "back_door", EVENING.replace(tzinfo=UTC)),
        ("synology", "Gate/20260302PM/Gate20260302-205900-1772485140.mp4", "Gate", EVENING),
        ("synology", "Gate/20260302PM/Gate-20260302-205900-1772485140123.mp4", "Gate", EVENING),
        ("synology", "Gate-1/20260302PM/Gate-120260302-205900-1772485140.avi", "Gate-1", EVENING),
        ("hikvision", "192.168.1.64_01_20260302205900123_TIMING.mp4", "192.168.1.64_01", EVENING),
        ("hikvision", "gate/2026/03/02/gate_01_20260302205900.mp4", "gate_01", EVENING),
        ("hikvision", "36_01_H_260302205900.mp4", "36_01_H", EVENING),
        ("dahua", "gate/2026-03-02/001/dav/20/20.59.00-21.00.00[M][0@0][0].mp4", "gate", EVENING),
        ("dahua", "gate/AMC0028V_795UUB/2026-03-02/001/dav/20/20.59.00-21.00.00[M][0@0][0].dav", "gate", EVENING),
        ("dahua", "2026-03-02/002/dav/20/20.59.00-21.00.00[R][0@0][0].dav", "002", EVENING),
        ("dahua", "NVR_ch1_main_20260302205900_20260302215900.mp4", "NVR_ch1", EVENING),
    ],
)
def test_paths_of_recorders(tmp_path: Path, layout: Layout, path: str, camera: str, time: datetime) -> None:
    write_new_site(tmp_path, "new", "EPSG:28992", "Europe/Amsterdam", layout)
    config = load_site(tmp_path).config
    assert config.patterns == LAYOUTS[layout]
    assert PurePosixPath(path).suffix in config.suffixes
    found = [parse_path(pattern, PurePosixPath(path)) for pattern in config.patterns]
    assert next(filter(None, found)) == PathTime(camera, time)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_files_of_recorders_have_no_time(layout: Layout) -> None:
    for path in ("gate/2026-03-02/hiv00001.mp4", "gate/index.mp4", "20260302.mp4"):
        assert not any(parse_path(pattern, PurePosixPath(path)) for pattern in LAYOUTS[layout])
