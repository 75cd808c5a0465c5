"""Sites of clips run up to the published file; only changed units run again."""

import numpy as np
import pytest

from bench.anonymized_site import BEFORE_ANONYMIZE, build_site, copy_site, published_videos, run_ops
from bench.frame_pairs import read_frames
from bench.real_clips import steady_times, write_frames
from jobs.commands.results import query
from jobs.site import open_site

FRAMES = 30


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A dark bar, which counts as a person, moves past two cameras."""
    folder = tmp_path_factory.mktemp("clips")
    ground = np.random.default_rng(1).integers(150, 180, (160, 208, 3)).astype(np.uint8)
    frames = []
    for number in range(FRAMES):
        frame = ground.copy()
        frame[50:110, 10 + 5 * number : 30 + 5 * number] = 30
        frames.append(frame)
    clip = write_frames(folder / "walk.mp4", frames, steady_times(FRAMES, 10))
    root = build_site(folder / "site", {"a": clip, "b": clip}, ops={"detect": {"model": "motion"}})
    run_ops(root, BEFORE_ANONYMIZE)
    return root


def test_nothing_is_published_before_it_is_covered(site):
    assert published_videos(site) == {}
    ops = {row["op"] for row in query(open_site(site), "SELECT DISTINCT op FROM receipts").to_pylist()}
    assert {"detect", "track", "background"} <= ops and "anonymize" not in ops


@pytest.mark.slow
def test_each_camera_has_its_file_in_the_mode_asked_for(site, tmp_path):
    root = copy_site(site, tmp_path / "solid", {"detect": {"model": "motion"}, "anonymize": {"mode": "solid"}})
    summary = run_ops(root)
    assert summary.record.detector_calls == 0 and {key.op for key in summary.plan.units} >= {"publish"}
    files = published_videos(root)
    assert sorted(files) == ["a", "b"] and all(len(list(read_frames(file))) == FRAMES for file in files.values())
    modes = query(open_site(root), "SELECT DISTINCT mode FROM anonymized").to_pylist()
    assert modes == [{"mode": "solid"}]


def test_cameras_can_be_chosen(site, tmp_path):
    root = copy_site(site, tmp_path / "one", {"detect": {"model": "motion"}})
    run_ops(root, cameras=["b"])
    assert sorted(published_videos(root)) == ["b"]
