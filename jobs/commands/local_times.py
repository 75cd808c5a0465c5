"""Turns times that users give into moments."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.errors import UserError
from storage.store.records import check_time


def moments(option: str, time: datetime, zone: ZoneInfo) -> list[datetime]:
    """Returns the moments that a time may mean: of the hour that comes twice, and of the one that does not exist, two.

    Args:
        option: that gave it, for messages.
        time: by the clock of ``zone``, or with an offset.

    Raises:
        UserError: it lies in no plausible year.
    """
    readings = [time] if time.tzinfo else [time.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    try:
        return [check_time(option, check_time(option, each).astimezone(UTC)) for each in readings]
    except ValueError as error:
        raise UserError(str(error)) from error
