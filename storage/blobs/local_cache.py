"""Files that were read a moment ago, kept at hand: a worker reads the same footage again and again."""

from collections import OrderedDict
from contextlib import ExitStack
from pathlib import Path

from storage.blobs.base import Blobs


class LocalFileCache:
    """The last few files of an archive as local files; those of a folder are where they are, and cost nothing.

    Args:
        blobs: where they come from.
        keep: how many are kept at once.
    """

    def __init__(self, blobs: Blobs, keep: int = 2) -> None:
        self._blobs = blobs
        self._keep = keep
        self._held: OrderedDict[str, tuple[Path, ExitStack]] = OrderedDict()

    def path(self, name: str) -> Path:
        """A local file with the content, until others take its place; ``FileNotFoundError`` if there is none."""
        if name not in self._held:
            while len(self._held) >= self._keep:
                self._held.popitem(last=False)[1][1].close()  # before, not after: large files share a small disk
            stack = ExitStack()
            self._held[name] = (stack.enter_context(self._blobs.local(name)), stack)
        self._held.move_to_end(name)
        return self._held[name][0]

    def close(self) -> None:
        """Removes what was fetched."""
        for _, stack in self._held.values():
            stack.close()
        self._held.clear()
