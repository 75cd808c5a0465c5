"""Footage past its limit is deleted as the last scan found it, with its copies, unless a hold keeps it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.commands.held import HeldCount, HeldTimes
from jobs.commands.purge_footage import FootagePlan, plan_footage
from jobs.commands.purge_rules import RecordBuilders, Rules
from storage.blobs import LocalBlobs
from storage.maintenance.holds import Hold
from storage.store.scan_rows import read_scan_rows
from storage.store.store import Store
from tests.jobs.commands.purging import NOW, OLD, YOUNG, site_with
from tests.storage.small_store import CAMERAS, fill_archive, night


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("footage") / "site"
    fill_archive(made / "archive")
    night(Store.create(made / "store"))
    return made


def planned(root: Path, days: int | None, *holds: Hold) -> tuple[FootagePlan, HeldCount, RecordBuilders]:
    site, store = site_with(root, {"footage_days": days}), Store.open(root / "store")
    rules, held, builders = Rules(site, NOW), HeldCount(), RecordBuilders()
    receipts = store.read_receipts().rows
    footage = read_scan_rows(store, "footage", receipts).to_pylist()
    times = HeldTimes(holds, footage, {hold.camera: rules.zone(hold.camera) for hold in holds})
    archive = LocalBlobs(root / "archive")
    return plan_footage(store, archive, receipts, rules, times, held, builders), held, builders


def test_without_a_limit_nothing_is_looked_at(root: Path) -> None:
    assert planned(root, None)[0] == FootagePlan()


def test_old_files_go_and_young_days_keep_theirs(root: Path) -> None:
    plan, _, builders = planned(root, 30)
    days = {(record.camera, record.date) for record in builders.records()}
    assert days == {(camera, day) for camera in CAMERAS for day in OLD}
    assert len(plan.paths) == sum(record.files for record in builders.records())
    assert plan.days == {(camera, day) for camera in CAMERAS for day in YOUNG}
    assert plan.kept == () and plan.unprocessed == ()


def test_what_changed_since_the_scan_stays(root: Path) -> None:
    first = planned(root, 30)[0].paths[0]
    file = root / "archive" / first
    content = file.read_bytes()
    file.write_bytes(content + b"x")
    plan, _, _ = planned(root, 30)
    file.write_bytes(content)
    assert [kept.path for kept in plan.kept] == [first] and first not in plan.paths


def test_a_hold_keeps_the_files_that_it_touches(root: Path) -> None:
    start = datetime.fromisoformat(OLD[0]).replace(tzinfo=UTC)
    hold = Hold("h", NOW, "ada", "gate", start, start + timedelta(days=1), "a theft")
    plan, held, _ = planned(root, 30, hold)
    (kept,) = held.found()
    assert (kept.camera, kept.date, kept.what, kept.reason) == ("gate", OLD[0], "footage", "a theft")
    assert not any(path.startswith(f"gate/{OLD[0]}") for path in plan.paths)
    assert ("gate", OLD[0]) in plan.days
