"""What a worker notes in a local file in case its process ends: the units at work, and all stacks where it hangs.

A process that is killed cannot report anything. Its notes outlive it, and the pool reads them on the worker's machine.
"""

import faulthandler
import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.values import Segment
from storage.files import private_scratch

REAL_TIMES = 4.0
"""Seconds that a step may take per second of footage and megapixel (at least one): to find one frame, a decoder may
have to decode a whole segment, and HEVC of 8 megapixels runs at a few frames per second on one core."""

FORGET_AFTER_H = 7 * 24.0
"""Hours after which notes are removed that nobody has read."""

_REARM_SHARE = 0.05
_LONGEST_STACKS = 4000


def limit_s(step_limit_s: float, segments: Sequence[Segment]) -> float:
    """Returns the seconds that one step of the work on these segments may take.

    A step is the wait for the next frames, an op's work on them, or what an op does after the last frame.
    """
    return step_limit_s + REAL_TIMES * sum(
        segment.duration_s * max(1.0, segment.width * segment.height / 1e6) for segment in segments
    )


@dataclass(frozen=True)
class Notes:
    """What the notes of a process say.

    Attributes:
        at_work: numbers of the tasks that it worked on, counted within its batch.
        decoding: whether it was decoding their footage.
        limit_s: of the step that it was at.
        stacks: of all threads, if it made no progress within its limit; else empty.
    """

    at_work: tuple[int, ...] = ()
    decoding: bool = False
    limit_s: float = 0.0
    stacks: str = ""


class CrashNotes:
    """The notes of this process, and the watch that ends it when a step takes too long.

    The watch is a thread of ``faulthandler`` that needs no interpreter: it also ends a process whose C code hangs with
    the interpreter's lock held.

    Args:
        name: of the notes, unique on this machine.
    """

    def __init__(self, name: str) -> None:
        folder = notes_folder(name)
        _remove_forgotten(folder.parent)
        folder.mkdir(mode=0o700)
        self._folder = folder
        self._at_work = os.open(folder / "at_work", os.O_CREAT | os.O_WRONLY, 0o600)
        self._stacks = (folder / "stacks").open("w")
        self._written = b""
        self._armed: tuple[float, float] | None = None  # the limit, and when it was last set

    def begin_step(self, at_work: Sequence[int], decoding: bool, limit: float) -> None:
        """Notes which tasks of the batch are worked on now, and allows the step so many seconds."""
        note = json.dumps([list(at_work), decoding, limit]).encode() + b"\n"
        if note != self._written:
            os.pwrite(self._at_work, note, 0)
            self._written = note
        now = time.monotonic()
        # To set the watch starts a thread. So it is not set anew for each few frames: it is early by 5 % at most.
        if self._armed is None or self._armed[0] != limit or now - self._armed[1] > limit * _REARM_SHARE:
            faulthandler.dump_traceback_later(limit * (1 + _REARM_SHARE), exit=True, file=self._stacks)
            self._armed = (limit, now)

    def end_batch(self) -> None:
        """Stops the watch."""
        if self._armed:
            faulthandler.cancel_dump_traceback_later()
            self._armed = None

    def close(self) -> None:
        """Stops the watch, and removes the notes."""
        self.end_batch()
        os.close(self._at_work)
        self._stacks.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def notes_folder(name: str) -> Path:
    """Returns the folder of a process's notes on this machine."""
    return private_scratch() / f"worker-{name}"


def take_notes(name: str) -> Notes | None:
    """Returns the notes of a process that has ended, and removes them; None if this machine has none."""
    folder = notes_folder(name)
    try:
        first_line = (folder / "at_work").read_bytes().partition(b"\n")[0]
        at_work, decoding, limit = json.loads(first_line) if first_line else ((), False, 0.0)
        stacks = (folder / "stacks").read_text(errors="replace").strip()
    except (OSError, ValueError):
        return None
    shutil.rmtree(folder, ignore_errors=True)
    return Notes(tuple(at_work), decoding, limit, stacks[:_LONGEST_STACKS])


def _remove_forgotten(folder: Path) -> None:
    """Removes the notes of processes that ended long ago, such as those of a machine that lost its power."""
    oldest = time.time() - FORGET_AFTER_H * 3600
    for notes in folder.glob("worker-*"):
        with suppress(FileNotFoundError):
            if notes.stat().st_mtime < oldest:
                shutil.rmtree(notes, ignore_errors=True)
