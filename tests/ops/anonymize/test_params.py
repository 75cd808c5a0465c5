"""Parameters that cover nothing are refused."""

import pytest

from ops.anonymize.params import AnonymizeParams


@pytest.mark.parametrize("params", [{"colour": "grey"}, {"block_px": 1}, {"targets": ()}])
def test_parameters_that_cover_nothing_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(params))):
        AnonymizeParams(**params)  # type: ignore[arg-type]
