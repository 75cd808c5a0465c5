"""The folder of a training: its weights, what it needs to go on, and its log. Each file appears whole or not at all."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from schemas.errors import UserError
from storage.files import write_atomic

WEIGHTS, STATE, LOG, RECORD = "weights.pth", "state.pth", "log.jsonl", "training.json"


class TrainingFolder:
    """The files of one training.

    Attributes:
        weights: the network after the last finished epoch, for `nightshift models import`.
        state: what a training needs to go on after that epoch; as large as three networks.
        log: the losses, one line of JSON per epoch.
        record: what it is trained on and how.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.weights, self.state, self.log, self.record = (path / name for name in (WEIGHTS, STATE, LOG, RECORD))

    def begin(self, record: Mapping[str, Any], resume: bool) -> bytes | None:
        """Makes the folder ready; returns the state to go on from, or None for a new training.

        Args:
            record: what the training is on and how; it must be the same when it goes on.
            resume: go on if there is a state.

        Raises:
            UserError: there is another training, or one that ``resume`` was not asked for.
        """
        found = self._read_record()
        if found is not None and not resume:
            raise UserError(f"{self.path} holds a training already: go on with --resume, or give another -o")
        if found is not None:
            changed = sorted(name for name in {*found, *record} if found.get(name) != record.get(name))
            if changed:
                was = ", ".join(f"{name} was {found.get(name)!r}, now {record.get(name)!r}" for name in changed)
                raise UserError(f"{self.path} holds another training: {was}; give the same again, or another -o")
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomic(self.record, (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())
        return self.state.read_bytes() if self.state.is_file() else None

    def keep(self, weights: bytes, state: bytes, log: Iterable[Mapping[str, Any]]) -> None:
        """Writes the files after an epoch; ``state`` last, since a training goes on from it."""
        write_atomic(self.weights, weights)
        write_atomic(self.log, "".join(json.dumps(row) + "\n" for row in log).encode())
        write_atomic(self.state, state)

    def _read_record(self) -> dict[str, Any] | None:
        if not self.record.is_file():
            return None
        try:
            return dict(json.loads(self.record.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise UserError(f"{self.record} cannot be read ({error}); give another -o") from error
