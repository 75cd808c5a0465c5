"""Reads camera and time from file names, and converts the cameras' local clocks to UTC.

Patterns use strftime codes; ambiguous local times are resolved as PEP 495 (``fold``) describes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import PurePath
from typing import Literal

from schemas.camera_ids import camera_id
from schemas.errors import SiteError

ClockNote = Literal["ambiguous", "nonexistent"]
"""Why a local time may be off by an hour: the hour occurs twice, or is skipped, at a change of summer time."""

# Regular expressions by strftime code. Ranges are checked here so that other digits in a name are not taken for a time.
_CODES = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"0[1-9]|1[0-2]",
    "d": r"0[1-9]|[12]\d|3[01]",
    "j": r"\d{3}",
    "H": r"[01]\d|2[0-3]",
    "M": r"[0-5]\d",
    "S": r"[0-5]\d",
    "f": r"\d{1,6}",
    "s": r"\d{9,11}",
    "z": r"Z|[+-]\d{2}:?\d{2}",
}
_TOKEN = re.compile(r"%(?P<code>.)|\{(?P<name>camera|utc|\*)\}|(?P<text>[^%{]+|.)", re.DOTALL)


@dataclass(frozen=True)
class PathTime:
    """Camera and time read from a path.

    Attributes:
        camera: its id.
        time: naive local time, or aware where the pattern has ``%z``, ``%s``, ``{utc}`` or a final ``Z``; None where
            the pattern holds no date, or the date does not exist.
    """

    camera: str
    time: datetime | None


def parse_path(pattern: str, relative: PurePath) -> PathTime | None:
    """Returns camera and time of a file by ``SiteConfig.pattern``, or None if the path does not match.

    Args:
        pattern: of the path without its suffix: ``{camera}``, ``{*}`` for anything, ``{utc}`` for times that are UTC
            though no path says so, and the strftime codes %Y %y %m %d %j %H %M %S %f %s %z. A code that occurs twice
            must match the same text both times.
        relative: path below the archive.

    Raises:
        SiteError: the pattern has another code.
    """
    match = _compile(pattern).fullmatch(relative.with_suffix("").as_posix())
    if match is None:
        return None
    found = {name: text for name, text in match.groupdict().items() if text is not None}
    return PathTime(camera_id(found["camera"]), _time(found, pattern.endswith("Z") or "{utc}" in pattern))


def camera_from_path(relative: PurePath) -> str:
    """Returns the camera of a file whose path does not match the pattern: its first folder."""
    return camera_id(relative.parts[0]) if len(relative.parts) > 1 else "camera"


def to_utc(naive: datetime, tz: tzinfo) -> tuple[datetime, ClockNote | None]:
    """Converts a local clock's time to UTC, with a note where a change of summer time makes it doubtful.

    Of two equal hours the first is used, or the second with ``naive.fold = 1``; a time in the skipped hour is read as
    if the clock had not been put forward yet. An aware time is converted as it is.
    """
    if naive.tzinfo is not None:
        return naive.astimezone(UTC), None
    local = naive.replace(tzinfo=tz)
    instant = local.astimezone(UTC)
    # A skipped local time does not survive the way to UTC and back.
    if instant.astimezone(tz).replace(tzinfo=None) != naive.replace(fold=0):
        return local.replace(fold=0).astimezone(UTC), "nonexistent"
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        return instant, "ambiguous"
    return instant, None


@dataclass(frozen=True)
class AmbiguousFile:
    """A file that begins in an hour that the local clock shows twice.

    Attributes:
        start: naive local time.
        zone: of the camera's clock; None if the modification time is not to be compared with it.
    """

    start: datetime
    duration_s: float
    mtime_ns: int
    zone: tzinfo | None = None

    def is_second(self) -> bool | None:
        """Returns in which of the two hours the file was written, by its modification time; None if in neither.

        Recorders close a file when it ends. A copy that does not keep the time was written at another time.
        """
        if self.zone is None:
            return None
        ends = [self.start.replace(tzinfo=self.zone, fold=fold).timestamp() + self.duration_s for fold in (0, 1)]
        near = [abs(self.mtime_ns / 1e9 - end) <= (ends[1] - ends[0]) / 4 for end in ends]
        return near[1] if any(near) else None


def find_second_hours(files: Sequence[AmbiguousFile]) -> list[bool]:
    """Returns, for files of one camera, whether each belongs to the second of two equal hours.

    Modification times say it. Where they do not: a camera does not record twice at once, so where files overlap by most
    of their length, the one written later was recorded an hour later.
    """
    second = [file.is_second() for file in files]
    first_hour = [file for file, is_second in zip(files, second, strict=True) if is_second is False]
    for index in sorted(range(len(files)), key=lambda index: (files[index].mtime_ns, files[index].start)):
        if second[index] is None:
            second[index] = any(_mostly_overlap(files[index], earlier) for earlier in first_hour)
            if not second[index]:
                first_hour.append(files[index])
    return [bool(is_second) for is_second in second]


def _mostly_overlap(one: AmbiguousFile, other: AmbiguousFile) -> bool:
    begin = max(one.start, other.start)
    end = min(one.start + timedelta(seconds=one.duration_s), other.start + timedelta(seconds=other.duration_s))
    return (end - begin).total_seconds() > 0.5 * min(one.duration_s, other.duration_s)


@lru_cache(maxsize=64)
def _compile(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    groups: set[str] = set()
    for token in _TOKEN.finditer(pattern):
        code, name, text = token.group("code", "name", "text")
        if text is not None or code == "%":
            parts.append(re.escape(text or "%"))
        elif name == "*":
            parts.append(".*?")
        elif name == "utc":
            continue
        elif name == "camera":
            parts.append(_group("camera", r"[^/]+?", groups))
        elif code in _CODES:
            parts.append(_group(code, _CODES[code], groups))
        else:
            raise SiteError(f"pattern {pattern!r} has %{code}; it may have {' '.join('%' + c for c in _CODES)}")
    return re.compile("".join(parts), re.DOTALL)


def _group(name: str, regex: str, groups: set[str]) -> str:
    """Returns a named group, or a back-reference where the name occurred before."""
    if name in groups:
        return f"(?P={name})"
    groups.add(name)
    return f"(?P<{name}>{regex})"


def _time(found: dict[str, str], is_utc: bool) -> datetime | None:
    """Returns the time that the codes give; None without a date, or if there is no such date."""
    if "s" in found:
        return datetime.fromtimestamp(int(found["s"]), UTC)
    year, day = "Y" if "Y" in found else "y", "j" if "j" in found else "md"
    codes = [year, *day, *(code for code in "HMSfz" if code in found)]
    try:
        time = datetime.strptime(" ".join(found[code] for code in codes), " ".join(f"%{code}" for code in codes))
    except (KeyError, ValueError):
        return None
    if "j" in found and time.timetuple().tm_yday != int(found["j"]):
        return None  # strptime takes day 366 of a shorter year for the first day of the next
    return time.replace(tzinfo=UTC) if is_utc and "z" not in found else time
