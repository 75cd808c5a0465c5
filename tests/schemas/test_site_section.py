"""Sections refuse unknown keys, changes and unknown time zones."""

import pytest
from pydantic import ValidationError

from schemas.site_section import Strict, known_timezone


class Section(Strict):
    """One key."""

    key: float


def test_unknown_keys_infinite_numbers_and_changes_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Section(key=1, other=2)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="finite"):
        Section(key=float("inf"))
    with pytest.raises(ValidationError, match="frozen"):
        Section(key=1).key = 2  # type: ignore[misc]


@pytest.mark.parametrize("name", ["", "Europe/Atlantis", "../etc/passwd"])
def test_a_time_zone_is_known(name: str) -> None:
    assert known_timezone("Europe/Amsterdam") == "Europe/Amsterdam"
    with pytest.raises(ValueError, match="unknown time zone"):
        known_timezone(name)
