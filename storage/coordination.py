"""Claims: how several runs on one store avoid doing the same work, without a server and without trusted clocks.

See docs/decisions/0011-claims-save-work.md.

::

    _claims/partition-CAMERA%2FDATE%2FUNIT.json   the run that works on this partition
    _claims/run-RUN.json                          that run's heartbeat: a number that rises as long as it lives

Lease rules:

- A claim holds as long as its run's heartbeat changes. An observer measures by its own monotonic clock for how long it
  has not changed, so the clocks of other machines need not be right.
- The heartbeat of a run on the observer's machine has its process id: if the process is gone, so is the claim, at once.
- Claims save work and guard nothing. A run that works without one, or takes one over too early, does work twice; of two
  commits of the same work the store keeps one.
"""

import json
import os
import platform
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Self

from schemas.errors import NightshiftError
from storage.blobs import Blobs
from storage.files import safe_name

CLAIMS_FOLDER = "_claims"
LEASE_S = 60.0
"""Seconds without a heartbeat after which other runs may take over a run's claims."""

BEATS_PER_LEASE = 6

FORGET_AFTER_H = 24.0
"""Hours after which the claims and heartbeats of dead runs are removed."""

# One folder for all, which the heartbeat keeps from becoming empty: making folders is slow, and claims come and go.
_PARTITION = f"{CLAIMS_FOLDER}/partition-"
_RUN = f"{CLAIMS_FOLDER}/run-"

Partition = tuple[str, str, str]
"""Camera, date and unit."""


