"""Purges of a small site, for tests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from jobs.commands.purge import PurgePlan, apply_purge, plan_purge
from schemas.site import SiteConfig
from storage.site.file import SiteFiles
from storage.store.store import Store
from tests.storage.small_store import DATES

# Of the dates of the small store the first two are more than 30 days before this.
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
OLD, YOUNG = DATES[:2], DATES[2:]
ALL = {"footage_days": 30, "tables_days": 30, "video_days": 30}


def site_with(root: Path, retention: Mapping[str, object], **more: object) -> SiteFiles:
    values = {"name": "s", "crs": "EPSG:28992", "timezone": "UTC", "retention": retention, **more}
    return SiteFiles(root, SiteConfig.model_validate(values))


def store_of(root: Path) -> Store:
    return Store.open(root / "store")


def purged(root: Path, retention: Mapping[str, object], now: datetime = NOW, **more: object) -> PurgePlan:
    """Plans and purges."""
    site, store = site_with(root, retention, **more), store_of(root)
    plan = plan_purge(site, store, now)
    assert apply_purge(site, store, plan, now) == ()
    return plan
