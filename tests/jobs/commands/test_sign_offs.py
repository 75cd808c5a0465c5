"""Sign-offs are recorded for the bytes that somebody looked at; a site that waits hands out nothing before."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.commands.audits import read_audit, write_contact_sheet
from jobs.commands.exports import export_result
from jobs.commands.purge import apply_purge, plan_purge
from jobs.commands.results import query
from jobs.commands.run import RunSummary, run_site
from jobs.commands.sign_offs import SignOffRequest, awaiting_video, release_video, sign_off
from jobs.commands.status import read_status
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import Site, open_site
from schemas.errors import NightshiftError, QueryError, UserError
from storage.blobs import LocalBlobs
from storage.exports.sign_off_records import Verdict, read_sign_offs, sign_offs_table, verdicts, write_sign_off
from storage.maintenance.repair import repair
from storage.maintenance.sweep import sweep
from storage.maintenance.verify import verify
from storage.store.layout import pending_file
from tests.jobs.commands.conftest import change
from tests.jobs.commands.subject import FILM, NOW, ask, track_of

pytestmark = pytest.mark.slow

YES = SignOffRequest(FILM, Verdict.ACCEPT, "Ada Novak", "ada")
NO = replace(YES, verdict=Verdict.REJECT, note="a head at 21:59:03")
LATER = NOW + timedelta(hours=1)
WAIT = '\n[publish]\nwait_for = "sign-off"\n'


@pytest.fixture
def waiting(used_site: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A published site that begins to wait for sign-offs."""
    monkeypatch.chdir(used_site)
    change(used_site, WAIT)
    return open_site(used_site)


