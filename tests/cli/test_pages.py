import json

from tests.support.mistakes import one_line


def test_report_says_the_night_in_words_and_as_json(nightshift, used_site, tmp_path):
    said = nightshift("report", "--site", used_site)
    assert said.code == 0
    assert "busiest places" in said.out and "worker-seconds per hour of footage" in said.out
    target = tmp_path / "night.json"
    whole = nightshift("report", "--site", used_site, "-o", target, "--json").json
    assert json.loads(target.read_text()) == whole
    assert {camera["camera"] for camera in whole["coverage"]} == {"hall", "gate"}
    assert nightshift("report", "--site", used_site, "-o", tmp_path / "night.html").code == 0
    assert (tmp_path / "night.html").read_text().startswith("<!DOCTYPE html>")


def test_mistakes_of_report_are_one_line(nightshift, used_site, tmp_path):
    one_line(nightshift("report", "--site", used_site, "--date", "2020-01-01"), "last day with footage")
    one_line(nightshift("report", "--site", used_site, "-o", tmp_path / "night.pdf"), ".html or .json")
