"""KITTI's labels with 3D boxes: read, written, wrong, and real ones projected into their pictures."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.boxes import iou_pairs
from ops.boxes3d.overlap import footprints
from schemas.errors import UserError
from schemas.frame_boxes3d import FrameBoxes3d
from schemas.values import Float64
from storage.box_files.kitti3d import kind_of_label, kitti3d_text, read_kitti3d, write_kitti3d
from storage.box_files.kitti_calibration import read_kitti_calibration

TRACKING = """\
0 2 Car 0 1 -1.57 10 20 90 60 1.5 1.6 3.9 2 1.7 20 0.1
0 -1 DontCare -1 -1 -10 100 20 130 80 -1000 -1000 -1000 -10 -1 -1 -1
3 5 Pedestrian 0.2 0 0.5 10.5 20 30 80 1.8 0.5 0.9 1 2 3 -0.1 0.75
"""
OBJECT = "Car 0 1 -1.57 10 20 90 60 1.5 1.6 3.9 2 1.7 20 0.1\n"


def written(folder: Path, text: str, name: str = "labels.txt") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_tracking_has_frames_from_0_sizes_places_and_scores(tmp_path: Path) -> None:
    boxes = read_kitti3d(written(tmp_path, TRACKING))
    assert boxes.frame.tolist() == [1, 1, 4] and boxes.identity.tolist() == [2, -1, 5]
    assert boxes.kind.tolist() == ["Car", "DontCare", "Pedestrian"]
    assert boxes.occluded.tolist() == [1, -1, 0] and boxes.truncated[2] == pytest.approx(0.2)
    np.testing.assert_allclose(boxes.size_m[[0, 2]], [[1.5, 1.6, 3.9], [1.8, 0.5, 0.9]])
    np.testing.assert_allclose(boxes.location_m[0], [2, 1.7, 20])
    np.testing.assert_allclose(boxes.rotation_y[[0, 2]], [0.1, -0.1])
    assert np.isnan(boxes.score[:2]).all() and boxes.score[2] == pytest.approx(0.75)


def test_a_folder_of_the_object_benchmark_has_a_file_per_picture(tmp_path: Path) -> None:
    written(tmp_path, OBJECT, "000004.txt")
    written(tmp_path, OBJECT.strip() + " 0.5\n" + OBJECT, "000001.txt")
    boxes = read_kitti3d(tmp_path)
    assert boxes.frame.tolist() == [2, 2, 5] and set(boxes.identity.tolist()) == {-1}
    assert boxes.score[0] == 0.5 and np.isnan(boxes.score[1:]).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1 Car 0 0 0 1 2 3 4\n", "line 1: it has 10 fields and needs 17 at least: frame, id, type"),
        (TRACKING.replace("1.5 1.6 3.9", "1.5 wide 3.9"), "line 1: width 'wide' is not a number"),
        (TRACKING.replace("1.5 1.6 3.9", "1.5 0 3.9"), "line 1: the 3D box has no size"),
        (TRACKING.replace("0.2 0 0.5", "0.2 7 0.5"), "line 3: occluded 7 is none of 0, 1, 2, 3"),
        (TRACKING.replace("0.2 0 0.5", "0.2 0.5 0.5"), "line 3: occluded 0.5 is none"),
        (TRACKING.replace("-0.1 0.75", "-0.1 sure"), "line 3: score 'sure' is not a number"),
        ("\n", "has no labels"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_kitti3d(written(tmp_path, text))
    assert message in str(error.value)


def test_files_that_are_no_pictures_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no labels"):
        read_kitti3d(tmp_path)
    written(tmp_path, OBJECT, "notes.txt")
    with pytest.raises(UserError, match=r"notes\.txt: files of labels are named by the number"):
        read_kitti3d(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        read_kitti3d(tmp_path / "none.txt")


NUMBER = st.floats(-90, 90)


@given(
    st.lists(st.tuples(st.integers(1, 90), *[NUMBER] * 5, st.floats(0.1, 20)), min_size=1, max_size=8), st.booleans()
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, ...]], scored: bool
) -> None:
    values = np.array(rows)
    count = len(values)
    made = FrameBoxes3d(
        frame=values[:, 0].astype(np.int64),
        identity=np.arange(count) + 1,
        kind=np.full(count, "Traffic_light"),
        truncated=np.full(count, 0.25),
        occluded=np.arange(count) % 4,
        alpha=values[:, 5] / 30,
        box=values[:, [1, 2, 3, 4]],
        size_m=np.tile(values[:, 6:], 3),
        location_m=values[:, 1:4],
        rotation_y=values[:, 4] / 30,
        score=values[:, 6] if scored else np.full(count, np.nan),
    )
    file = tmp_path_factory.getbasetemp() / "written3d.txt"
    file.write_text(kitti3d_text(made))
    again, ordered = read_kitti3d(file), made.take(np.lexsort((made.identity, made.frame)))
    for name in made.__dataclass_fields__:
        if name == "kind":
            assert again.kind.tolist() == ordered.kind.tolist()
        else:
            np.testing.assert_allclose(
                getattr(again, name), getattr(ordered, name), atol=0.0051 if name == "box" else 6e-5
            )


def test_the_calibration_beside_the_labels_projects_their_boxes(tmp_path: Path) -> None:
    boxes = read_kitti3d(written(tmp_path, TRACKING))
    matrix = np.array([[700.0, 20, 320, 0], [0, 680, 240, 0], [0, 0.3, 0.95, 0]])
    calibration = read_kitti_calibration(write_kitti3d(boxes, matrix, tmp_path / "out.txt"))
    pixels, depth = calibration.to_pixels(boxes.location_m[:1])
    seen = matrix[:, :3] @ boxes.location_m[0]
    np.testing.assert_allclose(pixels[0], seen[:2] / seen[2])
    assert depth[0] == pytest.approx(seen[2])
    np.testing.assert_allclose(calibration.lidar_to_camera(np.array([[20.0, -2.0, -1.7]]))[0], [2, 1.7, 20])


def test_labels_have_kittis_types() -> None:
    assert [kind_of_label(each) for each in ("person", "car", "bicycle", "traffic light")] == [
        "Pedestrian",
        "Car",
        "Cyclist",
        "Traffic_light",
    ]


def corners(boxes: FrameBoxes3d, lowered: float) -> Float64:
    """The corners ``(N, 8, 3)`` of cuboids whose locations are this share of the height above the lower face."""
    flat = footprints(boxes.location_m, boxes.size_m, boxes.rotation_y)
    height = boxes.size_m[:, :1]
    levels = (boxes.location_m[:, 1:2] + (lowered - up) * height for up in (0.0, 1.0))
    return np.concatenate(
        [np.stack([flat[..., 0], np.broadcast_to(y, flat.shape[:2]), flat[..., 1]], 2) for y in levels], 1
    )


@pytest.mark.assets
def test_argo_labels_are_their_boxes_if_locations_are_middles(assets: Path) -> None:
    """Measured-real: as KITTI has locations, the median overlap is .33; the labels are half a height too high."""
    folder, overlap = assets / "depth" / "argo_kitti_fmt", {0.0: [], 0.5: []}
    labels = read_kitti3d(folder / "label_2")
    assert len(labels) == 224 and {"Car", "PEDESTRIAN"} < set(labels.kind.tolist())
    for frame in (1, 2, 3):
        boxes = labels.take(labels.frame == frame)
        calibration = read_kitti_calibration(folder / "calib" / f"{frame - 1:06}.txt")
        for lowered, found in overlap.items():
            points = corners(boxes, lowered)
            pixels = calibration.to_pixels(points.reshape(-1, 3))[0].reshape(len(boxes), 8, 2)
            seen = np.clip(np.hstack([pixels.min(axis=1), pixels.max(axis=1)]), 0, [615, 513, 615, 513])
            whole = (points[..., 2].min(axis=1) > 0.5) & (boxes.box[:, 2] - boxes.box[:, 0] > 3)
            found.extend(iou_pairs(seen, boxes.box)[whole].tolist())
    assert len(overlap[0.5]) == 167
    assert np.median(overlap[0.5]) > 0.95 and min(overlap[0.5]) > 0.5
    assert np.median(overlap[0.0]) == pytest.approx(0.332, abs=0.01)
