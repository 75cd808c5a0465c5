"""Reprocessing after a run: only what a change affects, with old results until new ones are committed."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from jobs.commands.diff import diff_runs
from jobs.commands.plan import preview_run
from jobs.commands.results import query
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site

pytestmark = pytest.mark.slow

HERE = RunOptions(workers=None)
TRACKS = Selection(ops=("track",), readers=True)


def change(site, text):
    config = site / "site.toml"
    config.write_text(config.read_text() + text)


@pytest.fixture
def changed_site(used_site):
    change(used_site, "\n[ops.track]\nmax_gap_s = 0.1\n")
    return used_site


def test_a_preview_writes_nothing_and_shows_the_cost(changed_site):
    before = sorted(str(path) for path in (changed_site / "store").rglob("*"))
    _, cost = preview_run(open_site(changed_site), TRACKS, RunOptions(workers=2, max_hours=1.0))
    assert sorted(str(path) for path in (changed_site / "store").rglob("*")) == before
    ops = {op.op for op in cost.ops}
    assert {"track", "link", "positions", "counts"} <= ops and "detect" not in ops
    assert cost.fit.units == cost.units and cost.size_bytes > 0


def test_only_what_is_stale_is_done_again_and_the_second_time_nothing(changed_site):
    site = open_site(changed_site)
    first = run_site(site, TRACKS, HERE)
    ops = {receipt.op for receipt in first.report.receipts}
    assert "track" in ops and "detect" not in ops and first.record.detector_calls == 0
    second = run_site(open_site(changed_site), TRACKS, HERE)
    assert second.record.units_planned == second.record.units_done == second.record.frames_decoded == 0


def test_a_reader_between_two_units_sees_each_unit_old_or_new_and_never_a_hole(changed_site):
    site = open_site(changed_site)
    by_segment = "SELECT segment_id, count(*) AS n FROM tracklet_points GROUP BY ALL"
    units = "SELECT camera, date, unit, fingerprint FROM receipts WHERE current AND op = 'track'"

    def look():
        rows = {row["segment_id"]: row["n"] for row in query(site, by_segment).to_pylist()}
        seen = query(site, units).to_pylist()
        return rows, {(row["camera"], row["date"], row["unit"]): row["fingerprint"] for row in seen}, len(seen)

    looks = [look()]
    run_site(site, TRACKS, HERE, on_progress=lambda _: looks.append(look()))
    looks.append(look())
    old, new = looks[0], looks[-1]
    assert old[1].keys() == new[1].keys() and all(old[1][unit] != new[1][unit] for unit in old[1])
    kinds = Counter()
    for rows, fingerprints, count in looks:
        assert fingerprints.keys() == old[1].keys() and count == len(fingerprints), (
            "each unit has one version at any time"
        )
        for unit, fingerprint in fingerprints.items():
            assert fingerprint in (old[1][unit], new[1][unit])
            version = new if fingerprint == new[1][unit] else old
            assert rows.get(unit[2], 0) == version[0].get(unit[2], 0)
        kinds[len({fingerprint == new[1][unit] for unit, fingerprint in fingerprints.items()})] += 1
    assert kinds[2], "some look was between two units"


def test_a_budget_stops_it_and_the_next_call_continues(changed_site):
    site = open_site(changed_site)
    short = run_site(site, TRACKS, RunOptions(workers=None, max_hours=0.0))
    assert short.report.state == "deadline" and short.exit_code == 3 and short.report.left
    rest = run_site(open_site(changed_site), TRACKS, HERE)
    assert rest.report.left == 0 and rest.record.units_done == short.report.left


def run_ids(site):
    return [row["run_id"] for row in site.journal.read_runs().rows.to_pylist()]


def test_a_diff_of_two_runs_names_what_changed(changed_site):
    site = open_site(changed_site)
    run_site(site, TRACKS, HERE)
    first, second = run_ids(site)
    found = diff_runs(site, first, second)
    assert found.units and "tracklets" in {table.table for table in found.tables}
    assert "detections" not in {table.table for table in found.tables}
    back = diff_runs(site, second, first)
    assert [(t.table, t.lost, t.gained) for t in back.tables] == [(t.table, t.gained, t.lost) for t in found.tables]
    assert [(t.lost, t.gained) for t in back.tracks] == [(t.gained, t.lost) for t in found.tracks]
    assert diff_runs(site, first, first).is_empty


class Past(datetime):
    """A clock that was set back."""

    @classmethod
    def now(cls, tz=None):
        return datetime(2001, 1, 1, tzinfo=UTC)


def test_with_the_clock_set_back_new_work_is_what_readers_see(changed_site, monkeypatch):
    site = open_site(changed_site)
    (first,) = run_ids(site)
    for module in ("commands.run", "engine.run_clock", "engine.unit_work", "engine.driver"):
        monkeypatch.setattr(f"jobs.{module}.datetime", Past)
    summary = run_site(site, TRACKS, HERE)
    assert summary.record.units_done
    assert summary.record.ended >= max(receipt.committed for receipt in summary.report.receipts)
    sql = "SELECT DISTINCT run_id FROM receipts WHERE current AND op = 'track'"
    assert [row["run_id"] for row in query(site, sql).to_pylist()] == [summary.record.run_id]
    assert not diff_runs(site, first, summary.record.run_id).is_empty
    assert run_ids(site) == [first, summary.record.run_id]
