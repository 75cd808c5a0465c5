"""Decides what of each frame is looked at: all of it in some frames, the probes; in the others what changed.

A frame between two probes is looked at as a whole or, on a view that holds still, where it changed since the last whole
look (``changes.py``): what was found in the rest holds. Even what changed is looked at seldom, where that tells who is
in the frames between (``gaps.py``). Tiles are looked at in which one of the two probes found somebody whom the whole
frame's look misses, if they changed. So a view without small people costs no tiles but the probes', and one in which
nothing changes costs the probes only. Frames wait for the next probe, which comes early where there is no memory for
more.
"""

from collections.abc import Callable, Sequence
from functools import partial

from ops.detect.active import active_tiles, sure_people
from ops.detect.backends import Network
from ops.detect.between import Seen
from ops.detect.changes import changed, reduced
from ops.detect.decode import Boxes, Decoder
from ops.detect.gaps import Gaps
from ops.detect.patience import Patience
from ops.detect.sample import SampledFrame, SampleLooks
from ops.detect.settings import LookSettings
from ops.detect.tiles import Look, merge_looks, network_pyramid, part_in, submit_look
from ops.detect.waiting import WaitingFrames
from ops.detect.whole import WholeLooks
from schemas.values import Uint8


class LookWindow:
    """Looks at a segment's frames as a whole or where they changed, and in tiles where people are too small for that.

    Args:
        network, decoder: of the same weights.
        source_px: (width, height) that boxes refer to.
        count: called with the name of each piece of work and its amount: ``detector_calls`` (runs of the network),
            ``tile_calls``, ``part_calls``, ``between_calls`` and ``sample_calls`` (those for tiles, for parts of frames
            that changed, for those between two looks, and for frames that are looked at in full to compare).

    Attributes:
        looks: all looks at a frame, the whole first; empty before the first frame.
        looks_at: by frame, how often the network looked at it, at a part of it, or in a tile; 0: others tell
            who is in it.
        probes: number of frames for which all tiles count, looked at or unchanged.
        sampled: the frames that were looked at in full to compare; complete after ``finish``.
    """

    def __init__(
        self,
        network: Network,
        decoder: Decoder,
        source_px: tuple[int, int],
        settings: LookSettings,
        count: Callable[[str, int], None],
    ) -> None:
        self._network = network
        self._decoder = decoder
        self._source_px = source_px
        self._settings = settings
        self._count = count
        self._whole = WholeLooks(network, decoder, source_px, count)
        self._sample = SampleLooks(network, decoder, source_px, settings.sample_share, settings.sample_key, count)
        self._gaps = Gaps(network, decoder, source_px, (settings.gap_frames, settings.gap_s), count)
        self._times_us: list[int] = []
        self._patience = Patience(settings.stale_s, settings.stale_frames)
        self._patiences: dict[int, Patience] = {}  # by tile
        self._due = (0, 0)  # number of a frame, and a time in microseconds: whatever comes first
        self._in_tiles: dict[tuple[int, int], Boxes] = {}
        self._tiles: list[dict[int, int]] = []  # by frame: the tiles that count, and the frame that was looked at
        self._waiting = WaitingFrames()
        self._seen: dict[int, int] = {}  # by tile: the frame that it was last looked at in, until the last probe
        self._pictures: dict[int, Uint8] = {}  # reduced: of these, of the last probe, and of the frames since
        self._unchanged: list[int] = []  # frames that show what the last probe shows, and so need no pixels
        self._active: frozenset[int] = frozenset()
        self._probed = -1
        self.looks: tuple[Look, ...] = ()
        self.looks_at: list[int] = []
        self.probes = 0
        self.sampled: list[SampledFrame] = []

    @property
    def looked(self) -> list[frozenset[int]]:
        """By frame, the numbers of the tiles in ``looks`` whose look counts for it; complete after ``finish``."""
        return [frozenset(tiles) for tiles in self._tiles]

    def add(self, frame: Uint8, time_us: int) -> None:
        """Looks at the next frame ``(H, W, 3)`` BGR, which must not change until ``finish``."""
        if not self.looks:
            frame_px = (frame.shape[1], frame.shape[0])
            self.looks = network_pyramid(self._network, frame_px, self._settings.least_person_px)
            stale = (self._settings.stale_s, self._settings.stale_frames)
            self._patiences = {look: Patience(*stale) for look in range(1, len(self.looks))}
        number, settings = len(self._tiles), self._settings
        self._tiles.append({})
        picture = reduced(frame) if settings.holds else None
        self._times_us.append(time_us)
        if picture is not None:
            self._sample.add(number, frame)
            # What shows the same needs no picture of its own, however long it does.
            before = self._whole.picture
            self._pictures[number] = picture if before is None or changed(picture, before).any() else before
        ran_out = settings.holds and self._patience.is_over(number, time_us)
        due = ran_out or number >= self._due[0] or time_us >= self._due[1]
        due |= self._gaps.full
        if picture is None or ran_out or (due and self._whole.differs(picture)):
            self.looks_at.append(self._whole.look(number, frame, self.looks[0], picture))
        elif self._gaps.may_wait(number, time_us) and self._whole.differs(picture):
            self._gaps.wait(number, time_us, frame, picture)
            self.looks_at.append(0)
            return
        else:
            self.looks_at.append(self._whole.look_again(number, frame, self.looks[0], picture))
        self._looked(number, frame, time_us, picture, due, ran_out)

    def _looked(self, number: int, frame: Uint8, time_us: int, picture: Uint8 | None, due: bool, ran_out: bool) -> None:
        """Continues with a frame that the whole look, or what it holds, tells all about."""
        if len(self.looks) == 1:
            due &= self._whole.base == number
        else:
            if picture is not None and not ran_out and not changed(picture, self._pictures[self._probed]).any():
                self._unchanged.append(number)
                return
            self._waiting.add(number, frame)
            due |= self._waiting.full
        if self.looks_at[number]:
            self._gaps.begin(number, time_us)
        if due:
            self._renew(number, time_us, picture, ran_out)

    def _renew(self, number: int, time_us: int, picture: Uint8 | None, ran_out: bool) -> None:
        """Probes, and begins the time to the next probe."""
        settings = self._settings
        if len(self.looks) > 1:
            self._probe(ran_out)
        self._settle_gaps()
        self._pictures = {each: self._pictures[each] for each in {number, *self._seen.values()} & self._pictures.keys()}
        self._sample.look(self.looks, self._tiles)  # what counts for all frames so far is known
        self._due = (number + settings.probe_frames, time_us + round(settings.probe_s * 1e6))
        if picture is not None and ran_out:
            self._whole.finish(number)
            self._patience.renew(number, time_us, picture, sure_people(self._whole.found(number), settings))

    def finish(self) -> list[Boxes]:
        """Returns the boxes of each frame, px of the source, surest first."""
        self._look_at_last()
        self._whole.finish()
        if len(self._waiting):
            self._probe()  # the last frame, so that every frame lies between two probes
        else:
            self._hold_tiles(sorted(self._active))
        self._settle_gaps()
        self._sample.look(self.looks, self._tiles)
        self._network.wait()
        found = [self._found(number) for number in range(len(self._tiles))]
        self.sampled = self._sample.compare(found)
        return found

    def _found(self, number: int) -> Boxes:
        """Returns the boxes of a frame that was looked at, holds, or is settled."""
        if number in self._gaps.found:
            return self._gaps.found[number]
        tiles = self._tiles[number]
        return merge_looks([self._whole.found(number), *(self._in_tiles[tiles[look], look] for look in sorted(tiles))])

    def _look_at_last(self) -> None:
        """Looks at the last frame if it was not, so that every frame lies between two looks."""
        number = len(self._tiles) - 1
        if number in self._gaps:
            frame, picture = self._gaps.pop_newest()
            self.looks_at[number] = self._whole.look_again(number, frame, self.looks[0], picture)
            self._looked(number, frame, self._times_us[number], picture, due=False, ran_out=False)

    def _settle_gaps(self) -> None:
        """Finds out who is in the frames that were not looked at, from those around them."""
        numbers = list(self._gaps)
        if not numbers:
            return
        self._whole.finish()
        self._network.wait()
        self._gaps.settle(self._known)
        for number in numbers:
            self.looks_at[number] = int(number in self._gaps.looked)
            self._tiles[number] = self._tiles[number - 1]

    def _known(self, number: int) -> Seen:
        return Seen(number, self._times_us[number], self._pictures[number], self._found(number))

    def _probe(self, ran_out: bool = False) -> None:
        """Looks at the newest waiting frame in all tiles, and at the others in those with people before or now.

        Args:
            ran_out: also in tiles that show what they showed before, where that no longer holds.
        """
        probed, frame = self._waiting.pop_newest()
        time_us = self._times_us[probed]
        tiles = range(1, len(self.looks))
        anew = [
            look
            for look in tiles
            if (ran_out and self._patiences[look].is_over(probed, time_us))
            or self._changed_in(probed, self._seen.get(look), look, frame)
        ]
        self._submit(probed, frame, anew)
        seen = {**self._seen, **dict.fromkeys(anew, probed)}
        self.probes += 1
        self._whole.finish(probed)
        found = {look: self._in_tiles[seen[look], look] for look in tiles}
        if self._settings.holds:
            for look in anew:
                shown = self._pictures[probed][self._part_of(look, frame)]
                self._patiences[look].renew(probed, time_us, shown, sure_people(found[look], self._settings))
        present = active_tiles(self.looks, {0: self._whole.found(probed), **found}, self._settings)
        active = sorted(self._active | present)
        # What an inactive tile finds does not count: it would be there in this frame and in none around it.
        self._tiles[probed] = {look: seen[look] for look in active}
        self._hold_tiles(active)
        last = dict(self._tiles[probed])
        for number, waiting in self._waiting.pop_all():
            anew = [look for look in active if self._changed_in(number, last[look], look, waiting)]
            self._submit(number, waiting, anew)
            last.update(dict.fromkeys(anew, number))
            self._tiles[number] = dict(last)
        self._active, self._probed, self._seen = frozenset(present), probed, seen

    def _hold_tiles(self, active: Sequence[int]) -> None:
        """Gives the frames that show what the last probe shows what counts for it in the active tiles."""
        for number in self._unchanged:
            self._tiles[number] = {look: self._seen[look] for look in active}
        self._unchanged.clear()

    def _changed_in(self, number: int, before: int | None, look: int, frame: Uint8) -> bool:
        """Returns whether a tile shows anything else than in a frame in which it was looked at, if it was."""
        if before is None or not self._settings.holds:
            return True
        part = self._part_of(look, frame)
        return bool(changed(self._pictures[number][part], self._pictures[before][part]).any())

    def _part_of(self, look: int, frame: Uint8) -> tuple[slice, slice]:
        """Returns the rows and columns of a tile in the reduced picture."""
        height, width = self._pictures[len(self._tiles) - 1].shape[:2]
        return part_in(self.looks[look], (frame.shape[1], frame.shape[0]), (width, height))

    def _submit(self, number: int, frame: Uint8, tiles: Sequence[int]) -> None:
        for look in tiles:
            deliver = partial(self._in_tiles.__setitem__, (number, look))
            submit_look(self._network, self._decoder, frame, self.looks[look], deliver, self._source_px)
        self.looks_at[number] += len(tiles)
        if tiles:
            self._count("detector_calls", len(tiles))
            self._count("tile_calls", len(tiles))
