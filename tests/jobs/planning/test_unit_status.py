"""Reasons of one cause are counted together, whichever segment they name."""

import pytest

from jobs.planning.unit_status import without_ids

ID = "98096a91e049c006"


@pytest.mark.parametrize(
    ("reason", "general"),
    [
        (f"needs anonymize of {ID}-0000, which has no result", "needs anonymize, which has no result"),
        (f"needs detect of {ID}, which has no result", "needs detect, which has no result"),
        ("needs link of day, which has no result", "needs link of day, which has no result"),
        (f"CoverageError: segment {ID}-0012: too short", "CoverageError: too short"),
        (f"segment {ID}-0000: too short", "too short"),
        ("params: fps 10.0 → 8.0", "params: fps 10.0 → 8.0"),
        ("", ""),
    ],
)
def test_a_reason_without_the_segment_that_it_names(reason: str, general: str) -> None:
    assert without_ids(reason) == general
