"""Tracks are drawn on the published frames of their time, where the tables have them, and on nothing else."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import numpy as np
import pytest

from jobs.commands import render
from jobs.commands.audits import PublishedFootage
from jobs.commands.render import RenderRequest, render_tracks
from jobs.commands.results import query
from jobs.site import Site
from ops.track_drawing import LEAST_TEXT_PX, DrawnBoxes, TrackDrawing
from schemas.errors import SelectionError, UserError
from schemas.values import Uint8
from storage.video.published import read_frames
from tests.support.letters import is_read

CAMERA = "hall"
ZONE = ZoneInfo("Europe/Amsterdam")
START = datetime(2026, 3, 2, 21, 59, 4, tzinfo=ZONE)
FPS = 10

pytestmark = pytest.mark.slow


def request(seconds: float = 2.0, start: datetime = START, **changes: object) -> RenderRequest:
    return replace(RenderRequest(CAMERA, start, start + timedelta(seconds=seconds)), **changes)


def frames_of(path: Path) -> list[tuple[float, Uint8]]:
    """Seconds and image of each frame, as a player shows them."""
    with av.open(str(path)) as container:
        decoded = container.decode(video=0)
        return [(float(frame.time), np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)) for frame in decoded]


def published(site: Site, number: int) -> list[Uint8]:
    rows = query(site, f"SELECT path FROM anonymized WHERE camera = '{CAMERA}' ORDER BY start_time").to_pylist()
    return [image for _, image in read_frames(site.files.root / "store" / rows[number]["path"], (320, 180))]


def points(site: Site) -> dict[float, list[dict]]:
    """Points of tracks by their seconds after ``START``."""
    rows = query(site, f"SELECT * FROM track_points WHERE camera = '{CAMERA}' ORDER BY time").to_pylist()
    found: dict[float, list[dict]] = {}
    for row in rows:
        found.setdefault(round((row["time"] - START).total_seconds(), 3), []).append(row)
    return found


def test_every_frame_has_its_own_time_and_boxes(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[Uint8, DrawnBoxes]] = []

    class Recorder(TrackDrawing):
        def draw(self, image: Uint8, time_us: int, time_text: str, drawn: DrawnBoxes) -> Uint8:
            given.append((image.copy(), drawn))
            return super().draw(image, time_us, time_text, drawn)

    monkeypatch.setattr(render, "TrackDrawing", Recorder)
    done = render_tracks(site, request(), tmp_path / "tracks.mp4")
    cut, bare, there = frames_of(tmp_path / "tracks.mp4"), published(site, 0)[4 * FPS : 6 * FPS], points(site)
    assert done.frames == len(cut) == len(bare) == len(given) == 2 * FPS
    for number, ((seconds, image), covered, (shown, drawn)) in enumerate(zip(cut, bare, given, strict=True)):
        assert seconds == pytest.approx(number / FPS, abs=1e-4)
        assert np.array_equal(shown, covered)
        rows = there[round(number / FPS, 3)]
        assert drawn.boxes.tolist() == [[row[edge] for edge in ("x1", "y1", "x2", "y2")] for row in rows] != []
        text = (START + timedelta(seconds=number / FPS)).isoformat(sep=" ", timespec="milliseconds")
        assert is_read(image, text, LEAST_TEXT_PX, 0.9), text
        changed = np.abs(image.astype(int) - covered).max(axis=2) > 25
        for row in rows:
            left, top, bottom = round(row["x1"]), max(round(row["y1"]), 30), min(round(row["y2"]), 178)
            assert changed[top:bottom, max(left - 1, 0) : left + 2].any(axis=1).mean() > 0.9, (number, row)


def test_only_what_is_asked_for_is_drawn(site: Site, tmp_path: Path) -> None:
    both = render_tracks(site, request(), tmp_path / "both.mp4")
    assert [track.number for track in both.tracks] == [1, 2]
    one = render_tracks(site, request(tracks=(both.tracks[1].track_id,)), tmp_path / "one.mp4")
    assert one.tracks == both.tracks[1:], "its number and colour stay"
    assert len({track.colour for track in both.tracks}) == 2 and both.tracks[0].colour.startswith("#")
    none = render_tracks(site, request(labels=("dog",)), tmp_path / "none.mp4")
    assert none.tracks == () and none.frames == both.frames
    (_, last), (_, bare) = frames_of(tmp_path / "both.mp4")[-1], frames_of(tmp_path / "none.mp4")[-1]
    assert is_read(last, "2 people", LEAST_TEXT_PX, 0.9) and not is_read(bare, "2 people", LEAST_TEXT_PX, 0.9)
    assert all(is_read(bare, text, LEAST_TEXT_PX, 0.9) for text in ("hall_centre: 0", "entrance: 0", "doorway"))


def test_a_clip_goes_on_from_file_to_file_and_its_trails_begin_before_it(site: Site, tmp_path: Path) -> None:
    start = START + timedelta(seconds=3.5)
    done = render_tracks(site, request(1.0, start), tmp_path / "tracks.mp4")
    cut = frames_of(tmp_path / "tracks.mp4")
    assert len(done.sources) == 2 and done.recorded_s == pytest.approx(1.0)
    assert [seconds for seconds, _ in cut] == pytest.approx([number / FPS for number in range(FPS)], abs=1e-4)
    render_tracks(site, request(1.0, start, trail_s=0), tmp_path / "no-trails.mp4")
    first, without = cut[0][1], frames_of(tmp_path / "no-trails.mp4")[0][1]
    assert (np.abs(first.astype(int) - without).max(axis=2) > 60).sum() > 30


def test_what_is_not_published_takes_no_time_in_the_clip(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = render.find_published_time

    def with_gap(*arguments: object) -> object:
        """The second file as if it began 20 minutes later."""
        found = whole(*arguments)  # type: ignore[arg-type]
        first, second = found.rows
        later = {name: second[name] + timedelta(minutes=20) for name in ("start_time", "end_time")}
        return replace(found, rows=(first, {**second, **later}), end=found.end + timedelta(minutes=20))

    def later_footage(site: Site, found: object) -> list[PublishedFootage]:
        first, second = footage(site, found)  # type: ignore[arg-type]
        row = {**second.footage, "start_time": second.footage["start_time"] + timedelta(minutes=20)}
        return [first, replace(second, footage=row)]

    footage = render._footage
    monkeypatch.setattr(render, "find_published_time", with_gap)
    monkeypatch.setattr(render, "_footage", later_footage)
    done = render_tracks(site, request(2.0, START + timedelta(seconds=3)), tmp_path / "tracks.mp4")
    cut = frames_of(tmp_path / "tracks.mp4")
    assert done.recorded_s == pytest.approx(2.0)
    assert [seconds for seconds, _ in cut] == pytest.approx([number / FPS for number in range(2 * FPS)], abs=1e-4)
    assert is_read(cut[9][1], "2026-03-02 21:59:07.900+01:00", LEAST_TEXT_PX, 0.9)
    assert is_read(cut[10][1], "2026-03-02 22:19:08.000+01:00", LEAST_TEXT_PX, 0.9)


def test_a_line_tells_who_crossed_it_when(site: Site, tmp_path: Path) -> None:
    sql = f"SELECT time, track_id FROM zone_events WHERE camera = '{CAMERA}' AND kind = 'cross' ORDER BY time"
    first = query(site, sql).to_pylist()[0]
    start = first["time"] - timedelta(seconds=0.55)
    done = render_tracks(site, request(2.0, start), tmp_path / "tracks.mp4")
    cut = [image for _, image in frames_of(tmp_path / "tracks.mp4")]
    told = [is_read(image, "doorway: 1 crossing", LEAST_TEXT_PX, 0.9) for image in cut]
    assert told.index(True) in (5, 6), "later frames may have a box in front of it"
    assert first["track_id"] in {track.track_id for track in done.tracks}


def test_the_tracks_of_an_earlier_run_are_drawn(site: Site, tmp_path: Path) -> None:
    (run,) = query(site, "SELECT run_id FROM runs")["run_id"].to_pylist()
    assert len(render_tracks(site, request(0.5, as_of=run), tmp_path / "then.mp4").tracks) == 1
    with pytest.raises(SelectionError, match="there is no run"):
        render_tracks(site, request(as_of="20200101T000000Z-aaaa"), tmp_path / "x.mp4")


def test_mistakes_are_named(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "x.mp4"
    with pytest.raises(SelectionError, match=r"track 'nobody' is not seen by hall in that time: there are a5b28"):
        render_tracks(site, request(tracks=("nobody",)), target)
    with pytest.raises(SelectionError, match=r"no frame of hall is between .*: give a longer time"):
        render_tracks(site, request(0.05, START + timedelta(seconds=0.02)), target)
    footage = render._footage

    def other_size(site: Site, found: object) -> list[PublishedFootage]:
        first, second = footage(site, found)  # type: ignore[arg-type]
        return [first, replace(second, footage={**second.footage, "width": 640})]

    monkeypatch.setattr(render, "_footage", other_size)
    with pytest.raises(UserError, match="the frames of hall are 320 x 180 and 640 x 180 pixels in that time"):
        render_tracks(site, request(10.0), target)
    assert list(tmp_path.glob("*x*")) == []


def test_an_interrupted_command_leaves_nothing_behind_and_what_was_there(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "out" / "tracks.mp4"
    target.parent.mkdir()
    target.write_bytes(b"an earlier clip")

    def interrupt(done: int, total: int) -> None:
        assert total == 2 * FPS
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_tracks(site, request(), target, interrupt)
    assert [path.name for path in target.parent.iterdir()] == ["tracks.mp4"]
    assert target.read_bytes() == b"an earlier clip"
