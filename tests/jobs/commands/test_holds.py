"""Holds are placed in the camera's local time, and refused where they say nothing sensible."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.commands.holds import HoldRequest, place_hold, release_hold
from jobs.site import Site, open_site
from schemas.errors import SelectionError, UserError
from storage.maintenance.holds import read_holds
from storage.store.store import Store

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
SITE = """
name = "small"
crs = "EPSG:28992"
timezone = "UTC"

[[cameras]]
id = "gate"
timezone = "Europe/Amsterdam"
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site.toml").write_text(SITE)
    (tmp_path / "archive").mkdir()
    Store.create(tmp_path / "store")
    return open_site(tmp_path)


def request(start: str, end: str, camera: str = "gate", reason: str = "a theft") -> HoldRequest:
    return HoldRequest(camera, datetime.fromisoformat(start), datetime.fromisoformat(end), reason, "ada")


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("2026-03-01T23:30:00", "2026-03-02T00:30:00", "2026-03-01T22:30", "2026-03-01T23:30"),
        ("2026-03-01T23:30:00+05:00", "2026-03-02T00:30:00", "2026-03-01T18:30", "2026-03-01T23:30"),
        # The hour that comes twice: both times of it. And the one that there is not: what it may mean on either clock.
        ("2026-10-25T02:30:00", "2026-10-25T02:30:01", "2026-10-25T00:30", "2026-10-25T01:30:01"),
        ("2026-03-29T02:30:00", "2026-03-29T02:45:00", "2026-03-29T00:30", "2026-03-29T01:45"),
    ],
)
def test_times_are_local_times_of_the_camera(site: Site, start: str, end: str, first: str, last: str) -> None:
    hold = place_hold(site, request(start, end), NOW)
    assert (hold.start_time, hold.end_time) == tuple(
        datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last)
    )
    assert read_holds(site.store) == (hold,) and (hold.user, hold.reason, hold.time) == ("ada", "a theft", NOW)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (request("2026-03-02", "2026-03-01"), UserError, "--from 2026-03-02T00:00:00 is not before --to"),
        (request("2026-03-02", "2026-03-02"), UserError, "is not before"),
        (request("2026-03-01", "2026-03-02", camera="gaet"), SelectionError, "no camera 'gaet'; there are gate"),
        (request("2026-03-01", "2026-03-02", reason=" "), UserError, "--reason is empty"),
        (request("2026-03-01", "9999-12-31T23:59:59"), UserError, "--to is 9999.*no plausible time"),
        (request("0001-01-01", "2026-03-02"), UserError, "--from is 0001.*no plausible time"),
    ],
)
def test_what_says_nothing_sensible_is_refused(
    site: Site, asked: HoldRequest, error: type[UserError], message: str
) -> None:
    with pytest.raises(error, match=message):
        place_hold(site, asked, NOW)
    assert read_holds(site.store) == ()


def test_a_hold_is_released_once_and_stays_in_the_records(site: Site) -> None:
    hold = place_hold(site, request("2026-03-01", "2026-03-02"), NOW)
    released = release_hold(site, hold.hold_id, "bob", "closed", NOW)
    assert read_holds(site.store) == (released,) and released.release is not None
    assert (released.release.user, released.release.reason) == ("bob", "closed")
    with pytest.raises(UserError, match=f"bob released {hold.hold_id} already"):
        release_hold(site, hold.hold_id, "eve", "", NOW)
    with pytest.raises(SelectionError, match="no hold 'h9'"):
        release_hold(site, "h9", "eve", "", NOW)
