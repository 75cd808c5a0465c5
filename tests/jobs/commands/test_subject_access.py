"""Subject access: one person is made visible in published footage, on request, and the export is recorded."""

from pathlib import Path

import numpy as np
import pytest

from jobs.commands.audits import find_published
from jobs.commands.results import query
from jobs.site import Site
from ops.anonymize.cover.paint import Colour
from ops.anonymize.locate.others import FootageDetections
from ops.anonymize.reveal import Reveal, is_flat
from schemas.errors import NightshiftError, SelectionError, TransientError, UserError
from schemas.op import FrameNeed
from schemas.values import Segment, Uint8
from storage.exports.export_records import EXPORTS_FOLDER, ExportRecord, exports_table, write_export_record
from storage.video.published import read_frames
from storage.video.reader import SegmentReader
from tests.jobs.commands.subject import FILM, NOW, REASON, ask, track_of


def originals(site: Site, segments: tuple[Segment, ...]) -> list[Uint8]:
    path = Path(site.files.archive) / FILM
    return [
        image
        for segment in segments
        for _, batch in SegmentReader(path, segment, [FrameNeed()])
        for image in batch.frames
    ]


def far(one: Uint8, other: Uint8) -> Uint8:
    """Where pixels differ by more than encoding makes them differ."""
    return np.asarray(np.abs(one.astype(np.int16) - other).max(axis=2) > 40)


@pytest.mark.slow
def test_one_track_is_visible_in_its_box_and_all_else_is_as_published(site: Site, tmp_path: Path) -> None:
    track, target = track_of(site), tmp_path / "out" / "subject.mp4"
    done = ask(site, track, target)
    assert target.stat().st_mode & 0o777 == 0o600, "it shows a person uncovered"
    published = find_published(site, FILM)
    before = list(read_frames(Path(site.files.store) / published.video["path"], published.size_px))
    after = list(read_frames(target, published.size_px))
    assert [ticks for ticks, _ in after] == [ticks for ticks, _ in before] and done.frames == len(after)
    points = query(site, f"SELECT * FROM track_points WHERE {published.segments_condition()} AND track_id = '{track}'")
    boxes = {row["pts"]: row for row in points.to_pylist()}
    seen = 0
    raw = originals(site, published.segments)
    for (ticks, shown), (_, covered), original in zip(after, before, raw, strict=True):
        changed = far(shown, covered)
        row = boxes.get(published.segments[0].footage_start_pts + ticks)
        if row is None:
            assert changed.mean() < 0.002
            continue
        x1, y1, x2, y2 = (round(row[name]) for name in ("x1", "y1", "x2", "y2"))
        outside = changed.copy()
        outside[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = False
        assert outside.mean() < 0.002, "nothing but the box of the one is changed"
        inside = (slice(max(y1 + 2, 0), y2 - 2), slice(max(x1 + 2, 0), x2 - 2))
        assert (far(shown, original) & changed)[inside].mean() < 0.02, "what is not as published is the original"
        if changed[inside].mean() > 0.2:
            assert not is_flat(covered)
            seen += 1
    assert 0 < seen <= done.visible_frames <= done.frames


@pytest.mark.slow
def test_others_are_read_of_the_second_look_too(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[FootageDetections] = []

    def reveal(track_id: str, found: FootageDetections, static: Uint8, plain: Colour | None) -> Reveal:
        assert plain is None, "the scene is not replaced"
        given.append(found)
        return Reveal(track_id, found, static, plain)

    monkeypatch.setattr("jobs.commands.subject_access.Reveal", reveal)
    ask(site, track_of(site), tmp_path / "subject.mp4")
    mine = find_published(site, FILM).segments_condition()
    looked = query(site, f"SELECT time FROM second_observed_frames WHERE {mine}")
    (found,) = given
    assert found.second_look is not None and 0 < len(found.second_look.observed_us) == len(looked)
    assert set(found.covered) == {"person"} and "label" in found.track_points.column_names


@pytest.mark.slow
def test_an_export_is_recorded_before_its_file_has_a_name(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, track = tmp_path / "subject.mp4", track_of(site)
    there = []
    monkeypatch.setattr(
        "jobs.commands.subject_access.write_export_record",
        lambda *given: there.append(target.exists()) or write_export_record(*given),
    )
    done = ask(site, track, target, f"  {REASON} ")
    assert there == [False] and target.exists()
    (row,) = exports_table(site.store).to_pylist()
    assert row == vars(done) and row["sha256"] == exports_hash(target)
    assert (row["reason"], row["user"], row["track_id"], row["time"]) == (REASON, "an operator", track, NOW)
    assert row["file"] == str(target) and row["size_bytes"] == target.stat().st_size
    assert query(site, "SELECT reason FROM exports")["reason"].to_pylist() == [REASON]


def exports_hash(path: Path) -> str:
    from storage.files import sha256_file

    return sha256_file(path)


@pytest.mark.slow
def test_an_export_that_cannot_be_recorded_leaves_no_file(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise TransientError("no space left")

    monkeypatch.setattr("jobs.commands.subject_access.write_export_record", full)
    with pytest.raises(TransientError):
        ask(site, track_of(site), tmp_path / "subject.mp4")
    assert list(tmp_path.iterdir()) == [site.files.root], "no file is left, hidden ones neither"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "reason", "message"),
    [
        ("subject.mp4", " \n", "--reason is empty"),
        ("subject.mp4", "", "--reason is empty"),
        ("there.mp4", REASON, "exists already"),
        ("subject.avi", REASON, r"ends in \.mp4"),
        ("site/store/subject.mp4", REASON, "in the site's store"),
        ("site/archive/hall/subject.mp4", REASON, "in the site's archive"),
    ],
)
def test_a_request_that_cannot_be_granted_is_refused(
    site: Site, tmp_path: Path, target: str, reason: str, message: str
) -> None:
    (tmp_path / "there.mp4").write_bytes(b"mine")
    with pytest.raises(UserError, match=message):
        ask(site, track_of(site), tmp_path / target, reason)
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"
    assert exports_table(site.store).num_rows == 0 and not (tmp_path / "subject.mp4").exists()


@pytest.mark.slow
def test_a_track_that_is_not_there_is_named_with_those_that_are(site: Site, tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match=f"track 'x' is not in footage .*: there are .*{track_of(site)}"):
        ask(site, "x", tmp_path / "subject.mp4")


@pytest.mark.slow
def test_a_changed_original_is_refused(site: Site, tmp_path: Path) -> None:
    film = Path(site.files.archive) / FILM
    film.write_bytes(film.read_bytes() + b"0")
    with pytest.raises(TransientError, match="has changed since the last scan"):
        ask(site, track_of(site), tmp_path / "subject.mp4")
    assert not (tmp_path / "subject.mp4").exists() and exports_table(site.store).num_rows == 0


@pytest.mark.slow
def test_a_record_that_is_torn_is_not_skipped(site: Site) -> None:
    record = ExportRecord("e", NOW, "u", "hall", "f", "t", REASON, "/x.mp4", 2, 1, 9, "ab")
    write_export_record(site.store, record)
    with pytest.raises(TransientError, match="nothing was exported"):
        write_export_record(site.store, record)
    assert exports_table(site.store).to_pylist() == [vars(record)]
    site.store.blobs.write(f"{EXPORTS_FOLDER}/e.json", b"{")
    with pytest.raises(NightshiftError, match="record of an export, cannot be read"):
        exports_table(site.store)
