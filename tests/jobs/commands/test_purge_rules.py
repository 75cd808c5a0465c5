"""Which rule is whose, and the first day that each keeps by the calendar of a camera."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.commands.purge_rules import RecordBuilders, Rules
from schemas.errors import SiteError
from storage.maintenance.tombstones import PurgedUnit
from tests.jobs.commands.purging import site_with

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAYS = {"footage_days": 10, "tables_days": 20, "video_days": 30}


def rules(root: Path, retention: dict[str, object], now: datetime = NOON, **more: object) -> Rules:
    return Rules(site_with(root, retention, **more), now)


@pytest.mark.parametrize(
    ("op", "rule"),
    [
        ("detect", "tables_days = 20"),
        ("publish", "video_days = 30"),
        ("anonymize", "video_days = 30"),
        ("an op of the past", "tables_days = 20"),
        ("frame_depth", "footage_days = 10"),
        ("positions", "tables.positions = 3"),
    ],
)
def test_each_op_has_the_rule_of_what_it_writes(tmp_path: Path, op: str, rule: str) -> None:
    assert str(rules(tmp_path, DAYS | {"tables": {"positions": 3}}).of_op(op)) == rule


@pytest.mark.parametrize(
    ("retention", "rule"),
    [
        ({"footage_days": 10}, "footage_days = 10"),
        ({"tables_days": 10}, "tables_days = 10"),
        ({"footage_days": 30, "tables_days": 10}, "tables_days = 10"),
        ({}, "tables_days = None"),
        (
            {"footage_days": 3, "tables": {"depth_files": 9, "depth_frames": 9, "person_depths": 9}},
            "tables.depth_files = 9",
        ),
    ],
)
def test_depth_of_frames_is_kept_no_longer_than_footage(
    tmp_path: Path, retention: dict[str, object], rule: str
) -> None:
    assert str(rules(tmp_path, retention).of_op("frame_depth")) == rule


def test_tables_that_one_op_writes_have_one_limit(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="op link writes tracks, track_points together"):
        rules(tmp_path, {"tables": {"tracks": 3}})


def test_days_are_those_of_the_cameras_calendar(tmp_path: Path) -> None:
    cameras = [{"id": "east", "timezone": "Pacific/Kiritimati"}, {"id": "west", "timezone": "Pacific/Pago_Pago"}]
    found = rules(tmp_path, DAYS, datetime(2026, 3, 2, 10, 30, tzinfo=UTC), cameras=cameras)
    assert found.first_kept_date(found.footage, "east") == "2026-02-21"  # there it is March 3
    assert found.first_kept_date(found.footage, "west") == "2026-02-19"  # and there still March 1
    assert found.zone("nobody").key == "UTC"


def test_without_days_everything_is_kept(tmp_path: Path) -> None:
    found = rules(tmp_path, {})
    assert found.keeps_all_tables
    assert not found.first_kept_date(found.footage, "gate"), "sorts before all dates"


def test_records_are_in_order_and_units_in_that_of_their_age(tmp_path: Path) -> None:
    found, builders = rules(tmp_path, DAYS), RecordBuilders()
    units = [PurgedUnit("detect", name, name) for name in ("b", "a")]
    for camera in ("gate", "dock"):
        builder = builders.of(camera, "2026-01-01", found.of_op("detect"))
        builder.units |= dict.fromkeys(units)
        builder.files.add("x")
        builder.size_bytes += 1.6
    dock, gate = builders.records()
    assert (dock.camera, gate.camera) == ("dock", "gate")
    assert (gate.units, gate.files, gate.size_bytes, gate.rule) == (tuple(units), 1, 2, "tables_days = 20")
