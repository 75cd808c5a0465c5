"""Ids of cameras: the names of their folders, or of ``[[cameras]]``, made fit for paths of the store."""

import re
import unicodedata
from hashlib import sha256

_CAMERA_MARK = re.compile("~[0-9a-f]{8}$")
_MOST_ID_CHARS, _MOST_ID_BYTES = 64, 120  # file systems take names of 255 bytes, and the store adds to an id


def is_camera_id(text: str) -> bool:
    """Returns whether a text is a valid camera id, which becomes a folder name.

    It has letters and digits of any script, ``_``, ``.`` and ``-``, begins with a letter or digit, and may end with the
    mark that ``camera_id`` adds.
    """
    plain = _CAMERA_MARK.sub("", text)
    return (
        plain != ""
        and all(_is_plain(char) for char in plain)
        and unicodedata.category(plain[0])[0] in "LN"
        and len(text) <= _MOST_ID_CHARS
        and len(text.encode()) <= _MOST_ID_BYTES
        and unicodedata.is_normalized("NFC", text)
    )


def camera_id(name: str) -> str:
    """Returns the id of the camera with a name, such as a folder's: the name itself, if it is one.

    Any other name gives an id that no other name gives, with a mark at its end: ``Cam 1`` is ``Cam-1~4a3e9fe2``.
    The same name in another normal form of Unicode is the same name (docs/decisions/0025-camera-names.md).
    """
    name = unicodedata.normalize("NFC", name)
    if is_camera_id(name):
        return name
    plain = re.sub("-+", "-", "".join(char if _is_plain(char) else "-" for char in name)).rstrip("-")
    while plain and unicodedata.category(plain[0])[0] not in "LN":
        plain = plain[1:]
    plain = plain[:48].encode()[:96].decode(errors="ignore") or "camera"
    return f"{plain}~{sha256(name.encode(errors='surrogateescape')).hexdigest()[:8]}"


def _is_plain(char: str) -> bool:
    return char in "_.-" or unicodedata.category(char)[0] in "LMN"
