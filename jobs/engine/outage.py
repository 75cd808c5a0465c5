"""Waits while the archive or the store does not answer, such as a network share that is gone for some minutes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from jobs.engine.away import store_answers
from schemas.errors import TransientError
from storage.store.store import Store

RETRY_S = 5.0
"""Seconds until units are tried again that the archive did not answer."""

PATIENCE_S = 1800.0
"""Seconds without an answer after which the run ends. Its units stay as they are: the next run does them."""

Result = TypeVar("Result")


class Outage:
    """What does not answer at present, and since when.

    Args:
        on_warning: called with one line when an outage begins and when it ends.
        gives_up: asked while the store is waited for; true once the run is to end anyway.
    """

    def __init__(self, store: Store, on_warning: Callable[[str], None], gives_up: Callable[[], bool]) -> None:
        self._store = store
        self._on_warning = on_warning
        self._gives_up = gives_up
        self._began: float | None = None
        self._what = ""
        self._next_try = 0.0

    @property
    def must_wait(self) -> bool:
        """Whether no unit is to begin yet."""
        return self._began is not None and time.monotonic() < self._next_try

    def begin(self, what: str, detail: str) -> None:
        """Notes that something did not answer.

        Args:
            what: ``archive`` or ``store``.

        Raises:
            TransientError: it has not answered for ``PATIENCE_S``.
        """
        now = time.monotonic()
        self._next_try = now + RETRY_S
        self._what = what
        if self._began is None:
            self._began = now
            self._on_warning(f"{detail}: the run waits since {datetime.now(UTC):%H:%M:%S} UTC")
        elif now - self._began > PATIENCE_S:
            raise TransientError(f"{detail}, for {now - self._began:.0f} s; run again when it does: nothing is lost")

    def end(self, what: str) -> None:
        """Notes that something answers."""
        if self._began is not None and self._what == what:
            self._on_warning(f"the {what} answers again, after {time.monotonic() - self._began:.0f} s")
            self._began = None

    def outlast(self, use_store: Callable[[], Result]) -> Result:
        """Returns what an access to the store returns; while the store does not answer, tries again.

        Raises:
            OSError: the store answers, and yet the access fails; or the run is to end.
        """
        while True:
            if store_answers(self._store):
                self.end("store")
                try:
                    return use_store()
                except (TransientError, OSError):
                    if store_answers(self._store):
                        raise
            elif self._gives_up():
                raise OSError(f"store {self._store.blobs.url} does not answer")
            self.begin("store", f"store {self._store.blobs.url} does not answer")
            time.sleep(RETRY_S)
