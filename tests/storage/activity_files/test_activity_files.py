import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.activities import ActivityFile, ActivityInstance, ActivityLabels
from schemas.errors import UserError
from storage.activity_files.indexes import (
    read_activity_index,
    read_file_index,
    write_activity_index,
    write_file_index,
)
from storage.activity_files.labels import read_labels, write_labels
from storage.activity_files.signals import frame_ranges, signal_of

LABELS = ActivityLabels(
    ("a.mp4", "b.mp4"),
    (
        ActivityInstance("meets", "a.mp4", ((10, 40), (50, 60)), 1, 0.25),
        ActivityInstance.of("falls", "a.mp4", 5, 9, 2, 1.0),
    ),
)


@pytest.mark.parametrize("system", [True, False])
def test_labels_are_read_as_they_were_written(tmp_path: Path, system: bool) -> None:
    file = tmp_path / "labels.json"

    write_labels(LABELS, file, system)

    read = read_labels(file, system)
    assert read.files == LABELS.files
    assert [each.frames for each in read.instances] == [each.frames for each in LABELS.instances]
    assert [each.confidence for each in read.instances] == ([0.25, 1.0] if system else [1.0, 1.0])
    content = json.loads(file.read_text())
    assert set(content) == {"filesProcessed", "activities"} | ({"processingReport"} if system else set())


def test_indexes_are_read_as_they_were_written(tmp_path: Path) -> None:
    files = {"a.mp4": ActivityFile(29.97, ((1, 100), (200, 1000)))}

    write_file_index(files, tmp_path / "files.json")
    write_activity_index(["meets", "falls"], tmp_path / "activities.json")

    assert read_file_index(tmp_path / "files.json") == files
    assert read_activity_index(tmp_path / "activities.json") == ("meets", "falls")


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5))
def test_a_signal_holds_its_ranges(steps: list[tuple[int, int, int]]) -> None:
    end = steps[0][0]
    ranges = tuple((end := end + pause, end := end + length) for _, pause, length in steps)

    assert frame_ranges({int(frame): value for frame, value in signal_of(ranges).items()}) == ranges


ACTIVITY = {"activity": "meets", "activityID": 1, "presenceConf": 0.5, "localization": {"a.mp4": {"10": 1, "20": 0}}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1", "line 1: not JSON"),
        ([], "is not a reference of ActEV"),
        ({"activities": []}, "filesProcessed: Field required"),
        ({"localization": {}}, "localization: Dictionary should have at least 1 item"),
        (
            {"localization": {"a.mp4": {"10": 1}}},
            r"activities\.0\.localization\.a\.mp4: frame 10 begins what does not end",
        ),
        ({"localization": {"a.mp4": {"10": 2, "20": 0}}}, "frame 10 has 2"),
        ({"localization": {"a.mp4": {"10": 0}}}, "no frame is in it"),
        ({"localization": {"a.mp4": {"ten": 1, "20": 0}}}, "valid integer"),
        ({"localization": {"a.mp4": {"1": 1, "2": 0}, "b.mp4": {"1": 1, "2": 0}}}, "at most 1 item"),
        ({"activity": ""}, "at least 1 character"),
        ({"presenceConf": None}, r"activities\.0 \(meets, activityID 1\) has no presenceConf"),
        ({"presenceConf": "high"}, "valid number"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, content: Any, message: str) -> None:
    file = tmp_path / "system.json"
    changes_one = isinstance(content, dict) and "activities" not in content
    whole = {"filesProcessed": ["a.mp4"], "activities": [ACTIVITY | content]} if changes_one else content
    file.write_text(whole if isinstance(whole, str) else json.dumps(whole))

    with pytest.raises(UserError, match=message) as caught:
        read_labels(file, system=not isinstance(content, list))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"a.mp4": {"framerate": 0, "selected": {"0": 1, "9": 0}}},
            r"a\.mp4\.framerate: Input should be greater than 0",
        ),
        ({"a.mp4": {"framerate": 25}}, r"a\.mp4\.selected: Field required"),
        ({"a.mp4": {"framerate": 25, "selected": {"0": 1}}}, r"a\.mp4\.selected: frame 0 begins what does not end"),
    ],
)
def test_a_mistake_of_a_file_index_is_named(tmp_path: Path, content: Any, message: str) -> None:
    file = tmp_path / "files.json"
    file.write_text(json.dumps(content))

    with pytest.raises(UserError, match=message):
        read_file_index(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "video.json").write_bytes(b"\xff\xfe\x00\x01")

    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_labels(tmp_path / "none.json")
    with pytest.raises(UserError, match="is not a text file"):
        read_activity_index(tmp_path / "video.json")
