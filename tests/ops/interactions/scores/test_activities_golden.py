"""Every golden number of NIST's scorer."""

import json
from pathlib import Path

import pytest

from tests.support.activities_golden import ACTIVITY_CASES, activity_checks
from tests.support.golden import require

pytestmark = pytest.mark.assets


@pytest.mark.parametrize("name", ACTIVITY_CASES)
def test_all_numbers_are_those_of_the_original(assets: Path, name: str) -> None:
    require(activity_checks(assets / "hoi/actev", name))


def test_no_case_is_left_out(assets: Path) -> None:
    assert json.loads((assets / "hoi/actev/cases.json").read_text()) == ACTIVITY_CASES
