"""Renders a contact sheet: one HTML page of anonymized frames for human review, which works without a network."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from jinja2 import Environment, StrictUndefined

from schemas.errors import UserError
from schemas.values import Uint8
from storage.files import write_atomic

WIDTH_PX = 800
"""Width to which wider frames are reduced."""

_QUALITY = 85
"""JPEG quality of frames."""

_META = re.compile(rb'<meta name="nightshift-(video|frames)" content="([0-9a-f]+)">')
_NEW_SHEET = "`nightshift audit FOOTAGE --sheet FILE` writes one"
_PAGE = Path(__file__).with_suffix(".html")


@dataclass(frozen=True)
class SheetFrame:
    """One frame of the sheet.

    Attributes:
        image: ``(H, W, 3)`` BGR, from the published file.
        time: local time, as text.
        risk: review priority, 0 to 1.
        reason: why the frame should be reviewed.
    """

    image: Uint8
    time: str
    risk: float
    reason: str


@dataclass(frozen=True)
class ContactSheet:
    """The text around the frames.

    Attributes:
        title: the page's title.
        statement: the level of anonymity and the residual risk, in one sentence.
        warnings: problems of the published file, one line each.
        facts: names and values of the audit.
        flagged: number of frames on the review list; the sheet may show fewer.
        sha256: of the published file; ``read_contact_sheet`` needs it.
        sign_offs: former decisions about the published file, oldest first, one line each.
        command: signs the file off; if it is empty, the sheet has no part about sign-offs.
    """

    title: str
    statement: str
    warnings: Sequence[str]
    facts: Sequence[tuple[str, str]]
    flagged: int
    sha256: str = ""
    sign_offs: Sequence[str] = ()
    command: str = ""


@dataclass(frozen=True)
class SheetFile:
    """A contact sheet that was written, as far as a sign-off records it.

    Attributes:
        sha256: of the sheet.
        video_sha256: of the published file that the sheet shows.
        frames: number of frames on the sheet.
    """

    sha256: str
    video_sha256: str
    frames: int


def render_contact_sheet(target: Path, sheet: ContactSheet, frames: Iterable[SheetFrame]) -> int:
    """Writes a sheet, replacing an existing one; the same arguments give the same bytes.

    Only its owner can read the file: nobody has reviewed these frames yet, and people may be visible in them.

    Returns:
        Number of frames on the sheet.

    Raises:
        StoreFull: no space is left.
    """
    cards = [_card(frame) for frame in frames]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(_PAGE.read_text(encoding="utf-8")).render(
        **vars(sheet), cards=cards, shown=len(cards)
    )
    write_atomic(target, page.encode("utf-8", "replace"), private=True)
    return len(cards)


def read_contact_sheet(path: Path) -> SheetFile:
    """Reads a contact sheet: its hash, and which published file it shows.

    Raises:
        UserError: the file does not exist, or is no contact sheet.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the sheet {path} cannot be read: {error.strerror}; {_NEW_SHEET}") from error
    found = {match[1].decode(): match[2].decode() for match in _META.finditer(content)}
    if found.keys() != {"video", "frames"}:
        raise UserError(f"{path} is no contact sheet; {_NEW_SHEET}")
    return SheetFile(hashlib.sha256(content).hexdigest(), found["video"], int(found["frames"]))


def _card(frame: SheetFrame) -> dict[str, object]:
    image = _downscale(frame.image)
    height, width = image.shape[:2]
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return {
        "jpeg": b64encode(jpeg.tobytes()).decode("ascii"),
        "width": width,
        "height": height,
        "time": frame.time,
        "risk": f"{frame.risk:.2f}",
        "percent": round(100 * min(max(frame.risk, 0.0), 1.0)),
        "reason": frame.reason,
    }


def _downscale(image: Uint8) -> Uint8:
    height, width = image.shape[:2]
    if width <= WIDTH_PX:
        return image
    size = (WIDTH_PX, max(1, round(height * WIDTH_PX / width)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
