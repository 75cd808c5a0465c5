"""`eval`, as it is typed."""

from pathlib import Path

import pytest

from tests.jobs.labelled import CAMERA, FILM, put_tracks, scanned_site, walkers
from tests.support.mistakes import one_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put_tracks(scanned_site(tmp_path), walkers())
    return tmp_path


def truth(folder: Path, *lines: str) -> Path:
    file = folder / "gt.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_scores_are_shown_with_their_meaning(nightshift, folder):
    file = truth(folder, "1,1,2,20,30,80,1", "1,2,62,20,30,80,0", "2,1,4,20,30,80,1")
    said = nightshift("eval", CAMERA, "--truth", file, "--site", folder)
    assert said.code == 0, said.err
    lines = [line.split() for line in said.out.splitlines()]
    assert f"{FILM}, 2 frames from 1 to 2, 0.1 s: 2 true boxes of label person" in said.out
    assert ["score", "value", "without", "ignored", "meaning"] in lines
    assert ["recall", "1", "1", "share"] in [line[:4] for line in lines]
    assert ["precision", "0.5", "0.667"] in [line[:3] for line in lines]
    assert "without ignored: boxes on the 1 ignored true ones" in said.out


def test_json_has_every_score(nightshift, folder):
    file = truth(folder, "0 1 Pedestrian 0 0 0 2 20 32 100")
    found = nightshift("eval", CAMERA, "--truth", file, "--site", folder, "--json").json
    assert (found["footage"], found["frames"], found["forgiving"]) == (FILM, 1, None)
    assert found["scores"]["recall"] == 1 and found["scores"]["precision"] == 0.5


def test_frames_that_are_left_out_are_warned_of(nightshift, tmp_path):
    put_tracks(scanned_site(tmp_path), walkers(10), segments=slice(1))
    file = truth(tmp_path, "1,1,2,20,30,80,1", "30,1,60,20,30,80,1")
    said = nightshift("eval", CAMERA, "--truth", file, "--site", tmp_path)
    assert said.code == 0 and "10 frames from 1 to 30" in said.out
    assert "20 frames of 30 are left out: nobody was tracked there yet" in " ".join(said.err.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--truth-size", "large"], ["--truth-size 'large' is not a size; write it as 768x576"]),
        (["--truth-size", "0x576"], ["is not a size"]),
        (["--from", "noon"], ["--from 'noon' is not a time"]),
        (["--format", "coco"], ["coco"]),
        (["--footage", "other.mp4"], ["no usable footage other.mp4"]),
        (["--first-frame", "2"], ["gt.txt has no box that counts in frames 2 to 1"]),
    ],
)
def test_mistakes_are_one_line(nightshift, folder, options, words):
    file = truth(folder, "1,1,2,20,30,80,1")
    one_line(nightshift("eval", CAMERA, "--truth", file, "--site", folder, *options), *words)


def test_a_malformed_line_is_named(nightshift, folder):
    file = truth(folder, "1,1,2,20,30,80,1", "2,1,2,20,,80,1")
    one_line(nightshift("eval", CAMERA, "--truth", file, "--site", folder), "gt.txt, line 2: width '' is not a number")


def test_leaks_are_not_known_without_published_video(nightshift, folder):
    file = truth(folder, "1,1,2,20,30,80,1")
    said = nightshift("eval", CAMERA, "--truth", file, "--site", folder)
    assert f"leaks are not known: no anonymized video of {FILM} is published" in said.out
    assert "leaks" not in nightshift("eval", CAMERA, "--truth", file, "--site", folder, "--no-leaks").out


@pytest.mark.slow
def test_leaks_of_the_sample_site_are_those_of_its_published_video(nightshift, used_site):
    ours = used_site / "truth" / "hall" / "2026-03-02T21-59-00.txt"
    bare = used_site / "bare.txt"
    bare.write_text("".join(f"{frame},1,280,10,20,60,1\n" for frame in range(1, 31)))
    options = ("--footage", "2026-03-02T21-59-00.mp4", "--site", used_site, "--json", "--truth")
    for file, leak in ((ours, 0), (bare, 1)):
        found = nightshift("eval", "hall", *options, file).json["leaks"]
        assert found["scores"]["head_leak"] == leak and found["frames_left_out"] == 0
        assert found["scores"]["heads"] >= 30 and found["video"].startswith("anonymized/camera=hall")
