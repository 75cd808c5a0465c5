"""Files of boxes are read as their formats say, and what is wrong is named by file, line and field."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UserError
from schemas.frame_boxes import FrameBoxes
from storage.box_files.formats import BoxFormat, format_of, read_boxes, write_boxes
from storage.box_files.kitti import kitti_text, read_kitti
from storage.box_files.mot import mot_text, read_mot

MOT = "1,9,100,40,20,60,1,-1,-1,-1\n2,9,102,40,20,60,0,-1,-1,-1\n"
KITTI = """\
0 4 Pedestrian 0 0 -1.5 10.5 20 30 80 1.8 0.5 0.9 1 2 3 0.1
0 -1 DontCare -1 -1 -10 100 20 130 80 -1 -1 -1 -1000 -1000 -1000 -10
0 -1 DontCare -1 -1 -10 200 20 230 80 -1 -1 -1 -1000 -1000 -1000 -10
3 5 Car 0 0 -1.5 10 20 90 60
3 6 Cyclist 0 0 -1.5 10 20 30 80
3 7 Van 0 0 -1.5 50 20 90 60
"""


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "gt.txt"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_mot_has_corners_and_sizes_frames_from_1_and_a_flag(tmp_path: Path) -> None:
    boxes = read_mot(written(tmp_path, MOT))
    np.testing.assert_allclose(boxes.box, [[100, 40, 120, 100], [102, 40, 122, 100]])
    assert boxes.counts.tolist() == [True, False]
    assert boxes.frame.tolist() == [1, 2] and boxes.identity.tolist() == [9, 9]
    np.testing.assert_allclose(boxes.scaled(0.5, 2).box[0], [50, 80, 60, 200])


def test_results_have_a_confidence_for_a_flag(tmp_path: Path) -> None:
    boxes = read_mot(written(tmp_path, "1, 2, 0, 0, 5, 5, 0.31, -1, -1, -1\r\n\r\n1, 3, 0, 0, 5, 5, -1\r\n"))
    assert boxes.counts.tolist() == [True, True]


def test_kitti_has_corners_frames_from_0_and_types(tmp_path: Path) -> None:
    file = written(tmp_path, KITTI)
    people, cars = read_kitti(file, "person"), read_kitti(file, "car")
    assert people.frame.tolist() == [1, 1, 1, 4] and people.counts.tolist() == [True, False, False, False]
    np.testing.assert_allclose(people.box[0], [10.5, 20, 30, 80])
    assert cars.identity.tolist() == [-1, -1, 5, 7] and cars.counts.tolist() == [False, False, True, False]


@pytest.mark.parametrize(("text", "form"), [(MOT, "mot"), (KITTI, "kitti"), ("\ufeff\n" + MOT, "mot")])
def test_the_format_shows_in_the_content(tmp_path: Path, text: str, form: BoxFormat) -> None:
    file = written(tmp_path, text)
    assert format_of(file) == form
    assert len(read_boxes(file, form, "person"))


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("mot", "1,2,0,0,5,5,1\n1,2,0,0,5\n", "gt.txt, line 2: it has 5 fields and needs 7 at least: frame, id, x"),
        ("mot", "1,2,0,zero,5,5,1\n", "line 1: y 'zero' is not a number"),
        ("mot", "1,2,0,nan,5,5,1\n", "line 1: y 'nan' is not a number"),
        ("mot", "0,2,0,0,5,5,1\n", "line 1: frame '0' is not a whole number from 1 on"),
        ("mot", "1767225600000,2,0,0,5,5,1\n", "line 1: frame"),
        ("mot", "1,2.5,0,0,5,5,1\n", "line 1: id '2.5' is not a whole number"),
        ("mot", "1,-1,0,0,5,5,0.9\n", "line 1: id '-1' is not a whole number from 0 on"),
        ("mot", "1,2,0,0,0,5,1\n", "line 1: the box has no area"),
        ("mot", "1,2,0,0,5,5,1\n\n1,2,9,9,5,5,1\n", "line 3: id 2 is in frame 1 a second time, after line 1"),
        ("mot", "1,2,0,0,5,5,0\n", "has no box that counts: all 1 are ignored"),
        ("kitti", "0 1 Pedestrian 0 0 -10 5 5 1\n", "line 1: it has 9 fields and needs 10 at least: frame, id, type"),
        ("kitti", "0 1 Pedestrian 0 0 -10 9 5 1 8\n", "line 1: the box has no area"),
        ("kitti", "-1 1 Pedestrian 0 0 -10 1 5 9 8\n", "line 1: frame '-1' is not a whole number from 0 on"),
        ("kitti", "7 1 Pedestrian 0 0 0 1 5 9 8\n7 1 Pedestrian 0 0 0 1 5 9 8\n", "id 1 is in frame 7 a second time"),
        ("kitti", "0 1 Car 0 0 -10 1 5 9 8\n", "has no box of a person"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, form: BoxFormat, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_boxes(written(tmp_path, text), form, "person")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n \n", "is empty"),
        ("frames\n", "line 1: it is neither"),
        (b"\xff\xfe1\x00", "is not a text file"),
    ],
)
def test_files_without_a_format_are_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        format_of(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt cannot be read: No such file"):
        format_of(tmp_path / "none.txt")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        format_of(tmp_path)


@st.composite
def boxes(draw: st.DrawFn) -> FrameBoxes:
    """Builds boxes in hundredths of pixels, as files hold them."""
    keys = draw(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 9)), min_size=1, max_size=12, unique=True))
    hundredths = st.tuples(*[st.integers(-5000, 200_000)] * 2, *[st.integers(1, 100_000)] * 2)
    corners = np.array([draw(hundredths) for _ in keys], np.float64) / 100
    frame, identity = np.array(sorted(keys), np.int64).T
    return FrameBoxes.of(frame, identity, np.hstack([corners[:, :2], corners[:, :2] + corners[:, 2:]]))


@given(boxes(), st.sampled_from(["mot", "kitti"]), st.sampled_from(["person", "car", "traffic light"]))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, made: FrameBoxes, form: BoxFormat, label: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "written.txt"
    write_boxes(made, file, form, label)
    assert format_of(file) == form
    again = read_boxes(file, form, label)
    assert again.frame.tolist() == made.frame.tolist() and again.identity.tolist() == made.identity.tolist()
    np.testing.assert_allclose(again.box, made.box, atol=0.011)


def test_ignored_boxes_are_written_as_such() -> None:
    ignored = FrameBoxes(np.array([2]), np.array([5]), np.array([[1.0, 2.0, 3.0, 5.0]]), np.array([False]))
    assert mot_text(ignored) == "2,5,1.00,2.00,2.00,3.00,0,-1,-1,-1\n"
    assert kitti_text(ignored, "person").startswith("1 5 DontCare -1 -1 -10 1.00 2.00 3.00 5.00 -1 -1 -1 -1000")


@pytest.mark.assets
def test_published_truth_is_read(assets: Path) -> None:
    pets = read_boxes(assets / "gt" / "PETS09-S2L1" / "gt.txt", "mot", "person")
    assert (pets.frame.min(), pets.frame.max()) == (1, 400)
