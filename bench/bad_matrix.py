"""Runs Nightshift on each bad file by the command line, and deface on the same file."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from bench.anonymized_site import LAST_OPS, build_site, published_videos
from bench.bad_footage import SECRET, BadFile, Film
from bench.deface_peer import Peer, deface
from bench.frame_pairs import CoverColour, DecodedFrame, fit_to_shape, read_frames
from ops.leaks import LEAK_BELOW, covered_pixels, frame_cover

CAMERA = "odd"
_TAGS_OF_MP4 = {"major_brand", "minor_version", "compatible_brands", "language", "handler_name", "vendor_id"}


@dataclass(frozen=True)
class PeerResult:
    """The peer's exit code, and frames and length of the file it wrote; None if it wrote nothing."""

    exit_code: int
    frames: int | None
    length_s: float | None


@dataclass(frozen=True)
class CaseResult:
    """The result of a run on one file.

    Attributes:
        reasons: reasons of quarantine, each with its op.
        details: their details.
        message: the command's message, if it ended without a summary.
        frames_in: frames that a player can decode from the file.
        frames_out: published frames; None if nothing was published.
        times_kept: whether every frame of the film is published at its time, and no other.
        stripped: whether the published file holds one video stream and nothing else.
        heads, leaks: head zones judged, and those of which less than half is covered.
        leaking: numbers of the frames with such heads, from 1.
        area: mean covered share of the published frames.
    """

    name: str
    exit_code: int
    reasons: tuple[str, ...]
    details: tuple[str, ...]
    message: str
    frames_in: int
    frames_out: int | None
    length_in_s: float
    times_kept: bool | None = None
    stripped: bool | None = None
    heads: int | None = None
    leaks: int | None = None
    leaking: tuple[int, ...] = ()
    area: float | None = None
    peer: PeerResult | None = None


def run_case(
    bad: BadFile, root: Path, models: Sequence[Path], cover: CoverColour, peer: Peer | None = None
) -> CaseResult:
    """Runs Nightshift on a site that has this file alone.

    Args:
        root: folder of the new site.
        models: its weights.
        cover: the colour that covers people.
        peer: processes the same file, if given.
    """
    build_site(root, {CAMERA: bad.path} if bad.path.exists() else {}, models)
    (root / "archive").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "cli.main", "run", "--site", str(root), "--in-process", "--json"]
    done = subprocess.run([*command, "--ops", ",".join(LAST_OPS)], capture_output=True, text=True, check=False)
    summary = json.loads(done.stdout) if done.stdout.strip() else {"quarantined": []}
    reasons = sorted({f"{entry['op']}: {entry['reason']}" for entry in summary["quarantined"]})
    frames_in = [] if not bad.path.exists() else readable(bad.path)
    out = published_videos(root).get(CAMERA)
    frames_out = None if out is None else readable(out)
    result = CaseResult(
        name=bad.name,
        exit_code=done.returncode,
        reasons=tuple(reasons),
        details=tuple(entry["detail"] for entry in summary["quarantined"]),
        message="" if done.stdout.strip() else done.stderr.strip(),
        frames_in=len(frames_in),
        frames_out=None if frames_out is None else len(frames_out),
        length_in_s=_length_s(frames_in),
        peer=None if peer is None else _peer_result(bad, root / f"defaced{bad.path.suffix}", peer),
    )
    if out is None or frames_out is None:
        return result
    return CaseResult(**{**vars(result), "stripped": is_stripped(out), **_judged(bad.film, frames_out, cover)})


def readable(path: Path) -> list[DecodedFrame]:
    """Returns the frames up to the first error; none if the file cannot be opened."""
    frames: list[DecodedFrame] = []
    try:
        frames.extend(read_frames(path))
    except (FFmpegError, IndexError, ValueError):
        return frames  # no video, or damaged from here on
    return frames


def is_stripped(path: Path) -> bool:
    """Returns whether a file is one video stream without metadata of its origin."""
    with av.open(f"file:{path}") as container:
        tags = {*container.metadata, *(name for stream in container.streams for name in stream.metadata)}
        alone = len(container.streams) == 1 and not tags - _TAGS_OF_MP4
    content = path.read_bytes()
    return alone and not any(word.encode() in content for word in [SECRET, *SECRET.split()])


def _judged(film: Film | None, published: Sequence[DecodedFrame], cover: CoverColour) -> dict[str, object]:
    """Returns the results that need the true film."""
    if film is None:
        return {}
    covers, leaking = [], []
    at = {
        time_s: (number, image) for number, (time_s, image) in enumerate(zip(film.times_s, film.frames, strict=True), 1)
    }
    for frame in published:
        if frame.time_s not in at:
            continue
        number, original = at[frame.time_s]
        covered = covered_pixels(fit_to_shape(frame.image, original.shape), original, cover.colour, cover.tolerance)
        covers.append(frame_cover(covered, film.truth.take(film.truth.frame == number)))
        if (covers[-1].head_share < LEAK_BELOW).any():
            leaking.append(number)
    shares = np.concatenate([cover.head_share for cover in covers]) if covers else np.empty(0)
    return {
        "times_kept": [frame.time_s for frame in published] == list(film.times_s),
        "heads": len(shares),
        "leaks": int((shares < LEAK_BELOW).sum()),
        "leaking": tuple(leaking),
        "area": float(np.mean([cover.area for cover in covers])) if covers else None,
    }


def _peer_result(bad: BadFile, target: Path, peer: Peer) -> PeerResult:
    ended = deface(peer, bad.path, target, "--replacewith", "solid")
    if not target.is_file():
        return PeerResult(ended.exit_code, None, None)
    frames = readable(target)
    return PeerResult(ended.exit_code, len(frames), _length_s(frames))


def _length_s(frames: Sequence[DecodedFrame]) -> float:
    """Returns the time from the first frame to the last."""
    return float(frames[-1].time_s - frames[0].time_s) if frames else 0.0
