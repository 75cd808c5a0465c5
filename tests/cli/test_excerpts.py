"""`still`, `clip` and `render`, as they are typed."""

import pytest


@pytest.mark.slow
def test_a_still_is_named_after_its_camera_and_says_what_it_shows(nightshift, used_site, monkeypatch):
    monkeypatch.chdir(used_site)
    said = nightshift("still", "hall")
    assert said.code == 0 and "image_size = [" in said.out and "raw footage" in said.out
    assert (used_site / "still-hall.png").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_clip_says_how_much_of_the_time_is_published(nightshift, used_site, monkeypatch):
    monkeypatch.chdir(used_site)
    sql = "SELECT min(start_time)::VARCHAR AS a, max(end_time)::VARCHAR AS b FROM anonymized WHERE camera = 'hall'"
    (span,) = nightshift("sql", sql, "--json").json
    said = nightshift("clip", "hall", "--from", span["a"], "--to", span["b"])
    assert said.code == 0, said.err
    assert "of anonymized video from" in said.out and (used_site / "clip-hall.mp4").stat().st_size > 0


@pytest.mark.slow
def test_a_time_that_is_none_is_refused(nightshift, used_site):
    said = nightshift("clip", "hall", "--from", "noon", "--to", "2026-03-01T10:00:00", "--site", used_site)
    assert said.code == 2 and "--from 'noon' is not a time; write it as YYYY-MM-DDTHH:MM:SS" in said.err


SPAN = ("--from", "2026-03-02T21:59:02", "--to", "2026-03-02T21:59:03")


@pytest.mark.slow
def test_rendered_tracks_are_listed_with_the_ids_that_sql_has(nightshift, used_site, monkeypatch):
    monkeypatch.chdir(used_site)
    said = nightshift("render", "hall", *SPAN)
    assert said.code == 0 and "tracks-hall.mp4: 1.0 s of anonymized video from 1 file" in said.out, said.err
    found = nightshift("render", "hall", *SPAN, "-o", "x.mp4", "--label", "person", "--trail-s", "1", "--json").json
    (track,) = nightshift("sql", "FROM tracks WHERE camera = 'hall' ORDER BY start_time LIMIT 1", "--json").json
    assert found["file"] == "x.mp4" and found["frames"] == 10
    assert [each["track_id"] for each in found["tracks"]] == [track["track_id"]]
    assert {"number": 1, "label": "person", "colour": "#56B4E9"}.items() <= found["tracks"][0].items()
    assert track["track_id"] in said.out
    assert (used_site / "x.mp4").stat().st_mode & 0o777 == (used_site / "site.toml").stat().st_mode & 0o777


@pytest.mark.slow
def test_where_no_track_is_the_clip_says_so(nightshift, used_site):
    said = nightshift("render", "hall", *SPAN, "--label", "dog", "--site", used_site, "-o", used_site / "x.mp4")
    assert said.code == 0 and "there are no such tracks in that time: the clip shows zones and the time" in said.out
    assert (used_site / "x.mp4").stat().st_size > 0
