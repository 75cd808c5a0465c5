"""Damaged files have the damage of their name, and unusual ones decode to their film."""

import av
import numpy as np
import pytest

from bench.bad_footage import FRAMES, MAKERS, SECRET, make_all
from bench.bad_matrix import is_stripped, readable
from bench.frame_pairs import fit_to_shape

pytestmark = [pytest.mark.assets, pytest.mark.slow]
WHOLE = sorted(set(MAKERS) - {"missing", "empty", "random", "no-moov", "truncated", "bit-corrupt"})


@pytest.fixture(scope="module")
def files(assets, tmp_path_factory):
    return {bad.name: bad for bad in make_all(tmp_path_factory.mktemp("bad"), assets)}


def test_every_case_is_made(files):
    assert set(files) == set(MAKERS)
    assert [name for name, bad in files.items() if not bad.path.exists()] == ["missing"]
    assert sorted(name for name, bad in files.items() if bad.film) == WHOLE


def test_broken_files_are_broken(files):
    found = {name: len(readable(files[name].path)) for name in ("empty", "random", "no-moov", "truncated")}
    assert (found["empty"], found["random"], found["no-moov"]) == (0, 0, 0)
    assert 0 < found["truncated"] < FRAMES
    assert (
        files["bit-corrupt"].path.read_bytes()
        != files["bit-corrupt"].path.with_name("bit-corrupt-sound.mp4").read_bytes()
    )


@pytest.mark.parametrize("name", WHOLE)
def test_odd_files_show_their_film(files, name):
    film = files[name].film
    decoded = readable(files[name].path)
    assert [frame.time_s for frame in decoded] == list(film.times_s)
    for frame, meant in zip(decoded, film.frames, strict=True):
        assert np.abs(fit_to_shape(frame.image, meant.shape).astype(int) - meant).mean() < 8
    assert film.truth.frame.max() <= len(decoded) and len(film.truth)


def test_what_is_to_be_stripped_is_there(files):
    assert SECRET.encode() in files["tags-and-sound"].path.read_bytes()
    assert not is_stripped(files["tags-and-sound"].path) and not is_stripped(files["two-streams"].path)
    with av.open(str(files["tags-and-sound"].path)) as container:
        assert len(container.streams) == 2


def test_encodings_are_what_they_are_called(files):
    formats = {}
    for name in ("10-bit", "alpha", "odd-size"):
        with av.open(str(files[name].path)) as container:
            context = container.streams.video[0].codec_context
            formats[name] = (context.pix_fmt, context.width, context.height)
    assert formats == {
        "10-bit": ("yuv420p10le", 480, 360),
        "alpha": ("rgba", 480, 360),
        "odd-size": ("yuv444p", 127, 63),
    }
