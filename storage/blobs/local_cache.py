"""Keeps the files fetched last as local copies: a worker opens the same footage for one op after another."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

from storage.blobs.base import Blobs


class LocalFileCache:
    """Local paths of the last few files of an archive. Files of a folder are used in place and cost nothing.

    Args:
        blobs: where the files come from.
        keep: number of files kept at once.
    """

    def __init__(self, blobs: Blobs, keep: int = 2) -> None:
        self._blobs = blobs
        self._keep = keep
        self._held: OrderedDict[str, tuple[Path, ExitStack]] = OrderedDict()

    def path(self, name: str, prepare: Callable[[Path], AbstractContextManager[Path]] = nullcontext) -> Path:
        """Returns a local file with the content, valid until others replace it.

        Args:
            name: the file's name.
            prepare: makes another file of it, which is kept in its place.

        Raises:
            FileNotFoundError: there is no such file.
        """
        if name not in self._held:
            # Evict before fetching, not after: large files share a small scratch disk.
            while len(self._held) >= self._keep:
                self._held.popitem(last=False)[1][1].close()
            stack = ExitStack()
            with stack:
                path = stack.enter_context(prepare(stack.enter_context(self._blobs.local(name))))
                self._held[name] = (path, stack.pop_all())
        self._held.move_to_end(name)
        return self._held[name][0]

    def close(self) -> None:
        """Removes the fetched copies."""
        for _, stack in self._held.values():
            stack.close()
        self._held.clear()
