"""A run on one bad file, by the command line, is reported correctly."""

from fractions import Fraction

import numpy as np
import pytest

from bench.bad_footage import BadFile, Film
from bench.bad_matrix import run_case
from bench.frame_pairs import CoverColour
from bench.real_clips import steady_times, write_frames
from schemas.frame_boxes import FrameBoxes
from tests.support.damage import empty

pytestmark = pytest.mark.slow

SLATE = CoverColour((139, 116, 100))


@pytest.fixture
def quiet_film() -> Film:
    """A room with nobody in it."""
    room = np.random.default_rng(1).integers(150, 180, (120, 160, 3)).astype(np.uint8)
    nobody = FrameBoxes.of(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4)))
    return Film((room,) * 20, tuple(steady_times(20, 10)), nobody)


def test_unreadable_files_are_quarantined_with_their_reason(tmp_path):
    end = run_case(BadFile("empty", empty(tmp_path / "empty.mp4")), tmp_path / "site", (), SLATE)
    assert (end.exit_code, end.reasons, end.frames_in, end.frames_out) == (1, ("scan: empty_file",), 0, None)


def test_a_missing_file_is_no_error(tmp_path):
    end = run_case(BadFile("missing", tmp_path / "missing.mp4"), tmp_path / "site", (), SLATE)
    assert (end.exit_code, end.reasons, end.frames_out) == (0, (), None)


def test_a_good_film_is_published_stripped_with_its_times(tmp_path, quiet_film):
    times = [Fraction(number * number + number, 100) for number in range(20)]
    clip = write_frames(tmp_path / "film.mp4", quiet_film.frames, times, tags={"title": "secret"}, sound=True)
    film = Film(quiet_film.frames, tuple(times), quiet_film.truth)
    end = run_case(BadFile("film", clip, film), tmp_path / "site", (), SLATE)
    assert end.exit_code == 0, end
    assert (end.frames_in, end.frames_out, end.times_kept, end.stripped) == (20, 20, True, True)
    assert (end.heads, end.leaks, end.leaking) == (0, 0, ())
