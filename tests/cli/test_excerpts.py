"""`still` and `clip`, as they are typed."""

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
