"""Errors say their reason first, and tell the user's mistakes from others."""

from schemas.errors import DAMAGE_REASONS, CorruptFootage, ModelError, NightshiftError, UserError


def test_corrupt_footage_says_its_reason_first() -> None:
    error = CorruptFootage(DAMAGE_REASONS[0], "cam1/clip.mp4 has 0 bytes")
    assert str(error) == "empty_file: cam1/clip.mp4 has 0 bytes"
    assert error.reason == "empty_file"


def test_the_users_mistakes_are_told_from_others() -> None:
    assert issubclass(ModelError, UserError)
    assert not issubclass(CorruptFootage, UserError)
    assert issubclass(CorruptFootage, NightshiftError)
