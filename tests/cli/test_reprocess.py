"""`reprocess` and `diff`, for people and for machines, on a site after its night."""

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def changed_site(used_site):
    config = used_site / "site.toml"
    config.write_text(config.read_text() + "\n[ops.counts]\nbin_s = 2\n")
    return used_site


def runs(nightshift, site):
    rows = nightshift("sql", "SELECT run_id FROM runs ORDER BY started", "--site", site, "--json").json
    return [row["run_id"] for row in rows]


def test_nothing_changed_is_nothing_to_reprocess(nightshift, used_site):
    for options in ([], ["--dry-run"]):
        said = nightshift("reprocess", "--ops", "detect", "--site", used_site, "--in-process", *options)
        assert said.code == 0 and said.out == "nothing to reprocess\n"
    said = nightshift("reprocess", "--site", used_site, "--in-process", "--json")
    assert said.code == 0 and said.json["units_done"] == said.json["frames_decoded"] == 0


def test_a_dry_run_shows_units_reasons_time_and_space(nightshift, changed_site):
    arguments = ["reprocess", "--ops", "counts", "--dry-run", "--max-hours", "2", "--workers", "2"]
    found = nightshift(*arguments, "--site", changed_site, "--json")
    assert found.code == 0
    (counts,) = [op for op in found.json["ops"] if op["op"] == "counts"]
    assert (counts["units"], found.json["units"]) == (2, 4) and counts["measured"], (
        "and the interactions, which read it"
    )
    assert list(counts["why"]) == ["params: bin_s 60.0 → 2.0"]
    assert found.json["fit"]["units"] == 4 and found.json["fit"]["budget_s"] == 7200.0
    assert found.json["size_bytes"] > 0 and found.json["workers"] == 2
    text = nightshift(*arguments, "--site", changed_site).out
    assert "bin_s 60.0 → 2.0 (2)" in text and "4 of them fit in 2:00:00" in text and "space" in text
    assert len(runs(nightshift, changed_site)) == 1, "a dry run is no run"


def test_reprocess_and_then_diff_what_it_changed(nightshift, changed_site):
    said = nightshift("reprocess", "--ops", "counts", "--site", changed_site, "--in-process", "--json")
    assert said.json["units_done"] == 4 and said.json["frames_decoded"] == said.json["units_left"] == 0
    first, second = runs(nightshift, changed_site)
    found = nightshift("diff", first, second, "--site", changed_site, "--json").json
    assert found["units"] == 4 and found["tracks"] == []
    assert "counts" in [table["table"] for table in found["tables"]]
    assert found["counts"] == [], "shorter bins count the same people"
    text = nightshift("diff", first, second, "--site", changed_site).out
    assert "4 units differ" in text and "counts" in text
    same = nightshift("diff", second, second, "--site", changed_site)
    assert same.code == 0 and same.out.startswith("nothing changed")


def test_dates_and_cameras_bound_it(nightshift, changed_site):
    arguments = ["reprocess", "--ops", "counts", "--dry-run", "--site", changed_site, "--json"]
    assert nightshift(*arguments, "--from", "2030-01-01").json["units"] == 0
    gate = nightshift(*arguments, "--camera", "gate").json["units"]
    hall = nightshift(*arguments, "--camera", "hall").json["units"]
    assert gate and hall and gate + hall == 4


def test_a_budget_that_is_too_small_stops_it(nightshift, changed_site):
    arguments = ["reprocess", "--ops", "counts", "--site", changed_site, "--in-process", "--json"]
    said = nightshift(*arguments, "--max-hours", "0")
    assert said.code == 3 and said.json["units_left"] == 4
    assert nightshift(*arguments).json["units_done"] == 4


def test_cameras_and_the_oldest_go_first(nightshift, fresh_site):
    arguments = ["run", "--ops", "detect", "--site", fresh_site, "--in-process"]
    assert nightshift(*arguments, "--order", "oldest", "--first-camera", "hall").code == 1, "one file is cut off"
    sql = """SELECT segments.camera, start_time FROM receipts JOIN segments ON unit = segment_id
             WHERE op = 'detect' ORDER BY committed"""
    order = nightshift("sql", sql, "--site", fresh_site, "--json").json
    cameras = [row["camera"] for row in order]
    assert cameras == sorted(cameras, reverse=True) and set(cameras) == {"gate", "hall"}
    hall = [row["start_time"] for row in order if row["camera"] == "hall"]
    assert len(hall) > 1 and hall == sorted(hall)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["diff", "yesterday", "today"], ["yesterday"]),
        (["reprocess", "--ops", "fly"], ["--ops fly"]),
        (["reprocess", "--first-camera", "nobody", "--dry-run"], ["--first-camera nobody", "gate, hall"]),
        (["run", "--first-camera", "nobody", "--in-process"], ["--first-camera nobody", "gate, hall"]),
        (["reprocess", "--max-hours", "-1"], ["--max-hours"]),
        (["reprocess", "--until", "late"], ["late", "06:00"]),
        (["reprocess", "--order", "random"], ["--order"]),
    ],
)
def test_mistakes_are_one_line(nightshift, used_site, command, words):
    said = nightshift(*command, "--site", used_site)
    assert said.code == 2 and said.err.count("\n") == 1 and "Traceback" not in said.err, said
    assert all(word in said.err for word in words), said.err
