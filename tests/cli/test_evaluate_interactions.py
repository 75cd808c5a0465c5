"""`eval interactions` and `export interactions`, as they are typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.labelled import CAMERA, FILM, films, put_interactions, put_tracks, scanned_site, walkers
from tests.support.mistakes import one_line

FOUND = [("meets", 0.5, 2.0, 0.9), ("meets", 2.5, 2.9, 0.4), ("falls", 1.0, 1.0, 0.8)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = scanned_site(tmp_path)
    put_tracks(site, walkers())
    put_interactions(site, FOUND)
    return tmp_path


def labels(folder: Path, *activities: tuple[str, int, int], files: tuple[str, ...] = (FILM,)) -> Path:
    """Writes labels: verbs with their first frame and the one after the last."""
    file = folder / "labels.json"
    content = {
        "filesProcessed": list(files),
        "activities": [
            {"activity": verb, "activityID": number, "localization": {files[0]: {str(start): 1, str(end): 0}}}
            for number, (verb, start, end) in enumerate(activities, 1)
        ],
    }
    file.write_text(json.dumps(content))
    return file


def table(out: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()}


def scores(nightshift: Any, folder: Path, file: Path, *options: Any) -> dict[str, Any]:
    said = nightshift("eval", "interactions", CAMERA, "--truth", file, "--site", folder, "--json", *options)
    assert said.code == 0, said.err
    return dict(said.json)


def test_verbs_are_shown_with_misses_and_false_alarms(nightshift, folder):
    said = nightshift(
        "eval", "interactions", CAMERA, "--truth", labels(folder, ("meets", 6, 22), ("falls", 11, 12)), "--site", folder
    )
    assert said.code == 0, said.err
    assert f"{FILM}, 0.1 min: 2 labels under SDL_V2" in said.out
    rows = table(said.out)
    assert rows["verb"][:4] == ["labels", "rows", "found", "false"]
    assert rows["verb"][4:] == ["Pmiss@0.04tfa", "Pmiss@0.1tfa", "Pmiss@0.1rfa", "Pmiss@1rfa", "nAUDC@0.2tfa"]
    assert rows["meets"][:4] == ["1", "2", "1", "1"] and rows["falls"][:4] == ["1", "1", "1", "0"]
    assert rows["mean"] == ["2", "3", "2", "1", "0", "0", "0", "0", "0"]
    assert said.err == ""


@pytest.mark.parametrize("protocol", ["SDL_V2", "SDL_V1", "AD19_V2", "SRL_AD_V1", "SRL_AD_V2", "SRL_AD_V3"])
def test_what_is_exported_as_labels_is_found_again(nightshift, folder, protocol):
    target = folder / "exported.json"
    said = nightshift("export", "interactions", "-o", target, "--camera", CAMERA, "--labels", "--site", folder)
    assert said.out == f"3 interactions of {FILM} written to {target}\n"
    assert "presenceConf" not in target.read_text()

    found = scores(nightshift, folder, target, "--protocol", protocol)

    assert (found["mean"]["labels"], found["mean"]["found"], found["mean"]["false_alarms"]) == (3, 3, 0)
    assert set(found["mean"]["p_miss"].values()) == {0} and set(found["mean"]["naudc"].values()) == {0}


def test_a_system_output_has_scores_and_frames(nightshift, folder):
    target = folder / "system.json"
    done = nightshift("export", "interactions", "-o", target, "--camera", CAMERA, "--site", folder, "--json").json
    assert (done["footage"], done["interactions"], done["frames"]) == ([FILM], 3, 30)

    first, fall, last = json.loads(target.read_text())["activities"]

    assert first["localization"] == {FILM: {"6": 1, "22": 0}}  # frames 6 to 21 show 0.5 s to 2.0 s
    assert first["presenceConf"] == pytest.approx(0.9)
    assert fall["localization"] == {FILM: {"11": 1, "12": 0}}
    assert last["localization"] == {FILM: {"26": 1, "31": 0}}


def test_a_momentary_row_is_found_though_it_is_some_frames_off(nightshift, folder):
    file = labels(folder, ("falls", 18, 19))

    assert scores(nightshift, folder, file)["verbs"]["falls"]["found"] == 1
    assert scores(nightshift, folder, file, "--least-s", 0)["verbs"]["falls"]["found"] == 0


def test_verbs_without_a_label_are_scored_if_asked_for(nightshift, folder):
    file = labels(folder, ("meets", 6, 22))

    assert set(scores(nightshift, folder, file)["verbs"]) == {"meets"}
    everything = scores(nightshift, folder, file, "--all-verbs")["verbs"]
    assert (everything["falls"]["labels"], everything["falls"]["false_alarms"]) == (0, 1)
    assert set(scores(nightshift, folder, file, "--verb", "falls")["verbs"]) == {"falls"}


def test_a_file_index_leaves_frames_out(nightshift, folder):
    index = folder / "files.json"
    index.write_text(json.dumps({FILM: {"framerate": 10, "selected": {"1": 1, "23": 0}}}))
    file = labels(folder, ("meets", 6, 22), ("meets", 26, 30))
    said = nightshift(
        "eval", "interactions", CAMERA, "--truth", file, "--file-index", index, "--site", folder, "--least-s", "0"
    )
    assert table(said.out)["meets"][:4] == ["1", "1", "1", "0"]
    assert "1 label left out" in said.err and "8 frames of 30 are left out" in " ".join(said.err.split())


def test_frames_that_were_not_watched_are_left_out(nightshift, tmp_path):
    site = scanned_site(tmp_path)
    put_tracks(site, walkers(10), segments=slice(1))
    put_interactions(site, FOUND[2:])

    found = scores(nightshift, tmp_path, labels(tmp_path, ("falls", 10, 11)), "--least-s", 0)

    assert (found["frames"], found["frames_left_out"], found["mean"]["rows"]) == (10, 20, 0)


def test_without_a_run_nothing_is_scored(nightshift, tmp_path):
    put_tracks(scanned_site(tmp_path), walkers())
    words = "interactions were not looked for yet"
    file = labels(tmp_path, ("falls", 11, 12))
    one_line(nightshift("eval", "interactions", CAMERA, "--truth", file, "--site", tmp_path), words)
    target = tmp_path / "found.json"
    one_line(nightshift("export", "interactions", "-o", target, "--camera", CAMERA, "--site", tmp_path), words)


@pytest.mark.parametrize(
    ("files", "frames", "words"),
    [
        ((), (1, 2), "filesProcessed names no footage"),
        (("other.mp4",), (1, 2), "no usable footage other.mp4"),
        ((FILM,), (20, 40), f"is in frames 20 to 39, but {FILM} has frames 1 to 30"),
    ],
)
def test_labels_of_other_footage_are_a_mistake(nightshift, folder, files, frames, words):
    file = labels(folder, ("falls", *frames), files=files or (FILM,))
    if not files:
        file.write_text(json.dumps(json.loads(file.read_text()) | {"filesProcessed": []}))
    one_line(nightshift("eval", "interactions", CAMERA, "--truth", file, "--site", folder), words)


def test_mistakes_are_one_line(nightshift, folder):
    file = labels(folder, ("falls", 11, 12))
    asked = ("eval", "interactions", CAMERA, "--truth", file, "--site", folder)
    one_line(nightshift(*asked, "--protocol", "SDL_V9"), "SDL_V9")
    one_line(nightshift(*asked, "--verb", "dances", "--least-s", "-1"), "--least-s")
    file.write_text("{}")
    one_line(nightshift(*asked), "labels.json is not a reference of ActEV: filesProcessed: Field required")
    target = folder / "found.json"
    one_line(nightshift("export", "tracks", "-o", target, "--site", folder), "is for interactions: nightshift export")
    two = ("--footage", FILM, "--footage", FILM)
    text = folder / "boxes.txt"
    one_line(
        nightshift("export", "tracks", "-o", text, "--camera", CAMERA, *two, "--site", folder), "give --footage once"
    )


def test_eval_of_a_camera_scores_its_tracks(nightshift, folder):
    truth = folder / "gt.txt"
    truth.write_text("1,1,2,20,30,80,1\n")
    plain = nightshift("eval", CAMERA, "--truth", truth, "--site", folder, "--json")
    named = nightshift("eval", "tracks", CAMERA, "--truth", truth, "--site", folder, "--json")
    first = nightshift("eval", "--truth", truth, CAMERA, "--site", folder, "--json")
    assert plain.code == 0 and plain.out == named.out == first.out
    assert "interactions" in nightshift("eval", "--help").out


def test_labels_of_several_files_are_scored_together(nightshift, tmp_path):
    later = f"{CAMERA}/2026-03-02T10-00-05.mp4"
    site = scanned_site(tmp_path, (FILM, later), films)
    put_tracks(site, walkers())
    put_tracks(site, walkers(), later, run_id="later")
    put_interactions(site, [*FOUND, ("falls", 6.0, 6.0, 0.7)])
    both = (FILM, later.rpartition("/")[2])
    file = labels(tmp_path, ("falls", 11, 12), files=both)

    found = scores(nightshift, tmp_path, file)

    assert found["footage"] == [FILM, later] and found["frames"] == 60
    assert (found["mean"]["rows"], found["mean"]["found"], found["mean"]["false_alarms"]) == (2, 1, 1)
    target = tmp_path / "both.json"
    named = [word for path in both for word in ("--footage", path)]
    done = nightshift("export", "interactions", "-o", target, "--camera", CAMERA, *named, "--site", tmp_path)
    assert done.out == f"4 interactions of 2 files written to {target}\n"
