"""What becomes of each bad file when a night is run on it by the command line, and when deface is given it."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from bench.anonymized_site import LAST_OPS, build_site, published
from bench.bad_footage import SECRET, BadFile, Film
from bench.deface_peer import Peer, deface
from bench.leaks import LEAK_BELOW, covered_as_shown, frame_cover
from bench.paired import Paint, Shown, fitted, frames_of

CAMERA = "odd"
_TAGS_OF_MP4 = {"major_brand", "minor_version", "compatible_brands", "language", "handler_name", "vendor_id"}


@dataclass(frozen=True)
class PeerEnd:
    """What the peer made of it: exit code, frames, and length of what it wrote, None if it wrote nothing."""

    exit_code: int
    frames: int | None
    length_s: float | None


@dataclass(frozen=True)
class CaseEnd:
    """What became of one file.

    Attributes:
        reasons: of what went into quarantine, each with the op that set it aside.
        details: what is said of them.
        message: what the command said where it ended without a summary.
        frames_in: that any player could get out of the file.
        frames_out: that were published; None if nothing was.
        times_kept: every frame of the film is published at its time, and no other.
        stripped: nothing but one video stream is in what was published.
        heads, leaks: head zones to be judged, and those of which less than half is covered.
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
    peer: PeerEnd | None = None


def run_case(bad: BadFile, root: Path, models: Sequence[Path], paint: Paint, peer: Peer | None = None) -> CaseEnd:
    """Runs a night on a site that has this file alone.

    Args:
        root: where the site is built.
        models: weights that it has.
        paint: with what people are covered there.
        peer: is given the file, too.
    """
    build_site(root, {CAMERA: bad.path} if bad.path.exists() else {}, models)
    (root / "archive").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "cli.main", "run", "--site", str(root), "--in-process", "--json"]
    done = subprocess.run([*command, "--ops", ",".join(LAST_OPS)], capture_output=True, text=True, check=False)
    said = json.loads(done.stdout) if done.stdout.strip() else {"quarantined": []}
    reasons = sorted({f"{entry['op']}: {entry['reason']}" for entry in said["quarantined"]})
    seen = [] if not bad.path.exists() else readable(bad.path)
    out = published(root).get(CAMERA)
    shown = None if out is None else readable(out)
    end = CaseEnd(
        name=bad.name,
        exit_code=done.returncode,
        reasons=tuple(reasons),
        details=tuple(entry["detail"] for entry in said["quarantined"]),
        message="" if done.stdout.strip() else done.stderr.strip(),
        frames_in=len(seen),
        frames_out=None if shown is None else len(shown),
        length_in_s=_length_s(seen),
        peer=None if peer is None else _peer_end(bad, root / f"defaced{bad.path.suffix}", peer),
    )
    if out is None or shown is None:
        return end
    return CaseEnd(**{**vars(end), "stripped": is_stripped(out), **_judged(bad.film, shown, paint)})


def readable(path: Path) -> list[Shown]:
    """The frames up to the first error; none where the file cannot be opened."""
    frames: list[Shown] = []
    try:
        frames.extend(frames_of(path))
    except (FFmpegError, IndexError, ValueError):
        return frames  # no video, or damaged: what came before is what there is
    return frames


def is_stripped(path: Path) -> bool:
    """Whether a file is one video stream that tells nothing but its pictures."""
    with av.open(f"file:{path}") as container:
        tags = {*container.metadata, *(name for stream in container.streams for name in stream.metadata)}
        alone = len(container.streams) == 1 and not tags - _TAGS_OF_MP4
    content = path.read_bytes()
    return alone and not any(word.encode() in content for word in [SECRET, *SECRET.split()])


def _judged(film: Film | None, shown: Sequence[Shown], paint: Paint) -> dict[str, object]:
    """What can be said only where the film is known."""
    if film is None:
        return {}
    covers, leaking = [], []
    at = {
        time_s: (number, image) for number, (time_s, image) in enumerate(zip(film.times_s, film.frames, strict=True), 1)
    }
    for frame in shown:
        if frame.time_s not in at:
            continue
        number, original = at[frame.time_s]
        covered = covered_as_shown(fitted(frame.image, original.shape), original, paint.colour, paint.tolerance)
        covers.append(frame_cover(covered, film.truth.take(film.truth.frame == number)))
        if (covers[-1].head_share < LEAK_BELOW).any():
            leaking.append(number)
    shares = np.concatenate([cover.head_share for cover in covers]) if covers else np.empty(0)
    return {
        "times_kept": [frame.time_s for frame in shown] == list(film.times_s),
        "heads": len(shares),
        "leaks": int((shares < LEAK_BELOW).sum()),
        "leaking": tuple(leaking),
        "area": float(np.mean([cover.area for cover in covers])) if covers else None,
    }


def _peer_end(bad: BadFile, target: Path, peer: Peer) -> PeerEnd:
    ended = deface(peer, bad.path, target, "--replacewith", "solid")
    if not target.is_file():
        return PeerEnd(ended.exit_code, None, None)
    frames = readable(target)
    return PeerEnd(ended.exit_code, len(frames), _length_s(frames))


def _length_s(frames: Sequence[Shown]) -> float:
    """From the first frame to the last."""
    return float(frames[-1].time_s - frames[0].time_s) if frames else 0.0
