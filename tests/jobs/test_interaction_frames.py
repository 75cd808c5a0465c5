"""Interactions in the frames of footage files."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from jobs.commands.results import connect
from jobs.footage_frames import footage_frames
from jobs.interaction_frames import INTERACTION_TABLES, frame_rate, interactions_in, ranges_of, watched_file
from jobs.site import Site
from tests.jobs.labelled import CAMERA, DATE, FILM, films, put_interactions, put_tracks, scanned_site, walkers

NEXT = f"{CAMERA}/{DATE}T10-00-05.mp4"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = scanned_site(tmp_path, (FILM, NEXT), films)
    put_tracks(made, walkers())
    return made


def frames_of(site: Site, path: str) -> list[tuple[tuple[int, int], ...]]:
    with closing(connect(site, for_query=INTERACTION_TABLES)) as connection:
        return [each.frames for each in interactions_in(connection, footage_frames(site, CAMERA, path))]


def test_an_interaction_that_goes_on_in_the_next_file_is_in_both(site: Site) -> None:
    put_interactions(site, [("follows", 1.0, 6.0, 0.9)])

    assert frames_of(site, FILM) == [((11, 31),)]
    assert frames_of(site, NEXT) == [((1, 12),)]


@pytest.mark.parametrize(
    ("start_s", "end_s", "frames"),
    [(-5.0, 0.05, (1, 2)), (0.0, 0.0, (1, 2)), (0.55, 0.58, (7, 8)), (2.9, 2.9, (30, 31)), (-1.0, 9.0, (1, 31))],
)
def test_a_row_covers_a_frame_at_least(site: Site, start_s: float, end_s: float, frames: tuple[int, int]) -> None:
    put_interactions(site, [("falls", start_s, end_s, 0.9)])

    assert frames_of(site, FILM) == [(frames,)]


def test_only_days_in_which_interactions_were_looked_for_count(site: Site) -> None:
    frames = footage_frames(site, CAMERA, FILM)
    with closing(connect(site, for_query=INTERACTION_TABLES)) as connection:
        assert watched_file(connection, frames).selected == ()
    put_interactions(site, [("falls", 1.0, 1.0, 0.9)])
    with closing(connect(site, for_query=INTERACTION_TABLES)) as connection:
        assert watched_file(connection, frames).selected == ((1, 31),)
    assert frame_rate(frames) == pytest.approx(10)


def test_ranges_count_frames_from_1() -> None:
    assert ranges_of(np.array([True, True, False, True])) == ((1, 3), (4, 5))
    assert ranges_of(np.zeros(3, np.bool_)) == ()
