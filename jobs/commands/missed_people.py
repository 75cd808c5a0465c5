"""Tells how many people the detector misses by looking again only where something changed, by camera and night."""

from dataclasses import dataclass
from itertools import groupby

from jobs.commands.results import query
from jobs.site import Site
from ops.rate_bound import clustered_bound


@dataclass(frozen=True)
class MissedPeople:
    """What frames drawn at random say of a camera and a night.

    Attributes:
        date: local date.
        frames: number of frames that were looked at in full.
        people, missed: people found there, and those of them whom the results lack.
        at_most: upper bound of the share missed among all people, 0..1, at a confidence of 95 %; None without people.
    """

    camera: str
    date: str
    frames: int
    people: int
    missed: int
    at_most: float | None

    @property
    def message(self) -> str:
        """Returns what an operator should know."""
        bound = "which says nothing of others" if self.at_most is None else f"at most {self.at_most:.1%} of all (95 %)"
        return f"{self.missed} of {self.people} people in {self.frames} frames drawn at random, {bound}"


def missed_people(site: Site) -> tuple[MissedPeople, ...]:
    """Returns what is known of each camera and night, oldest night first.

    Raises:
        QueryError: the rows of ``detector_samples`` cannot be read.
    """
    rows = query(
        site, 'SELECT CAST("date" AS VARCHAR) AS night, camera, people, missed FROM detector_samples ORDER BY ALL'
    ).to_pylist()
    nights = groupby(rows, key=lambda row: (row["camera"], row["night"]))
    return tuple(_summed(camera, night, list(sample)) for (camera, night), sample in nights)


def _summed(camera: str, night: str, rows: list[dict[str, int]]) -> MissedPeople:
    sizes, missed = [row["people"] for row in rows], sum(row["missed"] for row in rows)
    return MissedPeople(camera, night, len(rows), sum(sizes), missed, clustered_bound(sizes, missed))
