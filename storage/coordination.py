"""Claims: how several runs on one store keep out of each other's way, without a server and without trusted clocks.

::

    _claims/place-CAMERA%2FDATE%2FUNIT.json   which run works there
    _claims/run-RUN.json                      that run's heartbeat: a number that rises as long as it lives

A claim holds as long as its run's heartbeat changes. An observer measures by its own clock how long the number stood
still, so that clocks of other machines need not be right; of a run on its own machine it sees at once that it is gone.
Claims save work and guard nothing: whoever works without one, or takes one over too early, does work twice, and of two
commits of the same work one stands.
"""

import json
import os
import platform
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from schemas.errors import NightshiftError
from storage.blobs import Blobs
from storage.files import safe_name

CLAIMS_FOLDER = "_claims"
LEASE_S = 60.0
"""Seconds after which the claims of a run whose heartbeat stood still are free to be taken over."""

BEATS = 6
"""Heartbeats of a run within a lease."""

FORGOTTEN_H = 24.0
"""Hours after which the claims and heartbeats of runs that died are removed."""

# All in one folder, which a heartbeat keeps from becoming empty: making folders is dear, and claims come and go.
_PLACE = f"{CLAIMS_FOLDER}/place-"
_RUN = f"{CLAIMS_FOLDER}/run-"

Place = tuple[str, str, str]
"""Camera, date and unit."""


class Claims:
    """The claims of one run, and its view of those of others; a context manager, inside which the heart beats.

    Args:
        lease_s: seconds that another run's heartbeat may stand still.
        beat_s: seconds between heartbeats; None for ``BEATS`` within a lease.
        clock: seconds that never run backwards.

    Attributes:
        crowded: whether another run was met since this one entered: each heartbeat and each claim looks around.
    """

    def __init__(
        self,
        blobs: Blobs,
        run_id: str,
        lease_s: float = LEASE_S,
        beat_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._run_id = run_id
        self._beat_s = lease_s / BEATS if beat_s is None else beat_s
        self._lease_s = lease_s
        self._clock = clock
        self._held: Counter[Place] = Counter()
        self._seen: dict[str, tuple[bytes, float]] = {}
        self._beats = 0
        self.crowded = False
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="nightshift-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        """Writes the first heartbeat and starts the others; clears away what dead runs left long ago.

        Raises:
            StoreFull: no space is left.
        """
        self._clear_forgotten()
        self._write_beat()
        self._look_around()
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets go of every claim, then of the heartbeat."""
        self._ended.set()
        self._heart.join()
        self._blobs.delete([_place_name(place) for place in self._held if self._holder(place) == self._run_id])
        self._held.clear()
        self._blobs.delete([_run_name(self._run_id)])

    def take(self, place: Place) -> bool:
        """Claims a place, unless another run that lives holds it; one that is held may be taken again.

        Raises:
            StoreFull: no space is left.
        """
        taken = place in self._held or self._put(place)
        if taken:
            self._held[place] += 1
        self.crowded = self.crowded or not taken
        # After the claim was put: whoever worked at the place before, and still lives, is seen.
        self._look_around()
        return taken

    def release(self, place: Place) -> None:
        """Lets go of a place that was taken, as often as it was; of one taken over meanwhile nothing is changed."""
        self._held[place] -= 1
        if self._held[place] > 0:
            return
        del self._held[place]
        if self._holder(place) == self._run_id:
            self._blobs.delete([_place_name(place)])

    def _put(self, place: Place) -> bool:
        mine = json.dumps({"run_id": self._run_id}).encode()
        if self._blobs.put_if_absent(_place_name(place), mine):
            return True
        holder = self._holder(place)
        if holder == self._run_id:
            return True  # an object store may do what it is asked and then say that it failed
        if holder is not None and self._lives(holder):
            return False
        # Two observers may come here at once, and one may delete the claim that the other has just put: both then
        # work at the place, and one of them in vain.
        self._blobs.delete([_place_name(place)])
        return self._blobs.put_if_absent(_place_name(place), mine)

    def _holder(self, place: Place) -> str | None:
        """The run that holds a place; None if nobody does, or the claim is torn."""
        try:
            return str(json.loads(self._blobs.read(_place_name(place)))["run_id"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def _lives(self, run_id: str) -> bool:
        """Whether a run's heartbeat is there and has changed within the lease, as far as this process has seen."""
        try:
            beat = self._blobs.read(_run_name(run_id))
        except FileNotFoundError:
            return False  # a run puts its heartbeat before its first claim, and removes it last
        if _ended_here(beat):
            self._blobs.delete([_run_name(run_id)])
            return False
        now = self._clock()
        known = self._seen.get(run_id)
        if known is None or known[0] != beat:
            self._seen[run_id] = (beat, now)
            return True
        if now - known[1] < self._lease_s:
            return True
        self._blobs.delete([_run_name(run_id)])  # should it live after all, its next heartbeat brings this back
        return False

    def _beat(self) -> None:
        while not self._ended.wait(self._beat_s):
            try:
                self._write_beat()
                self._look_around()
            except (NightshiftError, OSError):
                continue  # the next one may work; till then the claims may be taken over, which costs work, not rows

    def _write_beat(self) -> None:
        self._beats += 1
        beat = {"beats": self._beats, "host": platform.node(), "pid": os.getpid()}
        self._blobs.write(_run_name(self._run_id), json.dumps(beat).encode())

    def _look_around(self) -> None:
        mine = _run_name(self._run_id)
        if not self.crowded:
            runs = [blob.name for blob in self._blobs.list(CLAIMS_FOLDER) if blob.name.startswith(_RUN)]
            self.crowded = runs != [mine]

    def _clear_forgotten(self) -> None:
        oldest = time.time() - FORGOTTEN_H * 3600
        self._blobs.delete([blob.name for blob in self._blobs.list(CLAIMS_FOLDER) if blob.modified < oldest])


def _place_name(place: Place) -> str:
    return f"{_PLACE}{safe_name('/'.join(place))}.json"


def _run_name(run_id: str) -> str:
    return f"{_RUN}{safe_name(run_id)}.json"


def _ended_here(beat: bytes) -> bool:
    """Whether a heartbeat is of a process of this machine that is there no more."""
    try:
        found = json.loads(beat)
        host, pid = str(found["host"]), int(found["pid"])
    except (ValueError, KeyError, TypeError):
        return False  # torn: then its silence will tell
    if host != platform.node():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # it is there, and another user's
    return False
