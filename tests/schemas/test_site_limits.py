"""Mistakes in what may be loaded, handed out, used and kept are named."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.site import SiteConfig
from schemas.site_limits import PublishConfig

LEAST = {"name": "Station", "crs": "EPSG:28992", "timezone": "Europe/Amsterdam"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": {"trusted": ["x"]}}, "Extra inputs are not permitted"),
        ({"models": {"trust": ["best.pt"]}}, "trust gives the sha256 of each file by name"),
        ({"models": {"trust": {"best.pt": "abc"}}}, "trust gives the sha256 of each file by name"),
        ({"models": {"trust": {"best.pt": 5}}}, "trust gives the sha256 of each file by name"),
        ({"retention": {"days": 3}}, "Extra inputs are not permitted"),
        ({"retention": {"footage_days": 0}}, "greater than or equal to 1"),
        ({"retention": {"tables": {"track": 3}}}, "there is no table 'track'"),
        ({"retention": {"tables": {"footage": 3}}}, "table footage follows tables_days"),
        ({"retention": {"tables": {"purges": 3}}}, "table purges is never purged"),
        ({"retention": {"tables": {"holds": 3}}}, "table holds is never purged"),
        ({"sql": {"memory_gb": 0}}, "greater than 0"),
        ({"publish": {"wait_for": "luck"}}, "'nothing' or 'sign-off'"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        SiteConfig(**{**LEAST, **change})
    assert message in str(raised.value)


def test_a_site_waits_for_sign_offs_only_where_it_says_so() -> None:
    assert not PublishConfig().waits
    assert PublishConfig(wait_for="sign-off").waits


def test_digests_are_compared_in_small_letters() -> None:
    config = SiteConfig(**LEAST, models={"trust": {"best.pt": "AB" * 32}})
    assert config.models.trust == {"best.pt": "ab" * 32}
