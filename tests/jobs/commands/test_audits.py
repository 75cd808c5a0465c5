"""Audits of a published site are found, compared with the files, swept and purged with the video."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.commands.audits import ALTERED, MISSING, SOUND, find_published, read_audit, write_contact_sheet
from jobs.commands.purge import apply_purge, plan_purge
from jobs.commands.results import query
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import Site, open_site
from schemas.errors import NightshiftError, SelectionError
from schemas.tables.video import AUDIT_SUFFIX
from schemas.values import Quarantined
from storage.maintenance.problems import ProblemKind
from storage.maintenance.repair import repair
from storage.maintenance.sweep import sweep
from storage.maintenance.verify import verify
from tests.jobs.commands.subject import FILM, NOW, ask, track_of

pytestmark = pytest.mark.slow


def jsons(root: Path) -> list[Path]:
    return sorted((root / "store").rglob(f"*{AUDIT_SUFFIX}"))


def test_every_published_file_has_its_audit_beside_it(site: Site) -> None:
    rows = query(site, "SELECT a.path AS video, j.path, j.sha256 FROM anonymized a JOIN audits j USING (footage_id)")
    assert rows.num_rows == 3
    for row in rows.to_pylist():
        assert Path(row["path"]).parent == Path(row["video"]).parent
        assert Path(row["path"]).name.startswith(Path(row["video"]).stem)
    assert len(jsons(site.files.root)) == 3 and verify(site.store).problems == ()


def test_footage_is_found_by_id_beginning_and_paths(site: Site) -> None:
    found = find_published(site, FILM)
    archive, store = Path(site.files.archive), Path(site.files.store)
    video = found.video["path"]
    names = [found.footage_id, found.footage_id[:6].upper(), str(archive / FILM), f"archive/{FILM}", video]
    for name in [*names, str(store / video), f"store/{video}"]:
        assert find_published(site, name).footage_id == found.footage_id, name
    assert (found.camera, found.size_px, len(found.segments)) == ("hall", (320, 180), 2)


@pytest.mark.parametrize("name", ["", "zz", "hall/gone.mp4", "'; DROP"])
def test_footage_that_does_not_exist_is_named(site: Site, name: str) -> None:
    with pytest.raises(SelectionError, match="there is no footage"):
        find_published(site, name)


def test_a_beginning_of_several_ids_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"camera": "hall", "path": "p", "cuts": "[]"}
    rows = [{**row, "footage_id": "aa1"}, {**row, "footage_id": "aa2"}]

    class Rows:
        def __init__(self, sql: str) -> None:
            self.sql = sql

        def to_pylist(self) -> list[dict[str, str]]:
            return rows if "starts_with" in self.sql else []

    monkeypatch.setattr("jobs.commands.audits.run_query", lambda _, sql: Rows(sql))
    with pytest.raises(SelectionError, match=r"beginning of 2 footage ids: aa1 \(p\), aa2 \(p\)"):
        find_published(site, "aa")


def test_unpublished_footage_says_why(site: Site) -> None:
    published = find_published(site, FILM)
    for receipt in (site.files.root / "store/_receipts/publish").rglob("*.json"):
        receipt.unlink()
    with pytest.raises(NightshiftError, match="is not published: no run has reached it"):
        read_audit(site, FILM)
    unit = published.segments[1].segment_id
    site.journal.quarantine(
        Quarantined("anonymize", "hall", "2026-03-02", unit, "p", "coverage", "CoverageError", "seen", None, NOW, "r")
    )
    with pytest.raises(NightshiftError, match=f"anonymize of {unit} is in quarantine: coverage: CoverageError: seen$"):
        read_audit(site, FILM)


def test_published_footage_without_an_audit_says_what_to_do(site: Site) -> None:
    for receipt in (site.files.root / "store/_receipts/audit").rglob("*.json"):
        receipt.unlink()
    with pytest.raises(NightshiftError, match="has no audit: `nightshift run --ops audit`"):
        read_audit(site, FILM)


def test_sound_altered_and_missing_files_are_distinguished(site: Site) -> None:
    found = read_audit(site, FILM)
    assert (found.video_state, found.audit_state, found.problems) == (SOUND, SOUND, [])
    assert found.document["output"]["sha256"] == found.published.video["sha256"]
    assert {op for op, _, _ in found.made_by} >= {"detect", "anonymize", "publish"}
    path = site.files.root / "store" / found.published.video["path"]
    path.write_bytes(path.read_bytes() + b"0")
    altered = read_audit(site, FILM)
    assert altered.video_state == ALTERED and "altered" in altered.problems[0]
    with pytest.raises(NightshiftError, match="no sheet was written"):
        write_contact_sheet(site, altered, [], site.files.root / "sheet.html")
    with pytest.raises(NightshiftError, match="nothing was exported"):
        ask(site, track_of(site), site.files.root / "out.mp4")
    path.unlink()
    assert read_audit(site, FILM).video_state == MISSING


def test_an_altered_audit_and_a_torn_one_are_reported(site: Site) -> None:
    found = read_audit(site, FILM)
    path = site.files.root / "store" / found.path
    path.write_bytes(json.dumps({**found.document, "statement": "perfectly safe"}).encode())
    assert read_audit(site, FILM).audit_state == ALTERED
    path.write_bytes(b"{")
    with pytest.raises(NightshiftError, match="missing or torn: run `nightshift repair"):
        read_audit(site, FILM)


def test_the_sheet_shows_frames_of_the_published_file_only(site: Site) -> None:
    found = read_audit(site, FILM)
    for film in Path(site.files.archive).rglob("*.mp4"):
        film.unlink()
    target = site.files.root / "sheet.html"
    shots = write_contact_sheet(site, found, [("camera", "hall")], target)
    assert 12 <= shots <= 60 and target.read_text().count("<img ") == shots
    assert "2026-03-02 21:59:00" in target.read_text(), "in the time zone of the camera"


def test_the_frames_of_most_risk_come_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_audit(site, FILM)
    segment = found.published.segments[1]
    rows = [{"pts": segment.start_pts, "risk": 0.9, "reason": "covered whole"}]
    monkeypatch.setattr("jobs.commands.audits.query", lambda *_: SimpleNamespace(to_pylist=lambda: rows))
    assert write_contact_sheet(site, found, [], site.files.root / "sheet.html") == 12
    text = (site.files.root / "sheet.html").read_text()
    assert "1 frames are on the review list, 12 are shown" in text
    assert text.index("covered whole") < text.index("evenly spread sample") and "21:59:04.000+0" in text


def test_audits_are_verified_repaired_and_swept_like_video(site: Site) -> None:
    store = site.store
    path = jsons(site.files.root)[0]
    stray = path.with_name(f"stray{AUDIT_SUFFIX}")
    content = path.read_bytes()
    stray.write_bytes(content)
    os.utime(stray, (0, 0))
    path.write_bytes(b"{}")
    found = {finding.name.split("/")[-1]: finding for finding in verify(store).to_repair}
    assert {name: finding.kind for name, finding in found.items()} == {
        path.name: ProblemKind.ALTERED,
        stray.name: ProblemKind.ORPHANED,
    }
    assert [unit.op for unit in found[path.name].units] == ["audit"]
    assert [unit.op for unit in repair(store).dropped] == ["audit"] and not path.exists() and not stray.exists()
    run_site(site, Selection(), RunOptions(workers=None))
    assert path.read_bytes() == content and verify(store).to_repair == []


def test_young_unnamed_files_and_all_named_files_stay(site: Site) -> None:
    mine = jsons(site.files.root)
    stray = mine[0].with_name(f"stray{AUDIT_SUFFIX}")
    stray.write_bytes(b"{}")
    for path in mine:
        os.utime(path, (0, 0))
    assert sweep(site.store) == []
    os.utime(stray, (time.time() - 90_000,) * 2)
    assert [Path(name).name for name in sweep(site.store)] == [stray.name]
    assert jsons(site.files.root) == mine


def test_audits_are_purged_with_the_video(used_site: Path) -> None:
    with (used_site / "site.toml").open("a") as file:
        file.write("\n[retention]\nvideo_days = 30\n")
    site = open_site(used_site)
    later = datetime(2026, 6, 1, tzinfo=UTC)
    plan = plan_purge(site.files, site.store, later)
    assert {record.what for record in plan.records} == {"video"}
    assert {unit.op for record in plan.records for unit in record.units} == {"anonymize", "publish", "audit"}
    assert len([name for name in plan.named if name.endswith(AUDIT_SUFFIX)]) == 3
    assert apply_purge(site.files, site.store, plan, later) == ()
    assert jsons(used_site) == [] and verify(site.store).problems == ()
    assert query(site, "SELECT * FROM audits").num_rows == 0
