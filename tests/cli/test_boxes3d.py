"""`export boxes3d` and `eval boxes3d`, as they are typed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.box_files.kitti3d import read_kitti3d
from storage.box_files.kitti_calibration import read_kitti_calibration
from tests.support.mistakes import one_line

FILM = "hall/2026-03-02T21-59-00.mp4"


def test_what_is_exported_as_labels_scores_100(nightshift: Any, night_site: Path, tmp_path: Path) -> None:
    site, target = ("--site", night_site), tmp_path / "boxes.txt"
    hall = ("--camera", "hall", "--footage", FILM)
    said = nightshift("export", "boxes3d", "-o", target, *hall, "--labels", *site, "--json")
    assert said.code == 0, said.err
    assert said.json["boxes"] > 90 and said.json["ids"] == 2 and said.json["frames"] == 80
    boxes = read_kitti3d(target)
    assert set(boxes.kind.tolist()) == {"Pedestrian"} and np.isnan(boxes.score).all()
    # The film has 20 frames a second, and boxes3d 5 rows: those between are on lines.
    own = boxes.take(boxes.identity == 1)
    assert (np.diff(own.frame) == 1).all()
    assert np.abs(np.diff(own.location_m, n=2, axis=0)).max() < 0.2
    # KITTI's P puts the feet where the 2D boxes end.
    pixels, _ = read_kitti_calibration(target.with_suffix(".calib.txt")).to_pixels(boxes.location_m)
    feet = np.column_stack([boxes.box[:, [0, 2]].mean(axis=1), boxes.box[:, 3]])
    assert np.median(np.hypot(*(pixels - feet).T)) < 3
    said = nightshift("eval", "boxes3d", "hall", "--truth", target, "--footage", FILM, *site, "--json")
    assert said.code == 0, said.err
    scores = said.json["scores"]["Pedestrian"]
    assert set(scores) == {"easy", "moderate", "hard"} and scores["easy"]["truth"] > 50
    for score in scores.values():
        assert score["bev"] == score["volume"] == pytest.approx(100)
        assert score["volume_iou"] == pytest.approx(1, abs=0.01)
    nightshift("export", "boxes3d", "-o", target, *hall, *site)
    assert (read_kitti3d(target).score > 0).all(), "without --labels they have scores"
    none = nightshift("export", "boxes3d", "-o", target, *hall, *site, "--label", "car", "--json")
    assert none.code == 0 and none.json["boxes"] == 0 and target.read_text() == ""


def test_labels_elsewhere_score_0_and_the_table_says_so(nightshift: Any, night_site: Path, tmp_path: Path) -> None:
    truth = tmp_path / "gt.txt"
    truth.write_text("12 1 Pedestrian 0 0 0 10 10 40 60 1.7 0.6 0.6 40 4 90 0\n")
    said = nightshift("eval", "boxes3d", "hall", "--truth", truth, "--footage", FILM, "--site", night_site)
    assert said.code == 0, said.err
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0][:4] == [f"{FILM},", "1", "frame;", "3D"]
    assert ["Pedestrian", "easy", "1", "0", "0", "0", "0"] in rows


@pytest.mark.parametrize(
    ("text", "camera", "message"),
    [
        ("12 1 Pedestrian 0 0\n", "hall", "it has 5 fields and needs 17"),
        ("900 1 Car 0 0 0 1 1 4 6 1.7 0.6 0.6 4 4 9 0\n", "hall", "labels up to frame 900, but"),
        ("3 1 DontCare 0 0 0 1 1 4 6 -1 -1 -1 -1000 -1000 -1000 -10\n", "hall", "no label of any type but DontCare"),
        ("3 1 Car 0 0 0 1 1 4 6 1.7 0.6 0.6 4 4 9 0\n", "elsewhere", "elsewhere"),
    ],
)
def test_bad_labels_are_one_line(
    nightshift: Any, night_site: Path, tmp_path: Path, text: str, camera: str, message: str
) -> None:
    truth = tmp_path / "gt.txt"
    truth.write_text(text)
    said = nightshift("eval", "boxes3d", camera, "--truth", truth, "--footage", FILM, "--site", night_site)
    one_line(said, message)


def test_other_types_and_cameras_whose_ground_nobody_knows(nightshift: Any, used_site: Path, tmp_path: Path) -> None:
    truth = tmp_path / "gt.txt"
    truth.write_text("3 1 Car 0 0 0 1 1 4 6 1.7 0.6 0.6 4 4 9 0\n")
    arguments = ("eval", "boxes3d", "hall", "--truth", truth, "--footage", FILM, "--site", used_site)
    one_line(nightshift(*arguments, "--type", "Truck"), "no label of Truck")
    toml = used_site / "site.toml"
    lines = [line for line in toml.read_text().splitlines() if not line.startswith("  { u =")]
    toml.write_text("\n".join(lines))
    one_line(nightshift(*arguments), "hall has no known ground")
    target = tmp_path / "boxes.txt"
    said = nightshift("export", "boxes3d", "-o", target, "--camera", "hall", "--footage", FILM, "--site", used_site)
    one_line(said, "hall has no known ground")
    assert not target.exists()
    said = nightshift("export", "boxes3d", "-o", target, "--site", used_site)
    one_line(said, "export boxes3d")
