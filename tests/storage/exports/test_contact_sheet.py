"""The contact sheet, which works without a network, and the published frames on it."""

import re
from base64 import b64decode
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from schemas.errors import CorruptFootage
from schemas.values import FrameBatch, Segment, Uint8
from storage.blobs import LocalBlobs
from storage.exports.contact_sheet import WIDTH_PX, ContactSheet, SheetFrame, render_contact_sheet
from storage.exports.export_records import exclusive_path
from storage.video.published import pts_to_ticks, read_frames, read_frames_at, read_ticks
from storage.video.writer import PartWriter
from tests.support.fakes import make_batch, make_segment

SHEET = ContactSheet(
    "hall <1>", "anonymized to level X", ["it was altered"], [("mode", "solid & flat"), ("frames", "20")], 3
)


class Page(HTMLParser):
    """The elements and words of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._hidden = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in ("style", "script")
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += data + " "

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def picture(width: int = 64, height: int = 48, shade: int = 100) -> Uint8:
    return np.full((height, width, 3), shade, np.uint8)


def shots(*risks: float) -> list[SheetFrame]:
    return [SheetFrame(picture(), f"22:00:{n:02}", risk, f"reason {n} <b>") for n, risk in enumerate(risks)]


def test_the_page_holds_everything_and_asks_for_nothing(tmp_path: Path) -> None:
    assert render_contact_sheet(tmp_path / "sheet.html", SHEET, shots(0.9, 0.25)) == 2
    assert (tmp_path / "sheet.html").stat().st_mode & 0o777 == 0o600, "nobody has looked at it yet"
    page = Page(tmp_path / "sheet.html")
    images = page.all("img")
    assert len(images) == 2 and not page.all("script") and not page.all("link")
    for image in images:
        kind, data = str(image["src"]).split(",")
        assert kind == "data:image/jpeg;base64"
        found = cv2.imdecode(np.frombuffer(b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        assert found is not None and found.shape == (48, 64, 3) and abs(int(found.mean()) - 100) < 3
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    source = (tmp_path / "sheet.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:)', source) and "http://" not in source and "https://" not in source
    assert "prefers-color-scheme: dark" in source and "@media print" in source


def test_the_summary_stands_on_top_and_texts_are_only_texts(tmp_path: Path) -> None:
    render_contact_sheet(tmp_path / "sheet.html", SHEET, shots(0.9))
    page = Page(tmp_path / "sheet.html")
    words = " ".join(page.text.split())
    for text in (
        "hall <1>",
        "anonymized to level X",
        "it was altered",
        "solid & flat",
        "3 frames are on the review list, 1 are shown",
        "reason 0 <b>",
    ):
        assert text in words, text
    assert words.index("solid & flat") < words.index("reason 0") and "risk 0.90" in words
    assert not page.all("b")


def test_wide_frames_are_scaled_down(tmp_path: Path) -> None:
    render_contact_sheet(tmp_path / "sheet.html", SHEET, [SheetFrame(picture(1920, 1080), "t", 2.0, "r")])
    (image,) = Page(tmp_path / "sheet.html").all("img")
    assert (image["width"], image["height"]) == (str(WIDTH_PX), "450")


def test_an_empty_list_gives_a_page_all_the_same(tmp_path: Path) -> None:
    assert render_contact_sheet(tmp_path / "sheet.html", SHEET, []) == 0
    page = Page(tmp_path / "sheet.html")
    assert not page.all("ol") and "0 are shown" in " ".join(page.text.split())


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        render_contact_sheet(tmp_path / name, SHEET, shots(0.5, 0.4))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


SEGMENT = make_segment(duration_s=2.0, size_px=(63, 47))
COUNT = SEGMENT.frames


def write_video(folder: Path, segment: Segment = SEGMENT) -> Path:
    """Frames of rising shade, in two chunks."""
    sink = PartWriter(LocalBlobs(folder), "clip.mp4", segment)
    batch = make_batch(np.stack([picture(63, 47, 10 * n) for n in range(COUNT)]), segment)
    for part in (slice(0, 12), slice(12, COUNT)):
        chunk = sink.new_chunk()
        chunk.write(FrameBatch(batch.frames[part], batch.pts[part], batch.times_us[part]))
        sink.keep(chunk)
    sink.close()
    return folder / "clip.mp4"


def pts_of(numbers: Sequence[int]) -> list[int]:
    batch = make_batch(np.zeros((COUNT, 1, 1, 3), np.uint8), SEGMENT)
    return [int(batch.pts[number]) for number in numbers]


def shades(frames: Sequence[Uint8]) -> list[int]:
    return [round(float(frame.mean()) / 10) for frame in frames]


def test_every_frame_comes_once_at_its_time_and_size(tmp_path: Path) -> None:
    found = list(read_frames(write_video(tmp_path), (63, 47)))
    assert read_ticks(tmp_path / "clip.mp4") == [ticks for ticks, _ in found]
    assert [ticks for ticks, _ in found] == [pts_to_ticks(pts, SEGMENT) for pts in pts_of(range(COUNT))]
    assert shades([frame for _, frame in found]) == list(range(COUNT))
    assert {frame.shape for _, frame in found} == {(47, 63, 3)}


def test_frames_are_found_by_their_time(tmp_path: Path) -> None:
    path = write_video(tmp_path)
    wanted = [pts_to_ticks(pts, SEGMENT) for pts in pts_of([0, 5, 11, 12, 19])]
    found = list(read_frames_at(path, [*wanted, wanted[-1] + 10_000_000], (63, 47)))
    assert [ticks for ticks, _ in found] == wanted
    assert shades([frame for _, frame in found]) == [0, 5, 11, 12, 19]
    assert list(read_frames_at(path, [wanted[1] + 1], (63, 47))) == [], "there is no frame between two"


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"nothing of the kind")
    with pytest.raises(CorruptFootage, match=r"clip\.mp4"):
        list(read_frames(tmp_path / "clip.mp4", (63, 47)))


def test_a_new_file_has_its_name_at_the_end_or_never(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "new.mp4"
    with exclusive_path(target) as hidden:
        hidden.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole" and [path.name for path in target.parent.iterdir()] == ["new.mp4"]
    with pytest.raises(RuntimeError), exclusive_path(tmp_path / "other.mp4") as hidden:
        hidden.write_bytes(b"half")
        raise RuntimeError
    assert not list(tmp_path.glob("*.mp4")) and not list(tmp_path.glob(".tmp*"))
