"""What all sections of ``site.toml`` have in common."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A section without unknown keys, that nobody changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


def known_timezone(name: str) -> str:
    """Returns the name of a time zone.

    Raises:
        ValueError: there is none of this name.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}; use an IANA name such as Europe/Amsterdam") from error
    return name
