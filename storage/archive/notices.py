"""What a scan says about an archive as a whole: files that it leaves out, and paths that its pattern does not know."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from schemas.site import SiteConfig

_VIDEO_SUFFIXES = frozenset(
    (
        *(".3gp", ".asf", ".avi", ".dav", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts"),
        *(".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".264", ".265", ".h264", ".h265", ".hevc", ".avc"),
    )
)


def left_out(others: Mapping[str, int], footage: int) -> list[str]:
    """Returns a line about files with suffixes that are no footage here, if they may be video.

    Args:
        others: number of files by suffix, without those of ``SiteConfig.suffixes``.
        footage: number of files that are footage.
    """
    asked = Counter(others) if not footage else Counter({x: others[x] for x in _VIDEO_SUFFIXES & others.keys()})
    if not asked:
        return []
    return [f"{_files(asked.total())} left out: `suffixes` of site.toml does not name {_list(asked)}"]


def without_footage(folders: Sequence[str], footage: int) -> list[str]:
    """Returns a line about folders without footage, if others have some."""
    if not folders or not footage:
        return []
    shown = ", ".join(folders[:5]) + (" and others" if len(folders) > 5 else "")
    return [f"no footage in {len(folders)} folder{'s' if len(folders) != 1 else ''} of the archive: {shown}"]


def unmatched(paths: Sequence[str], footage: int, config: SiteConfig) -> list[str]:
    """Returns a line about footage whose path no pattern matches.

    Args:
        paths: of that footage.
        footage: number of all files that are footage.
    """
    if not paths:
        return []
    patterns = " or ".join(map(repr, config.patterns))
    return [
        f"{_files(len(paths))} of {footage} without a time in the path: pattern {patterns} of site.toml does not match "
        f"{paths[0]!r}. The first folder names the camera, the time is that of the container or the file; "
        "`nightshift init --layout` knows the patterns of some recorders"
    ]


def emptied(known: int, where: str) -> list[str]:
    """Returns a line about an archive in which nothing is left of ``known`` files."""
    if not known:
        return []
    return [f"{where} has no footage, but the last scan found {_files(known)} there: is the disk or share mounted?"]


def suffix_of(path: PurePath) -> str:
    """Returns the suffix of a path in lower case, or its name if it has none."""
    return path.suffix.lower() or path.name


def _files(count: int) -> str:
    return f"{count} file{'s' if count != 1 else ''}"


def _list(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{suffix} ({count})" for suffix, count in most[:5])
    return f"{named} and others" if len(most) > 5 else named