class Claims:
    """The claims of one run, and its view of other runs; a context manager, inside which the heart beats.

    Args:
        lease_s: seconds without a heartbeat after which another run counts as dead.
        beat_s: seconds between heartbeats; None for ``BEATS_PER_LEASE`` per lease.
        clock: returns seconds that never run backwards.

    Attributes:
        met_other_runs: whether another run was seen since this one entered; every heartbeat and every claim looks.
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
        self._beat_s = lease_s / BEATS_PER_LEASE if beat_s is None else beat_s
        self._lease_s = lease_s
        self._clock = clock
        self._held: Counter[Partition] = Counter()
        self._last_change: dict[str, tuple[bytes, float]] = {}  # by run: its heartbeat, and when it was first read
        self._beats = 0
        self.met_other_runs = False
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="nightshift-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        """Writes the first heartbeat, starts the others, and removes what runs left that died long ago.

        Raises:
            StoreFull: no space is left.
        """
        self._remove_forgotten()
        self._write_beat()
        self._look_for_runs()
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Releases every claim, then the heartbeat."""
        self._ended.set()
        self._heart.join()
        self._blobs.delete([_claim_file(each) for each in self._held if self._holder(each) == self._run_id])
        self._held.clear()
        self._blobs.delete([_heartbeat_file(self._run_id)])

    @property
    def heartbeat(self) -> str:
        """Name of this run's heartbeat in the store."""
        return _heartbeat_file(self._run_id)

    def acquire(self, partition: Partition) -> bool:
        """Claims a partition; returns False while another live run holds it. May be called again for a held one.

        Raises:
            StoreFull: no space is left.
        """
        acquired = partition in self._held or self._put(partition)
        if acquired:
            self._held[partition] += 1
        self.met_other_runs = self.met_other_runs or not acquired
        # After the claim: a run that worked on the partition before, and still lives, is then sure to be seen.
        self._look_for_runs()
        return acquired

    def acquire_from_dead(self, partition: Partition, poll_s: float = 1.0) -> bool:
        """Claims a partition, after a wait if its holder may be dead; returns False once the holder is known to live.

        A holder on this machine is known at once to live or not, one on another machine by its next heartbeat.

        Raises:
            StoreFull: no space is left.
        """
        beat: bytes | None = None
        while not self.acquire(partition):
            known = self._last_change.get(self._holder(partition) or "")
            if known is not None:  # else it was released since
                if _is_of_this_machine(known[0]) or (beat is not None and beat != known[0]):
                    return False
                beat = known[0]
            time.sleep(poll_s)
        return True

    def release(self, partition: Partition) -> None:
        """Releases a partition, once per ``acquire``; a claim that was taken over meanwhile stays."""
        self._held[partition] -= 1
        if self._held[partition] > 0:
            return
        del self._held[partition]
        if self._holder(partition) == self._run_id:
            self._blobs.delete([_claim_file(partition)])

    def _put(self, partition: Partition) -> bool:
        mine = json.dumps({"run_id": self._run_id}).encode()
        if self._blobs.put_if_absent(_claim_file(partition), mine):
            return True
        holder = self._holder(partition)
        if holder == self._run_id:
            return True  # an object store may carry out a put and then report that it failed
        if holder is not None and self._lives(holder):
            return False
        # A race on purpose: two observers may come here at once, and one may delete the claim that the other has just
        # put. Both then work on the partition, one of them in vain.
        self._blobs.delete([_claim_file(partition)])
        return self._blobs.put_if_absent(_claim_file(partition), mine)

    def _holder(self, partition: Partition) -> str | None:
        """Returns the run that holds a partition; None if none does, or the claim is torn."""
        try:
            return str(json.loads(self._blobs.read(_claim_file(partition)))["run_id"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def _lives(self, run_id: str) -> bool:
        """Returns whether a run's heartbeat exists and has changed within the lease, as this process saw it."""
        try:
            beat = self._blobs.read(_heartbeat_file(run_id))
        except FileNotFoundError:
            return False  # a run writes its heartbeat before its first claim, and removes it last
        if _process_is_gone(beat):
            self._blobs.delete([_heartbeat_file(run_id)])
            return False
        now = self._clock()
        known = self._last_change.get(run_id)
        if known is None or known[0] != beat:
            self._last_change[run_id] = (beat, now)
            return True
        if now - known[1] < self._lease_s:
            return True
        self._blobs.delete([_heartbeat_file(run_id)])  # if the run lives after all, its next heartbeat restores it
        return False

    def _beat(self) -> None:
        while not self._ended.wait(self._beat_s):
            try:
                self._write_beat()
                self._look_for_runs()
            except (NightshiftError, OSError):
                continue  # the next one may succeed; until then claims may be taken over, which costs work, not rows

    def _write_beat(self) -> None:
        self._beats += 1
        beat = {"beats": self._beats, "host": platform.node(), "pid": os.getpid()}
        self._blobs.write(_heartbeat_file(self._run_id), json.dumps(beat).encode())

    def _look_for_runs(self) -> None:
        mine = _heartbeat_file(self._run_id)
        if not self.met_other_runs:
            runs = [blob.name for blob in self._blobs.list(CLAIMS_FOLDER) if blob.name.startswith(_RUN)]
            self.met_other_runs = runs != [mine]

    def _remove_forgotten(self) -> None:
        oldest = time.time() - FORGET_AFTER_H * 3600
        self._blobs.delete([blob.name for blob in self._blobs.list(CLAIMS_FOLDER) if blob.modified < oldest])


def _claim_file(partition: Partition) -> str:
    return f"{_PARTITION}{safe_name('/'.join(partition))}.json"


def _heartbeat_file(run_id: str) -> str:
    return f"{_RUN}{safe_name(run_id)}.json"


def _is_of_this_machine(beat: bytes) -> bool:
    """Returns whether a heartbeat is of a process of this machine; of a torn one it is unknown."""
    try:
        return str(json.loads(beat)["host"]) == platform.node()
    except (ValueError, KeyError, TypeError):
        return False


def _process_is_gone(beat: bytes) -> bool:
    """Returns whether a heartbeat is of a process of this machine that no longer exists."""
    if not _is_of_this_machine(beat):
        return False
    try:
        pid = int(json.loads(beat)["pid"])
    except (ValueError, KeyError, TypeError):
        return False  # torn: the lease decides
    try:
        os.kill(pid, 0)  # signal 0 only checks
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # it exists, and is another user's
    return False
