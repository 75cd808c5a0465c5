"""The map page of a period: its days, and how long the bars of its charts are."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobs.commands.map_page import MapRequest, write_map_page
from jobs.site import Site, open_site
from schemas.errors import SelectionError
from storage.store.store import Store
from tests.jobs.commands.test_report import MONDAY, film
from tests.storage.sql_site import make_site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    Store.create(make_site(tmp_path).store)
    return open_site(tmp_path)


@pytest.mark.parametrize(
    ("days", "minutes", "unit"), [(1, 60, "people per minute"), (1, 239, "people per hour"), (20, 1, "people per day")]
)
def test_long_periods_are_charted_by_the_hour_and_by_the_day(
    site: Site, tmp_path: Path, days: int, minutes: int, unit: str
) -> None:
    for day in {0, days - 1}:
        film(site.store, MONDAY - timedelta(days=day), 5, minutes)
    write_map_page(site, MapRequest(tmp_path / "map.html"))
    assert f'"{unit}"' in (tmp_path / "map.html").read_text()


def test_a_day_shows_nothing_of_other_days(site: Site, tmp_path: Path) -> None:
    film(site.store, MONDAY, 5)
    write_map_page(site, MapRequest(tmp_path / "map.html", first=MONDAY + timedelta(1)))
    assert "people per" not in (tmp_path / "map.html").read_text()
    with pytest.raises(SelectionError, match="before the first"):
        write_map_page(site, MapRequest(tmp_path / "map.html", MONDAY, MONDAY - timedelta(1)))