@pytest.fixture(scope="module")
def sorted_site(night_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site that waits, after a run that put all its video aside. Tests copy it and never change it."""
    root = tmp_path_factory.mktemp("sorted") / "site"
    shutil.copytree(night_site, root)
    change(root, WAIT)
    run(open_site(root))
    return root


@pytest.fixture
def pending(sorted_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site all of whose video waits for sign-offs."""
    root = Path(shutil.copytree(sorted_site, tmp_path / "site"))
    monkeypatch.chdir(root)
    return open_site(root)


def run(site: Site) -> RunSummary:
    return run_site(site, Selection(), RunOptions(workers=None))


def videos(site: Site, folder: str) -> set[str]:
    root = Path(site.files.store)
    return {path.relative_to(root / folder).as_posix() for path in (root / folder).rglob("*.mp4")}


def film_of(site: Site) -> str:
    return str(read_audit(site, FILM).published.video["path"])


def sheet_of(site: Site, name: str = FILM) -> tuple[Path, int]:
    target = site.files.root / "sheet.html"
    return target, write_contact_sheet(site, read_audit(site, name), [], target)


def test_a_sign_off_names_who_looked_at_what(site: Site) -> None:
    sheet, frames = sheet_of(site)
    assert "Nobody has signed this file off yet" in sheet.read_text()
    done = sign_off(site, replace(YES, sheet=sheet, note=" fine "), NOW)
    audited = read_audit(site, FILM)
    (row,) = query(site, "SELECT * FROM sign_offs").to_pylist()
    assert done.is_new and audited.sign_offs == (done.sign_off,)
    assert (row["by"], row["user"], row["verdict"], row["note"]) == ("Ada Novak", "ada", "accept", "fine")
    assert (row["sha256"], row["path"]) == (audited.published.video["sha256"], audited.published.video["path"])
    assert row["audit_sha256"] == query(site, f"SELECT sha256 FROM audits WHERE path = '{audited.path}'")[0][0].as_py()
    assert row["frames_shown"] == frames > 0 and len(row["sheet_sha256"]) == 64 and row["time"] == NOW
    shown = sheet_of(site)[0].read_text()
    assert f"Ada Novak looked at {frames} frames on a sheet and accepted it on 2026-03-04 12:00 UTC: fine" in shown
    assert f"nightshift sign-off {audited.published.footage_id} --sheet" in shown


def test_the_same_again_is_not_recorded_twice(site: Site) -> None:
    first = sign_off(site, YES, NOW)
    again = sign_off(site, replace(YES, user="somebody"), LATER)
    assert not again.is_new and again.sign_off == first.sign_off
    assert sign_off(site, replace(YES, by="Bo"), LATER).is_new and len(read_sign_offs(site.store)) == 2


def test_the_newest_verdict_counts_even_if_a_clock_was_set_back(site: Site) -> None:
    sign_off(site, YES, LATER)
    sign_off(site, NO, NOW)
    found = read_sign_offs(site.store)
    assert [each.verdict for each in found] == ["accept", "reject"] and found[1].time > LATER
    with pytest.raises(UserError, match=r"Ada Novak rejected this file .*a head at 21:59:03.*say why with --note"):
        sign_off(site, replace(YES, by="Bo"), LATER + timedelta(hours=1))
    sign_off(site, replace(YES, by="Bo", note="a statue"), LATER + timedelta(hours=1))
    assert set(verdicts(read_sign_offs(site.store)).values()) == {Verdict.ACCEPT}


def test_of_two_at_the_same_moment_the_rejection_counts(site: Site) -> None:
    rejected = sign_off(site, NO, NOW).sign_off
    accepted = replace(rejected, sign_off_id="zz", verdict="accept")
    write_sign_off(site.store, accepted)
    assert set(verdicts(read_sign_offs(site.store)).values()) == {Verdict.REJECT}


@pytest.mark.parametrize("by", ["", "  "])
def test_a_sign_off_without_a_name_is_refused(site: Site, by: str) -> None:
    with pytest.raises(UserError, match="--by is empty"):
        sign_off(site, replace(YES, by=by), NOW)


def test_unknown_footage_is_the_users_mistake(site: Site) -> None:
    with pytest.raises(UserError, match="there is no footage 'zz'"):
        sign_off(site, replace(YES, footage="zz"), NOW)


def test_the_sheet_must_show_this_file(site: Site) -> None:
    (other,) = query(site, "SELECT path FROM anonymized WHERE camera = 'gate'")["path"].to_pylist()
    sheet, _ = sheet_of(site, other)
    with pytest.raises(UserError, match="shows another file, or one that was published anew since"):
        sign_off(site, replace(YES, sheet=sheet), NOW)
    for name, problem in (("site.toml", "is no contact sheet"), ("gone.html", "cannot be read")):
        with pytest.raises(UserError, match=problem):
            sign_off(site, replace(YES, sheet=site.files.root / name), NOW)
    assert read_sign_offs(site.store) == []


def test_an_altered_file_cannot_be_signed(site: Site) -> None:
    path = Path(site.files.store, film_of(site))
    path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(NightshiftError, match=r"was altered .*nothing was signed off"):
        sign_off(site, YES, NOW)


def test_a_damaged_record_stops_everything(waiting: Site) -> None:
    sign_off(waiting, NO, NOW)
    (path,) = Path(waiting.files.store, "_sign_offs").glob("*.json")
    path.write_bytes(b"{")
    for reading in (lambda: sign_offs_table(waiting.store), lambda: release_video(waiting)):
        with pytest.raises(NightshiftError, match="the record of a sign-off, cannot be read"):
            reading()
    (problem,) = read_status(waiting).problems
    assert "the record of a sign-off, cannot be read" in problem
    with pytest.raises(QueryError, match="the record of a sign-off, cannot be read"):
        query(waiting, "FROM anonymized")


def test_a_site_that_waits_hands_out_only_what_was_accepted(waiting: Site, tmp_path: Path) -> None:
    film = film_of(waiting)
    published = videos(waiting, ".")
    assert run(waiting).record.units_done == 0, "to wait computes nothing again"
    assert videos(waiting, "anonymized") == set() and videos(waiting, "_pending") == published
    assert {path.stat().st_mode & 0o777 for path in Path(waiting.files.store, "_pending").rglob("*.mp4")} == {0o600}
    assert export_result(waiting, "anonymized", tmp_path / "x.csv").rows == 0
    for pattern in ("_pending/**", f"_pending/{film}"):
        with pytest.raises(QueryError, match="disabled by configuration"):
            export_result(waiting, f"FROM read_blob('{waiting.files.store}/{pattern}')", tmp_path / "x.csv")
    store = waiting.files.store
    assert export_result(waiting, f"FROM read_blob('{store}/anonymized/**/*.mp4')", tmp_path / "y.csv").rows == 0
    with pytest.raises(NightshiftError, match="was not accepted by anybody"):
        ask(waiting, track_of(waiting), tmp_path / "out.mp4")
    assert {each.state for each in read_status(waiting).awaiting} == {"awaiting sign-off"}
    assert len(awaiting_video(waiting)) == 3 and verify(waiting.store).problems == ()

    sheet, frames = sheet_of(waiting)
    assert frames and read_audit(waiting, FILM).problems == []
    sign_off(waiting, replace(YES, sheet=sheet), NOW)
    assert videos(waiting, ".") == {film} | {pending_file(name) for name in published - {film}}
    assert Path(store, film).stat().st_mode & 0o044, "it is made to be shared"
    assert query(waiting, "SELECT path FROM anonymized")["path"].to_pylist() == [film]
    assert export_result(waiting, "anonymized", tmp_path / "x.csv").rows == 1
    assert verify(waiting.store).problems == () and film not in {each.path for each in awaiting_video(waiting)}

    sign_off(waiting, NO, LATER)
    assert videos(waiting, "anonymized") == set() and query(waiting, "FROM anonymized").num_rows == 0
    assert {each.path for each in awaiting_video(waiting) if each.state == "rejected"} == {film}
    assert (
        verify(waiting.store).problems == () and repair(waiting.store).deleted == () and sweep(waiting.store, 0) == []
    )


def test_a_site_that_waits_no_more_hands_all_out(pending: Site, night_site: Path) -> None:
    published = videos(open_site(night_site), ".")
    sign_off(pending, NO, NOW)
    config = pending.files.root / "site.toml"
    config.write_text(config.read_text().replace(WAIT, ""))
    site = open_site(pending.files.root)
    assert videos(site, "anonymized") == set() and awaiting_video(site) == []
    assert run(site).record.units_done == 0 and videos(site, ".") == published
    assert query(site, "FROM anonymized").num_rows == 3


def test_a_first_night_writes_the_same_rows_whether_the_site_waits_or_not(fresh_site: Path, night_site: Path) -> None:
    change(fresh_site, WAIT)
    site = open_site(fresh_site)
    run(site)
    assert videos(site, "anonymized") == set() and len(videos(site, "_pending")) == 3
    columns = "path, sha256, size_bytes, frames"
    rows = query(site, f"SELECT {columns} FROM anonymized ORDER BY path", pending=True)
    assert rows == query(open_site(night_site), f"SELECT {columns} FROM anonymized ORDER BY path")


def test_what_was_accepted_before_a_new_publication_does_not_hold_for_it(pending: Site) -> None:
    sign_off(pending, YES, NOW)
    former = film_of(pending)
    toml = Path(pending.files.root) / "site.toml"
    toml.write_text(toml.read_text().replace("[ops.anonymize]", '[ops.anonymize]\ncolour = "#2050f0"'))
    site = open_site(pending.files.root)
    run(site)
    assert film_of(site) != former and read_audit(site, FILM).sign_offs == ()
    assert len(awaiting_video(site)) == 3 and query(site, "FROM anonymized").num_rows == 0


def test_a_sorting_that_is_killed_is_finished_by_the_next(pending: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    film = film_of(pending)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalBlobs, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            sign_off(pending, YES, NOW)
    assert {film, pending_file(film)} <= videos(pending, "."), "it exists twice"
    assert verify(pending.store).problems == ()
    assert sweep(pending.store, 0) == []
    assert not sign_off(pending, YES, LATER).is_new, "it was recorded"
    assert film not in videos(pending, "_pending") and verify(pending.store).problems == ()


def test_an_altered_file_is_not_released(pending: Site) -> None:
    film = film_of(pending)
    sign_off(pending, YES, NOW)
    sign_off(pending, NO, LATER)
    Path(pending.files.store, pending_file(film)).write_bytes(b"people")
    assert pending_file(film) in {problem.name for problem in verify(pending.store).to_repair}
    (record,) = Path(pending.files.store, "_sign_offs").glob(f"{read_sign_offs(pending.store)[1].sign_off_id}*")
    record.unlink()
    with pytest.raises(NightshiftError, match="so it stays pending"):
        release_video(pending)
    assert videos(pending, "anonymized") == set()


def test_pending_video_is_purged_and_sign_offs_are_not(pending: Site) -> None:
    sign_off(pending, NO, NOW)
    change(pending.files.root, "\n[retention]\nvideo_days = 30\n")
    site = open_site(pending.files.root)
    later = datetime(2026, 6, 1, tzinfo=UTC)
    apply_purge(site.files, site.store, plan_purge(site.files, site.store, later), later)
    assert videos(site, ".") == set() and verify(site.store).problems == () and len(read_sign_offs(site.store)) == 1
